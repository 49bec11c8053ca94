"""`ChainExplorer`: nest policies between services, and count the calls that reach each of them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import ipywidgets

from resilience_lab.ground.wording import count
from resilience_lab.plots.composition import FATES, composition_calls, composition_summary
from resilience_lab.plots.style import OUTCOMES, seconds
from resilience_lab.widgets.base import Explorer, dropdown, note, table
from resilience_lab.widgets.controls import Status, slider
from resilience_lab.widgets.nesting.scenario import (
    BACKOFF,
    BEHAVIOURS,
    BREAK,
    FAILURES,
    NESTINGS,
    PATIENCE,
    CompositionStory,
    Layer,
    Link,
    tell_composition,
    written,
)
from resilience_lab.widgets.svg import FULL_WIDTH, caption, drawing, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 3  # services
_DEADLINES = {f"{seconds:g} s": seconds for seconds in (PATIENCE, 60.0, 30.0, 8.0, 3.0)}
_SHAPES = {"answered": "●", "failed": "✖", "cut_off": "✂"}
_FIXED = (
    f"Retries wait {', '.join(f'{BACKOFF.bounds(n)[1]:g}' for n in range(3))} ... s. "
    f"A breaker opens after {FAILURES} failures in a row, for {BREAK:g} s."
)
_WIDEST_SHAPE = 13  # in pixels
_LOOKS = {fate: f'fill="{OUTCOMES[outcome]["color"]}"' for fate, outcome in FATES.items()}
_LEFT, _WIDTH, _ROW = 72, 220, 58  # of the picture, in pixels


class ChainExplorer(Explorer):
    """Controls for the policies between up to three services, and the calls that reach each one.

    `summary()` says in words what is shown, `picture()` draws it, and `story` has all the numbers.

    Parameters
    ----------
    *links
        Those to begin with, the users' first; three `Link()`s if none is given.

    Raises
    ------
    ValueError
        For more than three links.
    """

    def __init__(self, *links: Link) -> None:
        if len(links) > _MOST:
            raise ValueError(f"links must be at most {_MOST}, got {len(links)}")
        given = links or (Link(),) * _MOST
        more = (Link(),) * (_MOST - len(given))
        self.services = slider("services", len(given), 1, _MOST)
        self.rows = [LinkRow(number, link) for number, link in enumerate((*given, *more), start=1)]
        self.behaviour = dropdown("the lowest service", BEHAVIOURS, "fails")
        self.sliders = {
            "requests": slider("requests", 5, 1, 10),
            "apart": slider("seconds apart", 1.0, 0.0, 10.0, 0.5),
            "timeout": slider("timeout (s)", 2.0, 0.5, 30.0, 0.5),
        }
        self.deadline = dropdown("the users' deadline", _DEADLINES.items(), PATIENCE)
        self.budget = ipywidgets.Checkbox(
            description="one budget of 10 % for all retries", indent=False
        )
        self.flow = ipywidgets.HTML()
        self.findings = Status()
        self.numbers = ipywidgets.HTML()
        others = [self.behaviour, *self.sliders.values(), self.deadline, self.budget]
        self.follow(self.services, *others)
        self.follow(*(control for row in self.rows for control in row.controls))
        super().__init__(
            controls=[self.services, *self.rows, *others],
            shown=[self.flow, self.findings, self.numbers],
            details=[note(_FIXED)],
        )

    @property
    def links(self) -> list[Link]:
        """What the controls say of each link."""
        return [row.link for row in self.rows[: self.services.value]]

    def refresh(self) -> None:
        """Play the requests anew and show what comes of them."""
        for number, row in enumerate(self.rows, start=1):
            row.layout.display = None if number <= self.services.value else "none"
        under_timeout = any("timeout" in link.nesting for link in self.links)
        self.sliders["timeout"].disabled = not under_timeout
        self.story: CompositionStory = tell_composition(
            self.links,
            self.behaviour.value,
            deadline=self.deadline.value,
            budget=self.budget.value,
            **{name: control.value for name, control in self.sliders.items()},
        )
        self.flow.value = _flow(self.story, self._words())
        self.findings.text = "\n".join(self._findings())
        self.numbers.value = _table(self.story.layers)

    def summary(self) -> str:
        """What became of the requests and of the calls."""
        return f"ChainExplorer: {self._words()}"

    def picture(self) -> Figure:
        """The calls that reached each service."""
        return composition_calls(self.story.to_frame(), " ".join(self._findings()[:1]))

    def _words(self) -> str:
        return " ".join([*self._findings(), composition_summary(self.story.layers)])

    def _findings(self) -> list[str]:
        story, links = self.story, self.links
        requests, lowest = len(story.waits), story.layers[-1]
        tries = [link.tries for link in links]
        product = f" = {prod(tries)}" if len(tries) > 1 else ""
        return [
            f"{count(requests, 'request')}: {sum(story.answered)} answered, "
            f"the longest wait {seconds(max(story.waits))} s.",
            f"{count(lowest.calls, 'call')} reached {lowest.service}: "
            f"{seconds(story.amplification)} for each request.",
            f"At most, by the tries alone: {' * '.join(map(str, tries))}{product}.",
        ]


class LinkRow(ipywidgets.VBox):
    """The controls of one link: the policies, outermost first, and the retries."""

    def __init__(self, number: int, link: Link) -> None:
        caller = f"service {number - 1}" if number > 1 else "users"
        options = [(written(nesting), nesting) for nesting in NESTINGS]
        self.nesting = dropdown(f"{caller} → service {number}", options, link.nesting)
        self.retries = slider("its retries", link.retries, 0, max(3, link.retries))
        self.nesting.observe(self._nest, names="value")
        self._nest(None)
        self.controls = (self.nesting, self.retries)
        super().__init__(self.controls)

    @property
    def link(self) -> Link:
        """What the controls say."""
        return Link(self.nesting.value, self.retries.value)

    def _nest(self, _change: Any) -> None:
        self.retries.disabled = "retry" not in self.nesting.value


def _flow(story: CompositionStory, words: str) -> str:
    """An SVG: the requests, and below them, link by link, the calls that reach each service.

    `words` tell a screen reader what is to be seen.
    """
    most = max(len(story.waits), *(layer.calls for layer in story.layers))
    scale = _WIDTH / most
    requests = len(story.waits)
    parts = [
        label(_LEFT - 10, 19, "users"),
        f'<rect x="{_LEFT}" y="4" width="{requests * scale:.1f}" height="20" fill-opacity="0.6"/>',
        caption(_LEFT + requests * scale + 8, 19, count(requests, "request")),
    ]
    for number, layer in enumerate(story.layers, start=1):
        parts.append(_layer(_ROW * number, layer, scale))
    height = _ROW * len(story.layers) + 58
    return drawing(words, FULL_WIDTH, height, "".join(parts) + _legend(height - 10))


def _legend(y: float) -> str:
    return "".join(
        f'<rect x="{_LEFT + 110 * column}" y="{y - 11}" width="14" height="12" {_LOOKS[fate]}/>'
        + caption(_LEFT + 110 * column + 20, y, f"{_SHAPES[fate]} {_word(fate)}")
        for column, fate in enumerate(FATES)
    )


def _layer(y: float, layer: Layer, scale: float) -> str:
    """The arrow down to a service with its policies, and the calls as a bar in three parts."""
    stopped = f" ⛔ {layer.rejected} rejected" if layer.rejected else ""
    parts = [
        f'<path d="M{_LEFT + 6} {y - 30}v26m-4 -7l4 7l4 -7" fill="none" stroke="currentColor"/>',
        caption(_LEFT + 18, y - 12, f"{layer.link}{stopped}"),
        label(_LEFT - 10, y + 19, layer.service),
    ]
    x = float(_LEFT)
    for fate in FATES:
        width = getattr(layer, fate) * scale
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="20" {_LOOKS[fate]}/>'
        )
        if width > _WIDEST_SHAPE:  # so that nobody needs the colours
            middle = x + (width - _WIDEST_SHAPE) / 2
            parts.append(f'<text x="{middle:.1f}" y="{y + 19}" fill="#111">{_SHAPES[fate]}</text>')
        x += width
    return "".join([*parts, caption(x + 8, y + 19, _fates(layer))])


def _fates(layer: Layer) -> str:
    counts = {fate: getattr(layer, fate) for fate in FATES}
    return " ".join(f"{_SHAPES[fate]} {count}" for fate, count in counts.items() if count) or "0"


def _word(fate: str) -> str:
    return fate.replace("_", " ")


def _table(layers: tuple[Layer, ...]) -> str:
    return table(
        "The calls that reached each service, and those rejected on the way",
        ("service", "calls", "answered", "failed", "cut off", "rejected"),
        [(it.service, it.calls, it.answered, it.failed, it.cut_off, it.rejected) for it in layers],
    )
