"""The shipped policies, in virtual time."""

from resilience_lab.simulation.virtual_time import run_virtual

__all__ = ["run_virtual"]
