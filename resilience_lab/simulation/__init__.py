"""The shipped policies, in virtual time and in great numbers.

`run_virtual` needs only the standard library. What needs numpy and pandas is loaded when it is
first used, so that a program which only wants virtual time does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resilience_lab.simulation.virtual_time import run_virtual

if TYPE_CHECKING:
    from resilience_lab.simulation.delays import delay_table, expected_delay, sample_delays

__all__ = ["delay_table", "expected_delay", "run_virtual", "sample_delays"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from resilience_lab.simulation import delays

    value = getattr(delays, name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
