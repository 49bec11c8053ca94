"""What every widget here has: words and a picture that do without a kernel, and errors that show.

A widget lives in a browser with a kernel behind it. nbval, GitHub and a screen without a kernel see
only its `text/plain`, which by default is a repr with memory addresses, and its `image/png`. And an
exception in a callback vanishes in JupyterLab, so a callback here puts it into the widget.
"""

from __future__ import annotations

import functools
from base64 import b64encode
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import Any, TypeVar

import ipywidgets
from matplotlib.figure import Figure

E = TypeVar("E", bound="Explorer")


class SummarisedBox(ipywidgets.VBox):
    """A box of widgets with a text of its own."""

    def summary(self) -> str:
        """What the widget shows, in plain words, the same at each run. Subclasses say more."""
        return type(self).__name__

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        return bundle | {"text/plain": self.summary()}


class Explorer(SummarisedBox):
    """A box of controls and what they show. Subclasses draw in `refresh` and in `picture`."""

    def __init__(self, *rows: Any) -> None:
        self.problem = ipywidgets.HTML()
        super().__init__([*rows, self.problem])
        self.refresh()

    def refresh(self) -> None:
        """Show what the controls say now."""

    def picture(self) -> Figure:
        """The same as a figure, for where there is no kernel."""
        return Figure()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        buffer = BytesIO()
        self.picture().savefig(buffer, format="png", metadata={"Software": None})
        png = b64encode(buffer.getvalue()).decode()
        return super()._repr_mimebundle_(**kwargs) | {"image/png": png}


def shows_problems(callback: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
    """For a callback of an `Explorer`: a bad setting becomes a sentence in the widget."""

    @functools.wraps(callback)
    def guarded(self: E, change: Any) -> None:
        self.problem.value = ""
        try:
            callback(self, change)
        except (ValueError, TypeError) as error:
            self.problem.value = f'<div role="alert">⚠ {escape(str(error))}</div>'

    return guarded


def slider(
    label: str, value: float, low: float, high: float, step: float = 1
) -> ipywidgets.FloatSlider | ipywidgets.IntSlider:
    """A slider with a visible label and its value beside it, for mouse and arrow keys."""
    kind = ipywidgets.IntSlider if isinstance(step, int) else ipywidgets.FloatSlider
    return kind(
        value,
        min=low,
        max=high,
        step=step,
        description=label,
        continuous_update=False,
        style={"description_width": "11em"},
        layout={"width": "27em"},
    )
