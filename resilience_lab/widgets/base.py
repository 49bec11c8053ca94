"""What every widget here has: words and a picture that do without a kernel, and errors that show.

A widget lives in a browser with a kernel behind it. nbval, GitHub and a screen without a kernel see
only its `text/plain`, which by default is a repr with memory addresses, and its `image/png`. And an
exception in a callback vanishes in JupyterLab, so a callback here puts it into the widget.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets

from resilience_lab.widgets.controls import Status

if TYPE_CHECKING:
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


def shows_problems(callback: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
    """For a callback of an `Explorer`: a bad setting becomes a sentence in the widget."""

    @functools.wraps(callback)
    def guarded(self: E, change: Any) -> None:
        self.problem.text = ""
        try:
            callback(self, change)
        except (ValueError, TypeError) as error:
            self.problem.text = f"⚠ {error}"

    return guarded


class Explorer(SummarisedBox):
    """Controls and what they show, together on the screen. Subclasses draw in `refresh`.

    On a wide page `controls` stand to the left of what is `shown`; on a narrow one above it. Over
    both is what is on `top`, and the `details` follow at the end or below the controls.
    """

    def __init__(
        self,
        *,
        top: Sequence[Any] = (),
        controls: Sequence[Any] = (),
        shown: Sequence[Any] = (),
        details: Sequence[Any] = (),
    ) -> None:
        self.problem = Status()
        self.problem.add_class("lab-problem")
        parts = {"top": top, "controls": controls, "shown": shown, "details": details}
        boxes = [_part(name, widgets) for name, widgets in parts.items() if widgets]
        frame = ipywidgets.Box(boxes)
        frame.add_class("lab-parts")
        super().__init__([frame, self.problem])
        self.add_class("lab-explorer")
        self.refresh()

    def follow(self, *controls: Any) -> None:
        """Refresh whenever the value of one of the `controls` changes."""
        for control in controls:
            control.observe(self._moved, names="value")

    @shows_problems
    def _moved(self, _change: Any) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Show what the controls say now."""

    def picture(self) -> Figure:
        """The same as a figure, for where there is no kernel."""
        from matplotlib.figure import Figure

        return Figure()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        from resilience_lab.plots.style import png

        return super()._repr_mimebundle_(**kwargs) | {"image/png": png(self.picture())}


def _part(name: str, widgets: Sequence[Any]) -> ipywidgets.VBox:
    box = ipywidgets.VBox(list(widgets))
    box.add_class(f"lab-{name}")
    return box


def row(*widgets: Any) -> ipywidgets.HBox:
    """Widgets beside each other, and below each other where the page is too narrow."""
    return ipywidgets.HBox(list(widgets), layout={"flex_flow": "row wrap"})


def note(words: str) -> ipywidgets.HTML:
    """Text that stays as it is."""
    return ipywidgets.HTML(f'<div class="lab-note">{escape(words)}</div>')


def dropdown(label: str, options: Any, value: Any) -> ipywidgets.Dropdown:
    """A list to choose from, in line with the sliders above and below it."""
    control = ipywidgets.Dropdown(options=list(options), value=value, description=label)
    control.add_class("lab-dropdown")
    return control


def transcript(lines: Sequence[str], height: int) -> str:
    """`lines` as HTML, in the room of `height` of them, so that nothing moves when one is added."""
    return (
        f'<pre class="lab-transcript" style="--lines: {height}">{escape(chr(10).join(lines))}</pre>'
    )


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """An HTML table of `rows`, the first cell of each being its name. All is HTML already."""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return (
        f'<table class="lab-table"><caption>{caption}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"
    )
