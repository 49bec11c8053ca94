"""`FallbackExplorer`: build a chain of agents, break some, and see what the chain is worth."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets

from resilience_lab.events.events import QueryAnswered
from resilience_lab.events.recorder import Recorder
from resilience_lab.plots import fallback_summary, fallback_waterfall
from resilience_lab.plots.style import OUTCOMES, seconds, shortened
from resilience_lab.widgets.base import Explorer, dropdown, shows_problems, table
from resilience_lab.widgets.controls import Slider, Status, slider
from resilience_lab.widgets.fallback.scenario import (
    BEHAVIOURS,
    AgentSpec,
    FallbackStory,
    ToldQuery,
    tell_fallback,
)
from resilience_lab.widgets.svg import FULL_WIDTH, axis, caption, drawing, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 5  # agents
_QUERIES = 500
_START = (
    AgentSpec("primary", "flaky", 0.3, latency=0.8, cost=3.0),
    AgentSpec("backup", "flaky", 0.2, latency=0.5, cost=1.0),
    AgentSpec("small model", "flaky", 0.1, latency=0.2, cost=0.1),
)
_OUTCOMES = ("success", "failed", "timeout", "skipped")
_SHAPES = {"success": "●", "failed": "✖", "timeout": "■", "skipped": "▶"}
_LEFT, _WIDTH, _ROW = 98, 150, 26  # of the waterfall, in pixels
_LONGEST = 14  # letters of a name, in the picture


class FallbackExplorer(Explorer):
    """Controls for each of up to five agents, one query as a waterfall, and what 500 come to.

    `summary()` says in words what is shown, `picture()` draws it, and `story` has all the numbers.

    Parameters
    ----------
    *agents
        Those to begin with, the primary first; three flaky ones if none is given.

    Raises
    ------
    ValueError
        For more than five agents.
    """

    def __init__(self, *agents: AgentSpec) -> None:
        if len(agents) > _MOST:
            raise ValueError(f"agents must be at most {_MOST}, got {len(agents)}")
        given = agents or _START
        more = [AgentSpec(f"agent {level + 1}") for level in range(len(given), _MOST)]
        self.rows = [AgentRow(agent) for agent in (*given, *more)]
        self.sliders = {
            "agents": slider("agents", len(given), 1, _MOST),
            "attempt_timeout": slider("attempt timeout (s)", 2.0, 0.1, 10.0, 0.1),
            "correlation": slider("correlation of failures", 0.0, 0.0, 1.0, 0.05),
        }
        self.breakers = ipywidgets.Checkbox(
            description="a circuit breaker for each agent", indent=False
        )
        self.query = slider("show query", 1, 1, _QUERIES)
        self.waterfall = ipywidgets.HTML()
        self.findings = Status()
        self.numbers = ipywidgets.HTML()
        self.follow(*(control for row in self.rows for control in row.controls))
        self.follow(*self.sliders.values(), self.breakers)
        self.query.observe(self._choose, names="value")
        super().__init__(
            top=self.rows,
            controls=[*self.sliders.values(), self.breakers, self.query],
            shown=[self.waterfall, self.findings, self.numbers],
        )

    def refresh(self) -> None:
        """Ask the chain anew and show what comes of it."""
        count = self.sliders["agents"].value
        for level, row in enumerate(self.rows):
            row.layout.display = None if level < count else "none"
        self.story: FallbackStory = tell_fallback(
            [row.agent for row in self.rows[:count]],
            queries=_QUERIES,
            attempt_timeout=round(self.sliders["attempt_timeout"].value, 2),
            breakers=self.breakers.value,
            correlation=round(self.sliders["correlation"].value, 2),
        )
        self.findings.text = "\n".join(self._findings())
        self.numbers.value = _table(self.story)
        self._show_query()

    def summary(self) -> str:
        """What the queries came to, and the way of the one that is shown."""
        names = ", ".join(agent.name for agent in self.story.agents)
        return (
            f"FallbackExplorer: {names}. {' '.join(self._findings())} "
            f"Query {self.query.value}: {fallback_summary(self._shown.to_frame())}"
        )

    def picture(self) -> Figure:
        """The query that is shown."""
        return fallback_waterfall(self._shown.to_frame(), f"Query {self.query.value}")

    @property
    def _shown(self) -> Recorder:
        recorder = Recorder()
        for event in self.story.queries[self.query.value - 1].events:
            recorder(event)
        return recorder

    def _findings(self) -> list[str]:
        story = self.story
        factors = "".join(f"(1 - {a:.2f})" for a in story.availabilities)
        return [
            f"{_QUERIES} queries: {story.availability:.1%} answered.",
            f"Formula, 1 - product(1 - a): 1 - {factors} = {story.formula:.1%}.",
            _caveat(self.sliders["correlation"].value, self.breakers.value),
            f"Latency: p50 {seconds(story.latency(0.5))} s, p95 {seconds(story.latency(0.95))} s.",
            f"Mean cost of a query: {story.mean_cost:.2f}.",
        ]

    def _show_query(self) -> None:
        number = self.query.value
        self.waterfall.value = _waterfall(
            f"Query {number}", self.story.agents, self.story.queries[number - 1]
        )

    @shows_problems
    def _choose(self, _change: Any) -> None:
        self._show_query()


class AgentRow(ipywidgets.Box):
    """The controls of one agent."""

    def __init__(self, agent: AgentSpec) -> None:
        self.name = agent.name
        self.behaviour = dropdown("is", BEHAVIOURS, agent.behaviour)
        self.p = _short_slider("P(fails)", agent.p, 1.0, 0.05)
        self.latency = _short_slider("latency (s)", agent.latency, 5.0, 0.1)
        self.cost = _short_slider("cost (¢)", agent.cost, 10.0, 0.1)
        self.behaviour.observe(self._behave, names="value")
        self._behave(None)
        self.controls = (self.behaviour, self.p, self.latency, self.cost)
        name = ipywidgets.HTML(f"<b>{escape(agent.name)}</b>")
        super().__init__([name, *self.controls])
        self.add_class("lab-agent")

    @property
    def agent(self) -> AgentSpec:
        """What the controls say."""
        return AgentSpec(
            self.name,
            self.behaviour.value,
            round(self.p.value, 2),
            latency=round(self.latency.value, 2),
            cost=round(self.cost.value, 2),
        )

    def _behave(self, _change: Any) -> None:
        self.p.disabled = self.behaviour.value != "flaky"


def _short_slider(label: str, value: float, high: float, step: float) -> Slider:
    """One whose label stands above it."""
    control = slider(label, value, 0.0, max(high, value), step)
    control.add_class("lab-stacked")
    return control


def _caveat(correlation: float, breakers: bool) -> str:
    """Whether the formula may be believed."""
    reasons = []
    if correlation:
        reasons.append(f"at correlation {correlation:.2f} agents fail together")
    if breakers:
        reasons.append("an open breaker skips its agent")
    if not reasons:
        return "It holds at correlation 0 and without breakers, as here: the rest is chance."
    return f"It holds only at correlation 0 and without breakers. Here {', and '.join(reasons)}."


def _table(story: FallbackStory) -> str:
    rows = []
    for level, agent in enumerate(story.agents):
        counts = [story.outcomes[level, outcome] for outcome in _OUTCOMES]
        rows.append(
            (escape(agent.name), f"{story.availabilities[level]:.2f}", sum(counts), *counts)
        )
    head = ("agent", "a", "turns", *_OUTCOMES)
    return table("The turns of each agent; a: its availability", head, rows)


def _waterfall(title: str, agents: tuple[AgentSpec, ...], query: ToldQuery) -> str:
    """An SVG: a row for each agent, its turn as a bar and in words, and the query below."""
    elapsed = query.ending.elapsed
    scale = _WIDTH / (elapsed or 1.0)
    turns = {turn.level: turn for turn in query.turns}
    parts, told = [], []
    for level, agent in enumerate(agents):
        y = _ROW * level
        parts.append(_label(y, agent.name))
        turn = turns.get(level)
        if turn is None:
            words = "not asked"
            parts.append(_words(_LEFT, y, words))
        else:
            words = f"{turn.outcome}, {seconds(turn.duration)} s"
            end = turn.started + turn.duration
            parts.append(
                f'<rect x="{_LEFT + turn.started * scale:.1f}" y="{y + 4}" '
                f'width="{turn.duration * scale:.1f}" height="18" '
                f'fill="{OUTCOMES[turn.outcome]["color"]}"/>'
            )
            parts.append(_words(_LEFT + end * scale, y, f"{_SHAPES[turn.outcome]} {words}"))
        told.append(f"{agent.name}: {words}")
    y = _ROW * len(agents)
    verdict = _verdict(query)
    told.append(verdict)
    width = elapsed * scale
    parts.append(
        f'{_label(y, title)}<rect x="{_LEFT}" y="{y + 7}" width="{width:.1f}" height="12" '
        f'fill="none" stroke="currentColor"/>{_words(_LEFT + width, y, verdict)}'
        f"{axis(_LEFT, _WIDTH, y + _ROW, elapsed, 'seconds')}"
    )
    return drawing(f"{title}: {'; '.join(told)}", FULL_WIDTH, y + 58, "".join(parts))


def _verdict(query: ToldQuery) -> str:
    ending = query.ending
    elapsed = seconds(ending.elapsed)
    if isinstance(ending, QueryAnswered):
        return f"answered at level {ending.level}, {elapsed} s"
    return f"no answer, {elapsed} s"


def _label(y: float, name: str) -> str:
    return label(_LEFT - 10, y + 18, shortened(name, _LONGEST))


def _words(x: float, y: float, words: str) -> str:
    return caption(x + 6, y + 18, words)
