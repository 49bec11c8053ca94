"""What every widget here has: words that say what it shows.

A widget lives in a browser with a kernel behind it. nbval, GitHub and a screen without a kernel see
only its `text/plain`, which by default is a repr with memory addresses. A summary serves them all.
"""

from __future__ import annotations

from typing import Any

import ipywidgets


class SummarisedBox(ipywidgets.VBox):
    """A box of widgets with a text of its own."""

    def summary(self) -> str:
        """What the widget shows, in plain words, the same at each run. Subclasses say more."""
        return type(self).__name__

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        return bundle | {"text/plain": self.summary()}
