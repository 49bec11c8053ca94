"""How a trial takes hold of the learner's code, so that it is counted and ours is not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from resilience_lab.practice.exam.room import Room

T = TypeVar("T")


class Handle:
    """Stands for the learner's function, class or object: it is called and read like that.

    Each call has the whole limit of lines: trials make thousands of calls, and a short one that is
    made often is no loop without end.
    """

    def __init__(self, room: Room, theirs: Any) -> None:
        self._room = room
        self._theirs = theirs

    def __call__(self, *args: Any) -> Any:
        self._room.top_up()
        result = self._room.call(self._theirs, *args)
        if inspect.isawaitable(result):
            return self._room.drive(result)
        return self._held(result, isinstance(self._theirs, type))

    def __getattr__(self, name: str) -> Any:
        return self._held(self._room.call(getattr, self._theirs, name))

    def _held(self, value: Any, made: bool = False) -> Any:
        return Handle(self._room, value) if made or callable(value) else value


def in_one_go(loop: Callable[..., T], handle: Handle, *args: Any) -> T:
    """`loop(handle, *args)`, for a loop that makes thousands of calls.

    The count is switched on once instead of for each call, which takes longer than a short call.
    """
    return handle._room.call(loop, handle, *args)
