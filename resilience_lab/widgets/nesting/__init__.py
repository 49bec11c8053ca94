"""`ChainExplorer`, and the scenario that it plays: policies between services."""

from resilience_lab.widgets.nesting.explorer import ChainExplorer

__all__ = ["ChainExplorer"]
