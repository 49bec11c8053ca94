"""`BreakerExplorer`, and the scenario that it plays: the breaker."""

from resilience_lab.widgets.breaker.explorer import BreakerExplorer

__all__ = ["BreakerExplorer"]
