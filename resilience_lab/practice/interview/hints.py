"""Three hints for each behaviour of the mock interview: where to look, what to do, how.

The second is the one that the examiner's report gives; it stands with the behaviour. The first says
less, only where to look, and the third is nearly the code. They come one at a time: a hint that was
not needed is a lesson lost.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from resilience_lab.ground.arguments import text, whole
from resilience_lab.practice.contracts.breaker import BREAKER
from resilience_lab.practice.contracts.fallback import FALLBACK
from resilience_lab.practice.contracts.retry import RETRY
from resilience_lab.practice.exam.markup import bullets
from resilience_lab.practice.exam.report import Report
from resilience_lab.practice.exam.wording import Text
from resilience_lab.practice.interview.hint_texts import WHERE_AND_HOW
from resilience_lab.widgets.base import SummarisedBox
from resilience_lab.widgets.controls import Status

LEVELS = 3


def hint(behaviour: str, level: int = 1) -> Text:
    """Hint 1, 2 or 3 for a behaviour, by the name that the report gives it.

    Raises `TypeError` or `ValueError` for a behaviour or a level that there is not.
    """
    whole("level", level, at_least=1)
    if text("behaviour", behaviour) not in _WHAT:
        raise ValueError(f"behaviour must be one that a report names, got {behaviour!r}")
    if level > LEVELS:
        raise ValueError(f"level must be at most {LEVELS}, got {level!r}")
    where, how = WHERE_AND_HOW[behaviour]
    return Text((where, _WHAT[behaviour], how)[level - 1])


def hints(report: Report) -> Hints:
    """A widget with the hints for what `report` says is missing."""
    if not isinstance(report, Report):
        raise TypeError(f"report must be a Report, got {report!r}")
    return Hints(report)


class Hints(SummarisedBox):
    """One missing behaviour to choose, and a button that reveals its hints one by one."""

    def __init__(self, report: Report) -> None:
        self.missing = [behaviour.name for behaviour in report.missing]
        self._revealed = dict.fromkeys(self.missing, 0)
        self.choice = ipywidgets.Dropdown(
            options=self.missing,
            description="Missing",
            layout={"width": "38em", "max_width": "98%"},
        )
        self.choice.observe(self._show, names="value")
        self.more = ipywidgets.Button(layout={"width": "11em"})
        self.more.on_click(self._reveal)
        self.told = Status()
        super().__init__([self.choice, self.more, self.told])
        self._show()

    def summary(self) -> str:
        """How many behaviours there are hints for, the same whatever was revealed."""
        number = len(self.missing)
        if not number:
            return "Nothing is missing, so there is nothing to hint at."
        behaviours = "one missing behaviour" if number == 1 else f"{number} missing behaviours"
        return f"Hints for {behaviours}, {LEVELS} for each."

    def _reveal(self, _: Any) -> None:
        self._revealed[self.choice.value] += 1
        self._show()

    def _show(self, _: Any = None) -> None:
        if not self.missing:
            self.choice.disabled = self.more.disabled = True
            self.more.description = "No hint needed"
            self.told.text = "Nothing is missing."
            return
        name = self.choice.value
        shown = self._revealed[name]
        self.more.disabled = shown == LEVELS
        self.more.description = f"Hint {shown + 1} of {LEVELS}" if shown < LEVELS else "No more"
        where, what, how = (escape(hint(name, level)) for level in (1, 2, 3))
        told = (where, what, f'<pre style="line-height: 1.4">{how}</pre>')
        self.told.html = bullets(told[:shown], "ol") if shown else ""


_WHAT = {clause.name: clause.hint for part in (BREAKER, RETRY, FALLBACK) for clause in part}
