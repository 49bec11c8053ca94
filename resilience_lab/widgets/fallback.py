"""`FallbackExplorer`: build a chain of agents, break some, and see what the chain is worth."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from resilience_lab.events import QueryAnswered
from resilience_lab.plots import fallback_summary, fallback_waterfall
from resilience_lab.plots.style import OUTCOMES, seconds
from resilience_lab.recorder import Recorder
from resilience_lab.simulation.fallback_story import (
    BEHAVIOURS,
    AgentSpec,
    FallbackStory,
    ToldQuery,
    tell_fallback,
)
from resilience_lab.widgets.base import Explorer, shows_problems, slider
from resilience_lab.widgets.svg import axis

_MOST = 5  # agents
_QUERIES = 500
_START = (
    AgentSpec("primary", "flaky", 0.3, latency=0.8, cost=3.0),
    AgentSpec("backup", "flaky", 0.2, latency=0.5, cost=1.0),
    AgentSpec("small model", "flaky", 0.1, latency=0.2, cost=0.1),
)
_OUTCOMES = ("success", "failed", "timeout", "skipped")
_SHAPES = {"success": "●", "failed": "✖", "timeout": "■", "skipped": "▶"}
_LEFT, _WIDTH, _ROW = 150, 360, 26  # of the waterfall, in pixels


class FallbackExplorer(Explorer):
    """Controls for each of up to five agents, one query as a waterfall, and what 500 come to.

    `agents` are those to begin with. Raises `ValueError` for more than five.
    """

    def __init__(self, *agents: AgentSpec) -> None:
        if len(agents) > _MOST:
            raise ValueError(f"agents must be at most {_MOST}, got {len(agents)}")
        given = agents or _START
        more = [AgentSpec(f"agent {level + 1}") for level in range(len(given), _MOST)]
        self.rows = [AgentRow(agent) for agent in (*given, *more)]
        self.sliders = {
            "agents": slider("agents", len(given), 0, _MOST),
            "attempt_timeout": slider("attempt timeout (s)", 2.0, 0.1, 10.0, 0.1),
            "correlation": slider("correlation of failures", 0.0, 0.0, 1.0, 0.05),
        }
        self.breakers = ipywidgets.Checkbox(
            description="a circuit breaker for each agent", indent=False
        )
        self.query = slider("show query", 1, 1, _QUERIES)
        self.waterfall = ipywidgets.HTML()
        self.numbers = ipywidgets.HTML()
        for control in (
            *(control for row in self.rows for control in row.controls),
            *self.sliders.values(),
            self.breakers,
        ):
            control.observe(self._set, names="value")
        self.query.observe(self._choose, names="value")
        super().__init__(
            self.sliders["agents"],
            *self.rows,
            ipywidgets.HBox(
                [
                    ipywidgets.VBox(
                        [
                            self.sliders["attempt_timeout"],
                            self.sliders["correlation"],
                            self.breakers,
                        ]
                    ),
                    self.numbers,
                ],
                layout={"flex_flow": "row wrap"},
            ),
            self.query,
            self.waterfall,
        )

    def refresh(self) -> None:
        """Ask the chain anew and show what comes of it."""
        count = self.sliders["agents"].value
        for level, row in enumerate(self.rows):
            row.layout.display = "flex" if level < count else "none"
        self.story: FallbackStory = tell_fallback(
            [row.agent for row in self.rows[:count]],
            queries=_QUERIES,
            attempt_timeout=round(self.sliders["attempt_timeout"].value, 2),
            breakers=self.breakers.value,
            correlation=round(self.sliders["correlation"].value, 2),
        )
        self.numbers.value = (
            f'<div role="status" style="line-height: 1.5; max-width: 33em">'
            f"{'<br>'.join(map(escape, self._findings()))}</div>{_table(self.story)}"
        )
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
    def _set(self, _change: Any) -> None:
        self.refresh()

    @shows_problems
    def _choose(self, _change: Any) -> None:
        self._show_query()


class AgentRow(ipywidgets.HBox):
    """The controls of one agent."""

    def __init__(self, agent: AgentSpec) -> None:
        self.name = agent.name
        self.behaviour = ipywidgets.Dropdown(
            options=BEHAVIOURS,
            value=agent.behaviour,
            description="is",
            style={"description_width": "1.5em"},
            layout={"width": "10em"},
        )
        self.p = _short_slider("P(fails)", "14.5em", agent.p, 1.0, 0.05)
        self.latency = _short_slider("latency (s)", "15.5em", agent.latency, 5.0, 0.1)
        self.cost = _short_slider("cost", "12.5em", agent.cost, 10.0, 0.1)
        self.behaviour.observe(self._behave, names="value")
        self._behave(None)
        self.controls = (self.behaviour, self.p, self.latency, self.cost)
        name = ipywidgets.HTML(f"<b>{escape(agent.name)}</b>", layout={"width": "7.5em"})
        super().__init__([name, *self.controls], layout={"flex_flow": "row wrap"})

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


def _short_slider(
    label: str, width: str, value: float, high: float, step: float
) -> ipywidgets.FloatSlider:
    control = slider(label, value, 0.0, max(high, value), step)
    control.style.description_width = f"{0.5 * len(label) + 1}em"
    control.layout.width = width
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
    outcomes = story.outcomes
    head = "".join(f'<th scope="col">{word}</th>' for word in ("agent", "a", "turns", *_OUTCOMES))
    body = ""
    for level, agent in enumerate(story.agents):
        counts = [outcomes[level, outcome] for outcome in _OUTCOMES]
        cells = [f"{story.availabilities[level]:.2f}", str(sum(counts)), *map(str, counts)]
        body += (
            f'<tr><th scope="row" style="text-align: left">{escape(agent.name)}</th>'
            f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        )
    return (
        '<table style="line-height: 1.4; text-align: right; border-spacing: 8px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


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
                f'fill="{OUTCOMES[turn.outcome]["color"]}" fill-opacity="0.75"/>'
            )
            parts.append(_words(_LEFT + end * scale, y, f"{_SHAPES[turn.outcome]} {words}"))
        told.append(f"{agent.name}: {words}")
    y = _ROW * len(agents)
    verdict = _verdict(query)
    told.append(verdict)
    parts.append(
        f'{_label(y, title)}<rect x="{_LEFT}" y="{y + 7}" width="{elapsed * scale:.1f}" '
        f'height="12" fill="none" stroke="#111"/>{_words(_LEFT + elapsed * scale, y, verdict)}'
        f"{axis(_LEFT, _WIDTH, y + _ROW, elapsed, 'seconds after the query')}"
    )
    words = escape("; ".join(told))
    return (
        f'<svg role="img" aria-label="{title}: {words}" viewBox="0 0 720 {y + 58}" '
        'style="width: 720px; max-width: 100%; background: white; font: 13px sans-serif" '
        f'fill="#111">{"".join(parts)}</svg>'
    )


def _verdict(query: ToldQuery) -> str:
    ending = query.ending
    elapsed = seconds(ending.elapsed)
    if isinstance(ending, QueryAnswered):
        return f"answered at level {ending.level}, {elapsed} s"
    return f"no answer, {elapsed} s"


def _label(y: float, name: str) -> str:
    short = name if len(name) <= 20 else name[:19] + "…"
    return f'<text x="{_LEFT - 10}" y="{y + 18}" text-anchor="end">{escape(short)}</text>'


def _words(x: float, y: float, words: str) -> str:
    return f'<text x="{x + 6:.1f}" y="{y + 18}">{escape(words)}</text>'
