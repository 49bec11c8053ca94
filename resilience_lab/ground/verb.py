"""The type of `call`, the one verb by which policies compose, outermost first:

    await retry.call(breaker.call, agent.run, query)

It takes a function and its arguments, and that function may be the `call` of another policy. No
signature says so to every type checker. Pyright, and Pylance in an editor, can pass a function with
overloads on to no other one with overloads: they need one signature, with a union. Mypy infers
nothing from that union, and needs overloads. So each of them is shown what it understands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

P = ParamSpec("P")
T = TypeVar("T")

MYPY: Literal[False] = False  # but mypy takes this name for true


class Verb(Protocol):
    """`call` as mypy is to see it: of another policy's `call`, or of a function."""

    @overload
    async def __call__(
        self, call: Verb, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def __call__(
        self, call: Verb, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def __call__(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def __call__(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


if MYPY:  # pragma: no cover

    def verb(call: Callable[..., Any]) -> Verb: ...

else:

    def verb(
        call: Callable[..., Any],
    ) -> Callable[Concatenate[Any, Callable[P, Awaitable[T] | T], P], Coroutine[Any, Any, T]]:
        """Give the method `call` of a policy its type; it stays what it is."""
        return call
