"""The face of a flash card: a question, its answer when one asks for it, and two buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from resilience_lab.widgets.controls import with_own_keys

_CSS = Path(__file__).with_name("flash_card.css").read_text(encoding="utf-8")


class FlashCard(anywidget.AnyWidget):
    """One card. `on_grade` is told whether the learner knew it, once a card and not before it is
    `shown`.

    `question` and `options` are shown as text, `answer` as HTML. Without a question there is no
    card to be seen.
    """

    _esm = with_own_keys("flash_card.js")
    _css = _CSS
    notebook = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Bool(False).tag(sync=True)

    def __init__(self, on_grade: Callable[[bool], None]) -> None:
        super().__init__()
        self._on_grade = on_grade
        self.on_msg(self._graded)

    def ask(self, notebook: str, question: str, options: tuple[str, ...], answer: str) -> None:
        """Show a new card, its answer hidden."""
        with self.hold_sync():
            self.notebook, self.question = notebook, question
            self.options, self.answer, self.shown = list(options), answer, False

    def _graded(self, _: Any, content: Any, _buffers: Any) -> None:
        if self.shown:
            self._on_grade(bool(content["knew"]))
