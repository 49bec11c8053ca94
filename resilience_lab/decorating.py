"""`@breaker` on each kind of function: one thin cover around `acquire` for each.

A generator takes its permit when it starts and keeps it until it finishes, because a stream that
breaks off half way has failed, however well it began.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from resilience_lab.arguments import is_async, not_callable

if TYPE_CHECKING:
    from resilience_lab.breaker import CircuitBreaker
    from resilience_lab.permit import Permit


def protect(breaker: CircuitBreaker, func: Callable[..., Any]) -> Any:
    """`func` guarded by `breaker`, of the same kind as `func`."""
    if not callable(func):
        raise TypeError(not_callable(func))
    if inspect.isasyncgenfunction(func):
        cover = _async_generator
    elif inspect.isgeneratorfunction(func):
        cover = _generator
    elif is_async(func):
        cover = _coroutine_function
    else:
        cover = _function
    return functools.wraps(func)(cover(breaker, func))


def _coroutine_function(breaker: CircuitBreaker, func: Callable[..., Any]) -> Callable[..., Any]:
    async def protected(*args: Any, **kwargs: Any) -> Any:
        # The body of `call` again: one more coroutine around it would double what it costs.
        generation = breaker._generation
        ticket = generation if generation.admits_all else breaker._admit()
        try:
            result = await func(*args, **kwargs)
        except BaseException as error:
            breaker._settle_error(ticket, error)
            raise
        if breaker._attended or (ticket.alert and not ticket.absorb()):
            breaker._settle_result(ticket, result)
        return result

    return protected


def _function(breaker: CircuitBreaker, func: Callable[..., Any]) -> Callable[..., Any]:
    def protected(*args: Any, **kwargs: Any) -> Any:
        permit = breaker.acquire()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            permit.failure(error)
            raise
        if inspect.isawaitable(result):  # a lambda that hands on a coroutine: not finished yet
            return finish(permit, result)
        permit.returned(result)
        return result

    async def finish(permit: Permit, awaitable: Awaitable[Any]) -> Any:
        with permit:
            result = await awaitable
            permit.returned(result)
            return result

    return protected


def _generator(breaker: CircuitBreaker, func: Callable[..., Any]) -> Callable[..., Any]:
    def protected(*args: Any, **kwargs: Any) -> Any:
        with breaker.acquire():
            return (yield from func(*args, **kwargs))

    return protected


def _async_generator(breaker: CircuitBreaker, func: Callable[..., Any]) -> Callable[..., Any]:
    async def protected(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with breaker.acquire():
            async with aclosing(func(*args, **kwargs)) as inner:
                step = inner.__anext__()
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = inner.asend((yield item))
                    except GeneratorExit:
                        raise  # the consumer leaves, and `aclosing` tells the inner generator
                    except BaseException as error:
                        step = inner.athrow(error)

    return protected
