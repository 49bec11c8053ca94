"""The questions of the course, as text: one TOML file for each notebook.

`[[prediction]]` is a question that an experiment answers: `ask`, its `options`, the `answer`, and
`why`, in Markdown. It stands here and not in the notebook, so that no cell shows an answer before
it is asked for. Tests hold each `answer` against what the notebook's experiment reveals.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Known:
    """A prediction's question with what is known about it; `notebook` is the name of its file."""

    notebook: str
    ask: str
    options: tuple[str, ...]
    answer: str
    why: str


@cache
def known_predictions() -> dict[str, Known]:
    """All predictions of the course by their question, in the order of the notebooks."""
    files = [file for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")]
    found: dict[str, Known] = {}
    for file in sorted(files, key=lambda file: file.name):
        notebook = file.name.removesuffix(".toml")
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("prediction", []):
            options = tuple(entry["options"])
            why = _paragraphs(entry["why"])
            found[entry["ask"]] = Known(notebook, entry["ask"], options, entry["answer"], why)
    return found


def _paragraphs(text: str) -> str:
    """Each paragraph on one line: a page breaks lines where it has to."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
