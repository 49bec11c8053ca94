"""The shipped policies, in virtual time and in great numbers.

`run_virtual` needs only the standard library. What needs numpy and pandas is loaded when it is
first used, so that a program which only wants virtual time does not pay for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

# Where each name lives. No module is called as a function is: importing it would hide the function.
_MODULES = {
    "adaptive_throttle": "throttling",
    "amplification": "retry_amplification",
    "backoff_load": "strategies",
    "collapse": "congestion_collapse",
    "contention": "write_contention",
    "delay_table": "delays",
    "expected_delay": "delays",
    "metastable": "metastability",
    "retry_strategies": "strategies",
    "sample_delays": "delays",
    "shards": "sharding",
    "sweep": "sweeping",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
