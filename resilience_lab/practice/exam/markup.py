"""The few HTML elements that reports are made of. All texts are escaped before they come here.

They are plain and in the page's own colours, so they are readable in a light and in a dark theme.
`<details>` folds without a script: in JupyterLab, in Notebook 7 and on GitHub.
"""

from __future__ import annotations

from collections.abc import Iterable


def fold(title: str, body: str) -> str:
    """`body` behind a title that opens it."""
    return f"<details><summary>{title}</summary>{body}</details>"


def bullets(items: Iterable[str], kind: str = "ul") -> str:
    """A list; `kind` "ol" numbers it."""
    return f"<{kind}>{''.join(f'<li>{item}</li>' for item in items)}</{kind}>"


def terms(rows: Iterable[tuple[str, str]]) -> str:
    """Labels, and what is said under each."""
    return f"<dl>{''.join(f'<dt>{label}</dt><dd>{said}</dd>' for label, said in rows)}</dl>"


LEFT = "text-align: left; vertical-align: top; white-space: normal"
"""The style of all cells: JupyterLab sets tables flush right, and those of widgets in one line."""


def table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a head for each column, and each row's first cell as its head."""
    heads = "".join(f'<th scope="col" style="{LEFT}">{name}</th>' for name in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f'<td style="{LEFT}">{cell}</td>' for cell in rest)
        lines.append(f'<tr><th scope="row" style="{LEFT}">{first}</th>{cells}</tr>')
    return (
        f'<table><caption style="{LEFT}">{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )
