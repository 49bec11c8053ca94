"""`StormExplorer`, and the scenario that it plays: a retry storm."""

from resilience_lab.widgets.storm.explorer import StormExplorer

__all__ = ["StormExplorer"]
