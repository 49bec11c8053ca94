"""All mutants of the model solution: of the breaker, of the retry, of the fallback chain."""

from __future__ import annotations

from resilience_lab.practice.bug_hunt.breaker_mutants import BREAKER
from resilience_lab.practice.bug_hunt.fallback_mutants import FALLBACK
from resilience_lab.practice.bug_hunt.mutant import Mutant
from resilience_lab.practice.bug_hunt.retry_mutants import RETRY

MUTANTS: tuple[Mutant, ...] = (*BREAKER, *RETRY, *FALLBACK)
