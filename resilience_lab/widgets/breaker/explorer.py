"""`BreakerExplorer`: be the traffic, and watch a circuit breaker decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from resilience_lab.plots import breaker_timeline
from resilience_lab.widgets.base import Explorer, row, shows_problems, transcript
from resilience_lab.widgets.breaker.scenario import ACTIONS, BreakerStory, tell_story
from resilience_lab.widgets.controls import Status, slider
from resilience_lab.widgets.state_diagram import state_diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = 14  # of the transcript stay in view


class BreakerExplorer(Explorer):
    """Buttons for what may happen next, sliders for the thresholds, and the breaker's answer.

    A slider plays the same actions again under the new setting. `summary()` says in words what is
    shown, and `story` has the breaker and its record.

    Parameters
    ----------
    *actions
        Those to begin with, each one of `ACTIONS`: "succeed", "fail", "cancel", "hang",
        "late answer", "wait 1 s", "wait 10 s".

    Raises
    ------
    ValueError
        For an action that there is not.

    Examples
    --------
    >>> BreakerExplorer("fail", "fail", "fail").story.breaker.state
    <State.OPEN: 'OPEN'>
    """

    def __init__(self, *actions: str) -> None:
        self.actions = list(actions)
        self.story: BreakerStory = tell_story(self.actions)
        self.buttons = {name: _button(name) for name in ACTIONS}
        self.undo = _button("undo")
        self.restart = _button("restart")
        self.sliders = {
            "failure_threshold": slider("failures to open", 3, 1, 10),
            "recovery_timeout": slider("break (s)", 30, 1, 60),
            "success_threshold": slider("successes to close", 2, 1, 5),
            "half_open_max_calls": slider("probes at once", 1, 1, 5),
        }
        self.diagram = ipywidgets.HTML()
        self.counters = Status()
        self.transcript = ipywidgets.HTML()
        for button in self.buttons.values():
            button.on_click(self._act)
        self.undo.on_click(self._undo)
        self.restart.on_click(self._restart)
        self.follow(*self.sliders.values())
        super().__init__(
            top=[row(*self.buttons.values(), self.undo, self.restart)],
            controls=[*self.sliders.values()],
            shown=[self.diagram, self.counters],
            details=[self.transcript],
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The sliders' values, by the names of `CircuitBreaker`'s arguments."""
        return {name: control.value for name, control in self.sliders.items()}

    def refresh(self) -> None:
        """Play the story again and show where it stands."""
        self.story = tell_story(self.actions, **self.settings)
        breaker, change = self.story.breaker, self.story.last_change
        self.diagram.value = state_diagram(
            breaker.state,
            None if change is None else (change.before, change.after),
            failure_threshold=breaker.failure_threshold,
            recovery_timeout=self.settings["recovery_timeout"],
            success_threshold=breaker.success_threshold,
        )
        self.counters.text = self._counters()
        lines = self.story.lines[-_LINES:] or ["No call so far."]
        self.transcript.value = transcript(lines, _LINES)

    def summary(self) -> str:
        """Where the story stands."""
        return f"BreakerExplorer after {len(self.actions)} actions. {self._counters()}"

    def picture(self) -> Figure:
        """The story on a time axis."""
        return breaker_timeline(self.story.recorder.to_frame(), self.story.breaker.state)

    def _counters(self) -> str:
        breaker = self.story.breaker
        words = [
            f"{self.story.now:g} s",
            f"state {breaker.state}",
            f"failures {breaker.failure_count}/{breaker.failure_threshold}",
            f"successes {breaker.success_count}/{breaker.success_threshold}",
            f"hanging calls {len(self.story.hanging)}",
            f"probes at once {breaker.half_open_max_calls}",
        ]
        if breaker.state != "CLOSED":
            words.append(f"next probe in {breaker.retry_after:g} s")
        return " · ".join(words)

    @shows_problems
    def _act(self, button: Any) -> None:
        self.actions.append(button.description)
        self.refresh()

    @shows_problems
    def _undo(self, _button: Any) -> None:
        del self.actions[-1:]
        self.refresh()

    @shows_problems
    def _restart(self, _button: Any) -> None:
        self.actions.clear()
        self.refresh()


def _button(name: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=name, layout={"width": "max-content"})
