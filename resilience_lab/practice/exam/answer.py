"""Takes the learner's answer as it is handed in: a class or function, or a source text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.wording import shown

FILE = "<your answer>"


@dataclass(frozen=True)
class Answer:
    """The `subject` to be graded, or the `problem` why there is none."""

    subject: Any = None
    problem: str = ""


def answer_of(given: Any, name: str) -> Answer:
    """What is to be graded: `given` itself, or in a source text what is called `name`."""
    if isinstance(given, str):
        return _in_source(given, name)
    return _checked(given, name)


def _checked(subject: Any, name: str) -> Answer:
    if callable(subject):
        return Answer(subject)
    return Answer(problem=f"{name} cannot be called: it is {shown(subject)}")


def _in_source(source: str, name: str) -> Answer:
    """Run the text, as an import would, and see what it has defined."""
    try:
        code = compile(source, FILE, "exec")
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Answer(problem=f"{where}{error.msg}")
    names: dict[str, Any] = {"__name__": "answer"}

    with Room() as room:

        async def main() -> None:
            room.call(exec, code, names)

        problem = room.run(main)
    if problem:
        return Answer(problem=f"when the text was run, {problem}")
    if name not in names:
        return Answer(problem=f"nothing in the text is called {name}")
    return _checked(names[name], name)
