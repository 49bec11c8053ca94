"""Native HTML controls with a name, for mouse, keys and screen readers.

The sliders of ipywidgets have no accessible name and say their value in fifteen digits, their radio
buttons cut long answers off, and a status that is replaced is not announced. These are made with
anywidget, so they need no build step and no network, in JupyterLab, Notebook 7 and JupyterLite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from resilience_lab.ground.arguments import text as checked_text

_FOLDER = Path(__file__).parent
_CSS = (_FOLDER / "controls.css").read_text(encoding="utf-8")
_UNIT = re.compile(r" \(([^()]*)\)$")


def with_own_keys(name: str) -> str:
    """The text of a script of this folder, behind what keeps its keys from the notebook."""
    return "\n".join((_FOLDER / file).read_text(encoding="utf-8") for file in ("own_keys.js", name))


class Slider(anywidget.AnyWidget):
    """An `<input type=range>` with its label before it and its value, rounded, behind it.

    The value is sent when a key is pressed or the handle is let go. A value out of range is moved
    to the nearest end, as ipywidgets' sliders do.
    """

    _esm = with_own_keys("slider.js")
    _css = _CSS
    value: Any = traitlets.Float().tag(sync=True)
    min: Any = traitlets.Float(0.0).tag(sync=True)
    max: Any = traitlets.Float(100.0).tag(sync=True)
    step: Any = traitlets.Float(1.0).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    @traitlets.validate("value")
    def _within(self, proposal: dict[str, Any]) -> float:
        kept: float = max(self.min, min(self.max, proposal["value"]))
        return kept


class WholeSlider(Slider):
    """A `Slider` for whole numbers."""

    value = traitlets.CInt().tag(sync=True)
    min = traitlets.CInt(0).tag(sync=True)
    max = traitlets.CInt(100).tag(sync=True)
    step = traitlets.CInt(1).tag(sync=True)


def slider(label: str, value: float, low: float, high: float, step: float = 1) -> Slider:
    """A slider with a visible label and its value beside it, for mouse and arrow keys.

    Whole numbers if `step` is an `int`. A unit in brackets at the end of `label`, as in
    "break (s)", is said after the value, too.
    """
    kind = WholeSlider if isinstance(step, int) else Slider
    unit = _UNIT.search(label)
    return kind(
        min=low,
        max=high,
        step=step,
        value=value,
        description=label,
        unit=unit[1] if unit else "",
    )


class Choice(anywidget.AnyWidget):
    """Radio buttons under a `question`; `value` is the chosen one of the `options`, or None.

    Long questions and options wrap. Raises `TypeError` or `ValueError` for an empty question or
    option, and `ValueError` for options that are none or look the same, or a value that is not
    among them.
    """

    _esm = with_own_keys("choice.js")
    _css = _CSS
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    value = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        question: str,
        options: Iterable[str],
        value: str | None = None,
        disabled: bool = False,
        **layout: Any,
    ) -> None:
        texts = [checked_text("options", option) for option in options]
        if not texts or len(set(texts)) < len(texts):
            raise ValueError(f"options must be different texts, at least one, got {texts!r}")
        super().__init__(
            question=checked_text("question", question),
            options=texts,
            value=value,
            disabled=disabled,
            **layout,
        )

    @traitlets.validate("value")
    def _known(self, proposal: dict[str, Any]) -> str | None:
        value: str | None = proposal["value"]
        if value is not None and value not in self.options:
            raise ValueError(f"value must be one of {self.options!r} or None, got {value!r}")
        return value


class Status(anywidget.AnyWidget):
    """A live region: what is put into `text` or `html` later is read aloud when there is time.

    It must be in the page before what it says changes: make it with the widget, and keep it.
    `text` is shown as it is. `html` is shown in its place unless it is empty, so text from others
    must be escaped in it.
    """

    _esm = with_own_keys("status.js")
    _css = _CSS
    text = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)

    def __init__(self, text: str = "", **traits: Any) -> None:
        super().__init__(text=text, **traits)
