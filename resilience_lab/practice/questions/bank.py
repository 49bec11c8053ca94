"""The questions of the course, as text: TOML files that are named after their notebooks.

`NOTEBOOK.toml` holds predictions, the questions that an experiment answers: `ask`, its `options`,
the `answer`, and `why`, in Markdown. They stand here and not in the notebook, so that no cell has
an answer before it is asked for; tests hold each `answer` against what the experiment reveals.
`quizzes/NOTEBOOK.toml` holds the quiz: `ask`, the `right` option, and for each of the `options`
what one should know about it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any


@dataclass(frozen=True)
class Known:
    """A prediction's question with what is known about it; `notebook` is the name of its file."""

    notebook: str
    ask: str
    options: tuple[str, ...]
    answer: str
    why: str


@dataclass(frozen=True)
class Asked:
    """A question of a quiz; `options` maps each answer to the feedback on it."""

    notebook: str
    ask: str
    options: Mapping[str, str]
    right: str


@cache
def known_predictions() -> dict[str, Known]:
    """All predictions of the course by their question, in the order of the notebooks."""
    return {
        entry["ask"]: Known(
            notebook,
            entry["ask"],
            tuple(entry["options"]),
            entry["answer"],
            _paragraphs(entry["why"]),
        )
        for notebook, document in _documents(resources.files(__package__))
        for entry in document["prediction"]
    }


@cache
def quiz_questions(notebook: str | None = None) -> tuple[Asked, ...]:
    """The questions of one notebook's quiz, or of all quizzes in the order of the notebooks."""
    return tuple(
        Asked(name, entry["ask"], entry["options"], entry["right"])
        for name, document in _documents(resources.files(__package__) / "quizzes")
        for entry in document["quiz"]
        if notebook in (None, name)
    )


def _documents(folder: Traversable) -> Iterator[tuple[str, dict[str, Any]]]:
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    for file in sorted(files, key=lambda file: file.name):
        yield file.name.removesuffix(".toml"), tomllib.loads(file.read_text(encoding="utf-8"))


def _paragraphs(text: str) -> str:
    """Each paragraph on one line: a page breaks lines where it has to."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
