"""An hour in a millisecond: a loop whose clock jumps, and stand-ins for every other clock."""

from resilience_lab.virtual_time.run import run_virtual

__all__ = ["run_virtual"]
