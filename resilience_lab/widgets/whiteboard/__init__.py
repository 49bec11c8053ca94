"""The drawings of "On the whiteboard", drawn, each with what one says at each stroke.

    whiteboard(1)            # the first of them; whiteboard() lists all
    whiteboard("nesting")    # by name

Their numbers come from the shipped policies and simulations.
"""

from __future__ import annotations

from collections.abc import Callable

from resilience_lab.widgets.whiteboard.board import Drawing, Step, texts
from resilience_lab.widgets.whiteboard.breaker import late_result, three_states
from resilience_lab.widgets.whiteboard.fallback import (
    agents_in_a_row,
    nesting,
    one_switch_or_ten,
    tries_and_a_deadline,
)
from resilience_lab.widgets.whiteboard.retry import (
    a_herd,
    circle_of_a_storm,
    delays_under_a_cap,
    load_and_budget,
    tree_of_retries,
)

__all__ = ["DRAWINGS", "Contents", "Drawing", "Step", "whiteboard"]

DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "states": three_states,
    "late result": late_result,
    "delays": delays_under_a_cap,
    "herd": a_herd,
    "budget": load_and_budget,
    "agents": agents_in_a_row,
    "deadline": tries_and_a_deadline,
    "nesting": nesting,
    "tree": tree_of_retries,
    "storm": circle_of_a_storm,
    "shards": one_switch_or_ten,
}
"""By name, in the order of the course; the first has the number 1."""


def whiteboard(which: int | str | None = None) -> Drawing | Contents:
    """One drawing, with what one says at each stroke, or the list of all.

    Parameters
    ----------
    which
        The number (1 is the first) or the name of a drawing. None: the list.

    Returns
    -------
    Drawing or Contents
        A notebook shows it; as text it is the sentences.

    Raises
    ------
    ValueError
        For a number or name that no drawing has.

    Examples
    --------
    >>> print(str(whiteboard()).partition(":")[0])
     1. states
    """
    if which is None:
        return Contents()
    names = list(DRAWINGS)
    numbered = dict(enumerate(names, start=1))
    name = numbered.get(which, "") if isinstance(which, int) else which
    if isinstance(which, bool) or name not in DRAWINGS:
        known = ", ".join(f"{number} {name!r}" for number, name in numbered.items())
        raise ValueError(f"which must be one of {known}; got {which!r}")
    return DRAWINGS[name]()


class Contents:
    """What there is to draw, and for which notebooks."""

    def __repr__(self) -> str:
        return "\n".join(
            f"{number:2}. {name}: {text['title']} ({', '.join(text['notebooks'])})"
            for number, (name, text) in enumerate(texts().items(), start=1)
        )
