"""The three patterns on one page, for a screen and for one sheet of A4.

The text is in `cheat_sheet.toml`. Its numbers are the defaults of the shipped policies and what the
shipped simulations give, so that they cannot say something else than the notebooks.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.desk.course import DeskError, free_name, write_new
from resilience_lab.practice.exam.wording import Text
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry
from resilience_lab.simulation import (
    adaptive_throttle,
    amplification,
    collapse,
    contention,
    metastable,
    retry_strategies,
    run_virtual,
    shards,
)
from resilience_lab.widgets.whiteboard import DRAWINGS

FILE = "cheat_sheet.html"


@dataclass(frozen=True)
class Section:
    """Rows of what it is about and what to know, and a `picture` below them, an SVG or nothing."""

    title: str
    rows: tuple[tuple[str, str], ...]
    picture: str = ""


@dataclass(frozen=True)
class CheatSheet:
    """One page; it prints on one side of A4."""

    title: str
    under: str
    sections: tuple[Section, ...]

    def save(self, file: str | Path = FILE) -> Text:
        """Write a page that can be printed into the current folder, and say where.

        A file of that name with something else in it stays; the page is written beside it. Raises
        `DeskError` if it cannot be written.
        """
        path, page = Path.cwd() / file, self._page().encode()
        try:
            if path.exists() and path.read_bytes() != page:
                path = free_name(path, "new")
            if not path.exists():
                write_new(path, page)
        except OSError as error:
            raise DeskError(f"{path} cannot be written: {error.strerror or error}") from None
        return Text(f"Written: {path}. Open it in a browser and print it: one side of A4.")

    def __repr__(self) -> str:
        lines = [self.title, self.under]
        for section in self.sections:
            lines += ["", section.title.upper()]
            lines += [f"  {term}: {told}" for term, told in section.rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<style>{_css()}</style>{self._body(2)}"

    def _body(self, level: int) -> str:
        """The sheet, its title a heading of this level: 1 in a page of its own."""
        return (
            f'<div class="lab-sheet"><h{level}>{escape(self.title)}</h{level}>'
            f'<p class="lab-sheet-under">{escape(self.under)}</p>'
            f'<div class="lab-sheet-columns">{"".join(self._sections(level + 1))}</div></div>'
        )

    def _sections(self, level: int) -> Iterator[str]:
        for section in self.sections:
            rows = "".join(
                f'<tr><th scope="row">{escape(term)}</th><td>{escape(told)}</td></tr>'
                for term, told in section.rows
            )
            picture = section.picture and f"<div>{section.picture}</div>"
            title = f"<h{level}>{escape(section.title)}</h{level}>"
            yield f"<section>{title}<table>{rows}</table>{picture}</section>"

    def _page(self) -> str:
        """A document of its own."""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(self.title)}</title><style>{_css()}</style></head>"
            f"<body><main>{self._body(1)}</main></body></html>\n"
        )


def cheat_sheet() -> CheatSheet:
    """The cheat sheet of the course. The first one takes a second: its numbers are worked out."""
    text = tomllib.loads(_resource("cheat_sheet.toml"))
    numbers = known_numbers()
    sections = [
        Section(
            section["title"],
            tuple(
                (term.format(**numbers), told.format(**numbers)) for term, told in section["rows"]
            ),
            DRAWINGS[section["picture"]]().plain if "picture" in section else "",
        )
        for section in text["section"]
    ]
    return CheatSheet(text["title"], text["under"], tuple(sections))


@cache
def known_numbers() -> dict[str, Any]:
    """What the text names, each number from the policy or the simulation that it tells of."""
    return {**_defaults(), **_simulated()}


def _defaults() -> dict[str, Any]:
    breaker, retry, backoff = CircuitBreaker(), Retry(), Backoff()
    errors, single = 0.05, 0.999
    waits = list(islice(Backoff(jitter="none").delays(), retry.max_retries))
    return {
        "failures": breaker.failure_threshold,
        "successes": breaker.success_threshold,
        "length": breaker.recovery_timeout,
        "probes": breaker.half_open_max_calls,
        "run": errors**-3,
        "retries": retry.max_retries,
        "calls": len(waits) + 1,
        "waits": ", ".join(f"{wait:g}" for wait in waits),
        "base": backoff.base_delay,
        "cap": backoff.max_delay,
        "jitter": backoff.jitter,
        "hint": retry.max_retry_after,
        "single": single,
        "double": 1 - (1 - single) ** 2,
    }


def _simulated() -> dict[str, Any]:
    loads = retry_strategies(1.0).set_index("strategy")["load"]
    calls = contention(100, ["none", "full"]).set_index("kind")["calls"]
    runs = [_collapsed(strategy) for strategy in ("no_backoff", "backoff_jitter", "single_try")]
    throttled = adaptive_throttle([1000]).iloc[0]
    return {
        "layers": amplification(depth=3, retries=3),
        "budget": amplification(depth=3, retries=3, budget=0.1),
        "free": loads["three_retries"],
        "bucket": loads["token_bucket"],
        "made": run_virtual(_made, RetryBudget(ratio=0.1, burst=10)),
        "fewer": 1 - calls["full"] / calls["none"],
        **dict(zip(("at_once", "backoff", "single_try"), runs, strict=True)),
        "stays_down": _first_load(recovers=False),
        "recovers": _first_load(recovers=True),
        "shared": shards(shards=10, threshold=0.1),
        "each": shards(shards=10, threshold=0.1, per_shard=True),
        "throttle": throttled["sent"] / throttled["accepted"],
    }


def _collapsed(strategy: str) -> int:
    """How many of 30 runs have no goodput in their last twenty seconds."""
    frame = collapse(spike_width=5.0, strategy=strategy)
    return int((frame[frame["t"] >= 60].groupby("run")["goodput"].sum() == 0).sum())


def _first_load(*, recovers: bool) -> int:
    """The first of the course's loads at which the database does, or does not, recover."""
    found = (load for load in (280, 150, 145) if metastable(load).attrs["recovered"] is recovers)
    return next(found)


async def _made(budget: RetryBudget) -> int:
    """How many calls a thousand callers make in an outage under one budget."""
    calls = 0

    async def service() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError("the service is down")

    retry = Retry(budget=budget)
    await asyncio.gather(*(retry.call(service) for _ in range(1000)), return_exceptions=True)
    return calls


def _resource(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


@cache
def _css() -> str:
    return _resource("cheat_sheet.css")
