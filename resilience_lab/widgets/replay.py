"""`Replay`: walk through what a `Recorder` heard, event by event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.events.events import (
    AgentFinished,
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallRejected,
    CallWouldBeRejected,
    Event,
    LeaseExpired,
    QueryAnswered,
    QueryFailed,
    QueryReceived,
    RetryGaveUp,
    RetryScheduled,
    RetrySucceeded,
    Section,
    StateChanged,
)
from resilience_lab.events.recorder import Recorder
from resilience_lab.events.transcript import Transcript
from resilience_lab.ground.outcomes import Outcome, State
from resilience_lab.widgets import base
from resilience_lab.widgets.base import Explorer, shows_problems
from resilience_lab.widgets.controls import Status, slider
from resilience_lab.widgets.state_diagram import state_diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BREAKER = "circuit breaker"
WATCHED = "watched function"
KINDS: dict[type[Event], str] = {
    **dict.fromkeys((StateChanged, CallFinished, CallRejected, LeaseExpired), BREAKER),
    CallWouldBeRejected: BREAKER,
    **dict.fromkeys((RetryScheduled, RetrySucceeded, RetryGaveUp), "retry"),
    **dict.fromkeys((QueryReceived, AgentFinished, QueryAnswered, QueryFailed), "chain of agents"),
    **dict.fromkeys((AttemptStarted, AttemptFinished), WATCHED),
    Section: "section",
}
"""Which kind of source tells which events."""

_LINES = 16  # of the transcript stay in view


class Replay(Explorer):
    """A slider and two buttons over recorded events, one after the other.

    For each source its state at that moment, the event as a sentence, and the transcript so far.
    `summary()` says in words what is shown, and `picture()` draws it.

    Parameters
    ----------
    recorder
        What it holds now is shown; what it hears later is not.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker, Recorder
    >>> recorder = Recorder()
    >>> breaker = CircuitBreaker(failure_threshold=1, on_event=recorder, clock=lambda: 0.0)
    >>> breaker.acquire().failure(ConnectionError("down"))
    >>> Replay(recorder).summary()[-32:]
    'circuit breaker circuit: CLOSED.'
    """

    def __init__(self, recorder: Recorder) -> None:
        self.events = tuple(recorder)
        count = len(self.events)
        first = min(count, 1)
        self.slider = slider(f"event, of {count}", first, first, count)
        self.slider.disabled = not count
        self.back = ipywidgets.Button(description="◀ back", layout={"width": "max-content"})
        self.forward = ipywidgets.Button(description="forward ▶", layout={"width": "max-content"})
        self.sentence = Status()
        self.states = ipywidgets.HTML()
        self.transcript = ipywidgets.HTML()
        self.follow(self.slider)
        self.back.on_click(self._back)
        self.forward.on_click(self._forward)
        super().__init__(
            top=[base.row(self.slider, self.back, self.forward), self.sentence],
            shown=[self.states],
            details=[self.transcript],
        )

    @property
    def so_far(self) -> tuple[Event, ...]:
        """The events up to the one that the slider is at."""
        return self.events[: self.slider.value]

    def refresh(self) -> None:
        """Show the moment that the slider is at."""
        self.back.disabled = self.slider.value <= self.slider.min
        self.forward.disabled = self.slider.value >= self.slider.max
        self.sentence.text = self._words()
        cards = "".join(_card(source, self.events, self.so_far) for source in sources(self.events))
        self.states.value = cards
        self.transcript.value = base.transcript(transcript(self.so_far)[-_LINES:], _LINES)

    def summary(self) -> str:
        """The event, and the state of each source after it."""
        states = "".join(
            f" {kind} {name}: {state_of((kind, name), self.events, self.so_far)}."
            for kind, name in sources(self.events)
        )
        return f"Replay: {self._words()}{states}"

    def picture(self) -> Figure:
        """All events in time, a row for each source, and the present moment."""
        from resilience_lab.plots.style import Picture

        figure = Picture((9, 1.2 + 0.4 * len(sources(self.events))), "", self.summary())
        axes = figure.add_subplot()
        for row, source in enumerate(sources(self.events)):
            times = [event.time for event in self.events if _source(event) == source]
            axes.scatter(times, [row] * len(times), marker="|", s=120, color="#0072B2")
        for event in self.so_far[-1:]:
            axes.axvline(event.time, color="#D55E00")
        labels = [f"{name} ({kind})" for kind, name in sources(self.events)]
        axes.set_yticks(range(len(labels)), labels, parse_math=False)
        axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
        axes.set_xlabel("seconds")
        return figure

    def _words(self) -> str:
        if not self.events:
            return "Nothing was recorded. Give a Recorder to a policy as on_event, and run it."
        event = self.so_far[-1]
        return f"{round(event.time, 3):g} s: {sentence(event)}."

    @shows_problems
    def _back(self, _button: Any) -> None:
        self.slider.value -= 1

    @shows_problems
    def _forward(self, _button: Any) -> None:
        self.slider.value += 1


def sources(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Who tells these events, as (kind, name), in the order of their first word."""
    found = dict.fromkeys(map(_source, events))
    return [source for source in found if source[0] != KINDS[Section]]


def _source(event: Event) -> tuple[str, str]:
    return KINDS.get(type(event), "other"), event.source


def transcript(events: Sequence[Event]) -> list[str]:
    """The lines of a `Transcript`, and a sentence for each event of which it says nothing."""
    lines: list[str] = []
    tell = Transcript(lines.append)
    for event in events:
        heard = len(lines)
        tell(event)
        if len(lines) == heard:
            lines.append(sentence(event))
    return lines


def sentence(event: Event) -> str:
    """What happened, in words; the time is not among them."""
    name = event.source
    match event:
        case Section(title=title):
            return f"the section {title!r} begins"
        case StateChanged(before=before, after=after, reason=reason):
            return f"{name} goes from {before} to {after}: {reason}"
        case CallFinished(state=state, outcome=outcome, error=error):
            return (
                f"a call through {name}, now {state}, ends: {outcome}{_reached(event)}{_why(error)}"
            )
        case CallRejected(state=state, retry_after=retry_after):
            return f"{name} is {state} and rejects a call; next probe in {retry_after:g} s"
        case CallWouldBeRejected(state=state):
            return f"{name} is {state}, but only observes: a call passes that it would reject"
        case LeaseExpired(held=held):
            return f"a probe of {name} gave no answer for {held:g} s and loses its permit"
        case RetryScheduled(call=call, error=error, delay=delay):
            return f"{name}: call {call} failed, the next follows after {delay:.3g} s{_why(error)}"
        case RetrySucceeded(call=call, elapsed=elapsed):
            return f"{name}: call {call} succeeded, {elapsed:.3g} s after the first began"
        case RetryGaveUp(calls=calls, reason=reason, error=error):
            return f"{name} gives up after call {calls}: {reason}{_why(error)}"
        case QueryReceived(query=query, agents=agents):
            return f'{name} is asked "{query}"; its agents are {", ".join(agents)}'
        case AgentFinished(agent=agent, level=level, outcome=outcome, duration=duration):
            turn = f"{name}: the turn of {agent} (level {level})"
            return f"{turn} is over after {duration:.3g} s: {outcome}{_why(event.error)}"
        case QueryAnswered(result=result, agent=agent, level=level, elapsed=elapsed):
            return f'{name}: {agent} (level {level}) answers "{result}", {elapsed:.3g} s in all'
        case QueryFailed(error=error, elapsed=elapsed):
            return f"{name} has no answer after {elapsed:.3g} s{_why(error)}"
        case AttemptStarted(attempt=attempt):
            return f"attempt {attempt} on {name} begins"
        case AttemptFinished(attempt=attempt, started=started, outcome=outcome, error=error):
            length = event.time - started
            return f"attempt {attempt} on {name} ends after {length:.3g} s: {outcome}{_why(error)}"
        case _:
            return f"{name}: {type(event).__name__}"


def _reached(event: CallFinished) -> str:
    """How far the call brings the breaker; a success in CLOSED leads nowhere."""
    if event.outcome is Outcome.FAILURE or event.count:
        return f" ({event.count} of {event.threshold})"
    return ""


def _why(error: BaseException | None) -> str:
    return "" if error is None else f" [{type(error).__name__}: {error}]"


def state_of(source: tuple[str, str], events: Sequence[Event], so_far: Sequence[Event]) -> str:
    """How things stand with `source` after the events `so_far`, which begin `events`."""
    kind = source[0]
    mine = [event for event in so_far if _source(event) == source]
    if kind == BREAKER:
        return _state_after(mine[-1]) if mine else _state_before(_first(source, events))
    if kind == WATCHED:
        return _running(mine)
    return _standing(mine[-1]) if mine else "nothing heard yet"


def _first(source: tuple[str, str], events: Sequence[Event]) -> Event:
    return next(event for event in events if _source(event) == source)


def _state_after(event: Event) -> str:
    match event:
        case StateChanged(after=state) | CallFinished(state=state) | CallRejected(state=state):
            return state
        case CallWouldBeRejected(state=state):
            return state
        case _:  # LeaseExpired
            return State.HALF_OPEN


def _state_before(event: Event) -> str:
    return event.before if isinstance(event, StateChanged) else _state_after(event)


def _running(events: Sequence[Event]) -> str:
    running: list[int] = []  # with repeats: two functions of one name count for themselves
    for event in events:
        match event:
            case AttemptStarted(attempt=attempt):
                running.append(attempt)
            case AttemptFinished(attempt=attempt) if attempt in running:
                running.remove(attempt)  # unless it began before the record did
    return f"running: attempt {', '.join(map(str, running))}" if running else "no attempt running"


def _standing(event: Event) -> str:
    match event:
        case RetryScheduled(call=call, delay=delay):
            return f"call {call} failed, the next one after {delay:.3g} s"
        case RetrySucceeded(call=call):
            return f"succeeded at call {call}"
        case RetryGaveUp(calls=calls):
            return f"gave up after call {calls}"
        case QueryReceived(agents=agents):
            return f"asking {agents[0]}"
        case AgentFinished(agent=agent, level=level, outcome=outcome):
            return f"{agent} (level {level}): {outcome}"
        case QueryAnswered(agent=agent, level=level):
            return f"answered by {agent} (level {level})"
        case QueryFailed():
            return "no answer"
        case _:
            return type(event).__name__


def settings_of(events: Sequence[Event]) -> dict[str, float]:
    """The settings of the breaker that told `events`, as far as they can be read from them."""
    found: dict[str, float] = {}
    opened = math.nan
    for event in events:
        match event:
            case StateChanged(time=time, after=State.OPEN):
                opened = time
            case CallFinished(outcome=Outcome.FAILURE, threshold=threshold):
                found["failure_threshold"] = threshold
            case CallFinished(threshold=threshold):
                found["success_threshold"] = threshold
            case CallRejected(time=time, state=State.OPEN, retry_after=retry_after):
                if math.isfinite(time - opened + retry_after):
                    found["recovery_timeout"] = time - opened + retry_after
    return found


def _card(source: tuple[str, str], events: Sequence[Event], so_far: Sequence[Event]) -> str:
    kind, name = source
    state = state_of(source, events, so_far)
    diagram = _diagram(state, source, events, so_far) if kind == BREAKER else ""
    return f'<div class="lab-card">{kind} <b>{escape(name)}</b>: {escape(state)}{diagram}</div>'


def _diagram(
    state: str, source: tuple[str, str], events: Sequence[Event], so_far: Sequence[Event]
) -> str:
    settings = settings_of([event for event in events if _source(event) == source])
    usual = CircuitBreaker()
    unknown = [
        name
        for name in ("failure_threshold", "recovery_timeout", "success_threshold")
        if name not in settings
    ]
    settings |= {name: getattr(usual, name) for name in unknown}
    changes = [
        (event.before, event.after)
        for event in so_far
        if isinstance(event, StateChanged) and _source(event) == source
    ]
    # A new breaker of the same name begins anew: the last change was not its own.
    change = changes[-1] if changes and changes[-1][1] == state else None
    svg = state_diagram(
        state,
        change,
        failure_threshold=int(settings["failure_threshold"]),
        recovery_timeout=settings["recovery_timeout"],
        success_threshold=int(settings["success_threshold"]),
    )
    note = f"<br>Not in the record, drawn as by default: {', '.join(unknown)}." if unknown else ""
    return svg + note
