"""Takes the learner's answer as it is handed in: a class or function, or a source text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.wording import shown

FILE = "<your answer>"


@dataclass(frozen=True)
class Submission:
    """The `subject` to be graded, or the `problem` why there is none."""

    subject: Any = None
    problem: str = ""


def submission_of(given: Any, name: str) -> Submission:
    """What is to be graded: `given` itself, or in a source text what is called `name`."""
    if isinstance(given, str):
        return _in_source(given, name)
    return _checked(given, name)


def _checked(subject: Any, name: str) -> Submission:
    if callable(subject):
        return Submission(subject)
    return Submission(problem=f"{name} cannot be called: it is {shown(subject)}")


def _in_source(source: str, name: str) -> Submission:
    """Run the text, as an import would, and see what it has defined."""
    try:
        code = compile(source, FILE, "exec")
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Submission(problem=f"{where}{error.msg}")
    names: dict[str, Any] = {"__name__": "answer"}

    with Room() as room:

        async def main() -> None:
            room.call(exec, code, names)

        problem = room.run(main)
    if problem:
        return Submission(problem=f"when the text was run, {problem}")
    if name not in names:
        return Submission(problem=f"nothing in the text is called {name}")
    return _checked(names[name], name)
