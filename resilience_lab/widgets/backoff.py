"""`BackoffExplorer`: how long the waits before the retries really are."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import ipywidgets
import numpy as np

from resilience_lab.plots import delay_distributions
from resilience_lab.plots.style import seconds
from resilience_lab.retry.backoff import JITTERS, Backoff
from resilience_lab.simulation.delays import delay_table, expected_delay, sample_delays
from resilience_lab.widgets.base import Explorer, table
from resilience_lab.widgets.controls import Choice, Status, slider
from resilience_lab.widgets.svg import FULL_WIDTH, PAPER, axis, drawing, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMULAS = {
    "none": "v",
    "full": "U(0, v)",
    "equal": "v/2 + U(0, v/2)",
    "proportional": "min(cap, U(v/2, 3v/2))",
    "decorrelated": "min(cap, U(base, 3s)), s = the delay before",
}
"""The delay before retry n under each kind of jitter; v is the ceiling, U a uniform draw."""

_SAMPLES = 5000
_QUANTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
_LEFT, _WIDTH, _ROW = 80, 300, 26  # of the strips, in pixels
_BINS = 46  # across one strip

Matrix: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"


class BackoffExplorer(Explorer):
    """Sliders for a `Backoff`, and what becomes of its delays over 5,000 calls.

    `summary()` says in words what is shown, and `picture()` draws it. `backoff` is the policy that
    the sliders make, and `samples` are its delays.
    """

    def __init__(self) -> None:
        self.sliders = {
            "base_delay": slider("base (s)", 1.0, 0.1, 10.0, 0.1),
            "multiplier": slider("multiplier", 2.0, 1.0, 4.0, 0.1),
            "max_delay": slider("cap (s)", 60, 1, 120),
            "retries": slider("retries", 8, 1, 10),
        }
        self.jitter = Choice("jitter", list(JITTERS), "full")
        self.jitter.add_class("lab-inline")
        self.strips = ipywidgets.HTML()
        self.total = Status()
        self.table = ipywidgets.HTML()
        self.follow(*self.sliders.values(), self.jitter)
        super().__init__(
            controls=[self.jitter, *self.sliders.values()],
            shown=[self.strips],
            details=[self.total, self.table],
        )

    def refresh(self) -> None:
        """Draw new delays for the present settings, from the same seed as ever."""
        settings = {name: round(control.value, 1) for name, control in self.sliders.items()}
        retries = settings.pop("retries")
        self.backoff = Backoff(**settings, jitter=str(self.jitter.value))
        self.samples = sample_delays(self.backoff, retries, _SAMPLES)
        delays: Matrix = self.samples["delay"].to_numpy().reshape(retries, _SAMPLES)
        self.waits = wait_table(self.backoff, delays)
        self.strips.value = _strips(self.backoff, delays, self._words())
        self.total.text = self._total()
        self.table.value = _table(self.waits)

    def summary(self) -> str:
        """The settings, and the total wait."""
        return f"BackoffExplorer: {self._words()}"

    def picture(self) -> Figure:
        """The distributions of the delays."""
        return delay_distributions(self.samples, delay_table(self.backoff, len(self.waits) - 1))

    def _words(self) -> str:
        policy = self.backoff
        return (
            f"jitter {policy.jitter}, base {policy.base_delay:g} s, "
            f"multiplier {policy.multiplier:g}, cap {policy.max_delay:g} s. {self._total()}"
        )

    def _total(self) -> str:
        total = self.waits["total"]
        return (
            f"Total wait of {len(self.waits) - 1} retries: mean {seconds(total['mean'])} s "
            f"(by formula {seconds(total['formula'])} s), p50 {seconds(total['p50'])} s, "
            f"p95 {seconds(total['p95'])} s, max {seconds(total['max'])} s."
        )


def wait_table(backoff: Backoff, delays: Matrix) -> dict[str, dict[str, float]]:
    """By retry ("0" is the first), and in "total": the waits' quantiles and mean, in seconds.

    `delays` has a row a retry and a column a call. "formula" is the mean that they should have.
    """
    formulas = [expected_delay(backoff, n) for n in range(len(delays))]
    waits = np.vstack([delays, delays.sum(axis=0)])
    columns = dict(
        zip(_QUANTILES, np.quantile(waits, list(_QUANTILES.values()), axis=1), strict=True)
    )
    columns |= {"mean": waits.mean(axis=1), "formula": np.array([*formulas, sum(formulas)])}
    names = [*map(str, range(len(delays))), "total"]
    return {
        name: {column: float(values[row]) for column, values in columns.items()}
        for row, name in enumerate(names)
    }


def _table(waits: dict[str, dict[str, float]]) -> str:
    columns = next(iter(waits.values()))
    return table(
        "Waits in seconds; formula: the expected mean",
        ("retry", *columns),
        [(name, *map(seconds, row.values())) for name, row in waits.items()],
    )


def _strips(backoff: Backoff, delays: Matrix, words: str) -> str:
    """An SVG with a strip for each retry, and one with an axis of its own for the total wait.

    `delays` is as in `wait_table`; `words` tell a screen reader what is to be seen.
    """
    bounds = [backoff.bounds(n) for n in range(len(delays))]
    means = [expected_delay(backoff, n) for n in range(len(delays))]
    total = delays.sum(axis=0)
    total_bounds = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    top = _ROW * len(delays) + 24
    strips = "".join(
        _strip(_ROW * (n + 1), f"retry {n}", row, bounds[n], means[n], bounds[-1][1])
        for n, row in enumerate(delays)
    )
    strips += axis(_LEFT, _WIDTH, top - 20, bounds[-1][1], "s")
    strips += _strip(top + 56, "total wait", total, total_bounds, sum(means), total_bounds[1])
    strips += axis(_LEFT, _WIDTH, top + 60, total_bounds[1], "s")
    lines = [
        f"delay before retry n = {FORMULAS[backoff.jitter]}",
        f"v = min({backoff.max_delay:g} s, {backoff.base_delay:g} s · {backoff.multiplier:g}ⁿ)",
        f"bars: {delays.shape[1]} calls · │ least and greatest wait, and share at it",
        "◇ mean by formula",
    ]
    text = "".join(
        f'<text x="0" y="{top + 104 + 17 * i}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return drawing(words, FULL_WIDTH, top + 162, strips + text)


def _strip(
    base: float, name: str, waits: Matrix, bounds: tuple[float, float], mean: float, longest: float
) -> str:
    """One histogram on the line `base`, its bins between its own bounds."""
    low, high = bounds
    scale = _WIDTH / longest
    left, right = _LEFT + low * scale, _LEFT + high * scale
    counts, _ = np.histogram(waits[waits < high], bins=_BINS, range=(low, high))
    heights = counts / max(counts.max(), 1) * (_ROW - 6)
    edges = np.linspace(left, right, _BINS + 1)
    steps = "".join(
        f"V{base - height:.1f}H{end:.1f}"
        for height, (_, end) in zip(heights, pairwise(edges), strict=True)
    )
    at_most = float(np.mean(waits == high))
    words = "<1%" if at_most < 0.005 else f"{at_most:.0%}"
    share = f'<text x="{right + 6:.1f}" y="{base - 4}">{escape(words)}</text>' if at_most else ""
    middle = _LEFT + mean * scale
    return (
        f"{label(_LEFT - 12, base - 4, name)}"
        f'<path d="M{left:.1f} {base}{steps}V{base}z" fill="#0072B2" fill-opacity="0.75"/>'
        f'<path d="M{left:.1f} {base}v-{_ROW - 6}M{right:.1f} {base}v-{_ROW - 6}" '
        'stroke="currentColor"/>'
        f'<path d="M{middle:.1f} {base - 13}l5 5l-5 5l-5 -5z" style="fill: {PAPER}" '
        f'stroke="currentColor"/>{share}'
    )
