"""The shipped policies, in virtual time and in great numbers.

`run_virtual` needs only the standard library. What needs numpy and pandas is loaded when it is
first used, so that a program which only wants virtual time does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resilience_lab.ground import names_on_demand
from resilience_lab.virtual_time.run import run_virtual

if TYPE_CHECKING:
    from resilience_lab.simulation.congestion_collapse import collapse
    from resilience_lab.simulation.delays import delay_table, expected_delay, sample_delays
    from resilience_lab.simulation.metastability import metastable
    from resilience_lab.simulation.retry_amplification import amplification
    from resilience_lab.simulation.sharding import shards
    from resilience_lab.simulation.strategies import backoff_load, retry_strategies
    from resilience_lab.simulation.sweeping import sweep
    from resilience_lab.simulation.throttling import adaptive_throttle
    from resilience_lab.simulation.write_contention import contention

__all__ = [
    "adaptive_throttle",
    "amplification",
    "backoff_load",
    "collapse",
    "contention",
    "delay_table",
    "expected_delay",
    "metastable",
    "retry_strategies",
    "run_virtual",
    "sample_delays",
    "shards",
    "sweep",
]

# No module is called as a function is: importing it would hide the function.
__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "congestion_collapse": ("collapse",),
        "delays": ("delay_table", "expected_delay", "sample_delays"),
        "metastability": ("metastable",),
        "retry_amplification": ("amplification",),
        "sharding": ("shards",),
        "strategies": ("backoff_load", "retry_strategies"),
        "sweeping": ("sweep",),
        "throttling": ("adaptive_throttle",),
        "write_contention": ("contention",),
    },
)
