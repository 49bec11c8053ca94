"""`LibraryExplorer`: choose a library and a behaviour, and read what was done and what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from resilience_lab.practice.libraries import BY_DESIGN, LIBRARIES, SEEN, examine_library
from resilience_lab.widgets.base import SummarisedBox, dropdown
from resilience_lab.widgets.controls import Status


class LibraryExplorer(SummarisedBox):
    """Two lists to choose from, and the examiner's words on what is chosen.

    Examines the libraries of these `names` once, when it is made. What is missing comes first.
    """

    def __init__(self, names: Iterable[str] = LIBRARIES) -> None:
        self._examinations = {name: examine_library(name) for name in names}
        self.library = dropdown("library", self._examinations, next(iter(self._examinations)))
        self.behaviour = dropdown("behaviour", [], None)
        self.words = Status()
        self.library.observe(self._chose_library, names="value")
        self.behaviour.observe(self._chose_behaviour, names="value")
        super().__init__([self.library, self.behaviour, self.words])
        self.add_class("lab-libraries")
        self._chose_library(None)

    def summary(self) -> str:
        """The library, the behaviour, and the words on it."""
        return "\n".join(f"{label}: {said}" for label, said in self._rows())

    def _chose_library(self, _: Any) -> None:
        marks = list(self._examinations[self.library.value].marks())
        self._tried = {
            f"{mark} {behaviour.name}": (pattern, behaviour, mark)
            for pattern, behaviour, mark in sorted(marks, key=lambda item: item[2] == SEEN)
        }
        self.behaviour.options = list(self._tried)
        self.behaviour.value = self.behaviour.options[0]

    def _chose_behaviour(self, _: Any) -> None:
        rows = "".join(f"<dt>{label}</dt><dd>{escape(said)}</dd>" for label, said in self._rows())
        self.words.html = f"<dl>{rows}</dl>"

    def _rows(self) -> Iterator[tuple[str, str]]:
        examination = self._examinations[self.library.value]
        pattern, behaviour, mark = self._tried[self.behaviour.value]
        yield "library", f"{examination.name} {examination.version}, {examination.library.used}"
        yield "behaviour", f"{pattern}, {behaviour.level}: {self.behaviour.value}"
        yield "done", behaviour.done
        yield "expected", behaviour.expected
        yield "seen", behaviour.seen
        if mark == BY_DESIGN:
            yield "documented", examination.choices[behaviour.name]
        yield "why it matters", behaviour.why
