"""`FallbackExplorer`, and the scenario that it plays: a chain of agents."""

from resilience_lab.widgets.fallback.explorer import FallbackExplorer

__all__ = ["FallbackExplorer"]
