"""Tables that fit on the page and can be listened to, as pandas' own cannot.

pandas leaves heads empty where an index has levels, so a screen reader cannot say what a cell is
about, and gives each column the width of its name, so that the last ones are cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_MOST = 6  # columns whose names may stand side by side
_LEFT = "text-align: left; vertical-align: top"
_UPRIGHT = "writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap"


class Table:
    """A frame as an HTML table; as text it is what pandas prints.

    Levels of columns become one head, as in "budget 0.1, retries 3". Equal neighbours in the outer
    levels of the rows are one cell. Many columns have their names upright, and on a page that is
    too narrow all the same the table scrolls by itself, by keys, too.

    Parameters
    ----------
    frame
        A `DataFrame`, also one with several levels of rows and columns.
    caption
        What stands above the table.

    Examples
    --------
    >>> import pandas as pd
    >>> Table(pd.DataFrame({"calls": [4]}, index=["retry"]), "Calls made")
           calls
    retry      4
    """

    def __init__(self, frame: pd.DataFrame, caption: str = "") -> None:
        self.frame = frame
        self.caption = caption

    def __repr__(self) -> str:
        return self.frame.to_string()

    def _repr_html_(self) -> str:
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        heads = "".join(map(_corner, self.frame.index.names)) + "".join(self._columns())
        rows = "".join(f"<tr>{row}</tr>" for row in self._rows())
        return (
            f'<div role="region" tabindex="0" aria-label="{escape(self.caption or "table")}" '
            f'style="overflow-x: auto"><table>{caption}<thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )

    def _columns(self) -> Iterator[str]:
        names = self.frame.columns.names
        for key in self.frame.columns:
            values = key if isinstance(key, tuple) else (key,)
            levels = zip(names, values, strict=True)
            head = escape(
                ", ".join(f"{name or ''} {_text(value)}".strip() for name, value in levels)
            )
            if len(self.frame.columns) > _MOST:
                head = f'<span style="{_UPRIGHT}">{head}</span>'
            yield f'<th scope="col" style="vertical-align: bottom">{head}</th>'

    def _rows(self) -> Iterator[str]:
        keys = [key if isinstance(key, tuple) else (key,) for key in self.frame.index]
        lengths = [_spans(keys, level) for level in range(len(keys[0]) if keys else 0)]
        for number, values in enumerate(self.frame.itertuples(index=False, name=None)):
            heads = "".join(
                _head(value, lengths[level].get(number, 0), last=level == len(lengths) - 1)
                for level, value in enumerate(keys[number])
            )
            yield heads + "".join(f"<td>{escape(_text(value))}</td>" for value in values)


def _corner(name: Any) -> str:
    """The head over a level of the rows; a nameless one has none, for an empty head is invalid."""
    return (
        "<td></td>" if name is None else f'<th scope="col" style="{_LEFT}">{escape(str(name))}</th>'
    )


def _spans(keys: list[tuple[Any, ...]], level: int) -> dict[int, int]:
    """Where a cell of this level begins, and over how many rows it reaches."""
    if level == len(keys[0]) - 1:  # the last tells rows apart, whatever it says
        return dict.fromkeys(range(len(keys)), 1)
    found, start = {}, 0
    for _, group in groupby(keys, key=lambda key: key[: level + 1]):
        found[start] = length = len(list(group))
        start += length
    return found


def _head(value: Any, length: int, *, last: bool) -> str:
    if not length:  # it stands in a row above
        return ""
    scope = "row" if last else "rowgroup"
    span = f' rowspan="{length}"' if length > 1 else ""
    look = f"{_LEFT}; font-weight: normal"
    return f'<th scope="{scope}"{span} style="{look}">{escape(_text(value))}</th>'


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
