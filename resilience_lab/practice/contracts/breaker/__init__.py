"""What a circuit breaker has to do.

Nearly everything is seen from outside: which calls reach the service, and when. So it does not
matter how the breaker is written. Its state is read only where nothing else would tell.
"""

from resilience_lab.practice.contracts.breaker.as_set import AS_SET
from resilience_lab.practice.contracts.breaker.beyond import BEYOND
from resilience_lab.practice.contracts.breaker.overlapping import OVERLAPPING
from resilience_lab.practice.contracts.contract import Contract

BREAKER = Contract(AS_SET.pattern, AS_SET, OVERLAPPING, BEYOND)
"""All clauses, in the order in which they are tried."""
