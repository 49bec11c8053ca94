"""`@breaker` on each kind of function: one thin cover around `acquire` for each.

A generator takes its permit when it starts and keeps it until it finishes, because a stream that
breaks off half way has failed, however well it began. One that its consumer closes early tells
nothing of the service, not even if its own clean-up fails: the consumer gets that error. A function
that hands on a generator, or a block made of one by `contextlib`, hands on its permit with it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import _AsyncGeneratorContextManager, aclosing
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from resilience_lab.breaker.permit import Permit
from resilience_lab.ground.arguments import UNBEGUN, is_async, not_callable, yields, yields_async

if TYPE_CHECKING:
    from resilience_lab.breaker.breaker import CircuitBreaker
    from resilience_lab.breaker.states import Ticket

Function: TypeAlias = Callable[..., Any]


def protect(breaker: CircuitBreaker, func: Function) -> Any:
    """`func` guarded by `breaker`, of the same kind as `func`."""
    if not callable(func):
        raise TypeError(not_callable(func))
    if yields_async(func):
        cover = _async_generator(breaker.acquire, func)
    elif yields(func):
        cover = _generator(breaker.acquire, func)
    elif is_async(func):
        cover = _coroutine_function(breaker, func)
    else:
        cover = _function(breaker, func)
    return functools.wraps(func)(cover)


def _coroutine_function(breaker: CircuitBreaker, func: Function) -> Function:
    async def protected(*args: Any, **kwargs: Any) -> Any:
        # The body of `call` again: one more coroutine around it would double what it costs.
        ticket: Ticket | None = breaker._ticket
        if ticket is None:
            ticket = breaker._admit()
        try:
            result = await (func(*args, **kwargs) if kwargs else func(*args))
        except BaseException as error:
            breaker._settle_error(ticket, error)
            raise
        if type(result) in UNBEGUN:
            return _handed_on(breaker, Permit(breaker, ticket), result)
        if breaker._attended or (ticket.alert and not ticket.absorb()):
            breaker._settle_result(ticket, result)
        return result

    return protected


def _function(breaker: CircuitBreaker, func: Function) -> Function:
    def protected(*args: Any, **kwargs: Any) -> Any:
        permit = breaker.acquire()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            permit.failure(error)
            raise
        if inspect.isawaitable(result):  # a lambda that hands on a coroutine: not finished yet
            return finish(permit, result)
        return conclude(permit, result)

    async def finish(permit: Permit, awaitable: Awaitable[Any]) -> Any:
        try:
            result = await awaitable
        except BaseException as error:
            permit.failure(error)
            raise
        return conclude(permit, result)

    def conclude(permit: Permit, result: Any) -> Any:
        if type(result) in UNBEGUN:
            return _handed_on(breaker, permit, result)
        permit.returned(result)
        return result

    return protected


def _handed_on(breaker: CircuitBreaker, permit: Permit, result: Any) -> Any:
    """`result`, which only begins now, protected to its end by the `permit` that is out for it."""
    spare = [permit]

    def acquire() -> Permit:  # a block that decorates a function begins again at each call
        return spare.pop() if spare else breaker.acquire()

    if isinstance(result, AsyncGeneratorType):
        return _async_generator(acquire, lambda: result)()
    if isinstance(result, GeneratorType):
        return _generator(acquire, lambda: result)()
    cover = _async_generator if isinstance(result, _AsyncGeneratorContextManager) else _generator
    return type(result)(cover(acquire, result.func), result.args, result.kwds)


def _generator(acquire: Callable[[], Permit], func: Function) -> Function:
    def protected(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with acquire() as permit:
            inner = func(*args, **kwargs)
            step, value = inner.send, None
            try:
                while True:
                    try:
                        item = step(value)
                    except StopIteration as end:
                        return end.value
                    try:
                        step, value = inner.send, (yield item)
                    except GeneratorExit:
                        permit.ignore()  # before the clean-up, whose errors are its own
                        inner.close()
                        raise
                    except BaseException as error:
                        step, value = inner.throw, error
            finally:
                del value  # an error's traceback leads to this frame: no way back from here

    return protected


def _async_generator(acquire: Callable[[], Permit], func: Function) -> Function:
    async def protected(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with acquire() as permit:
            async with aclosing(func(*args, **kwargs)) as inner:
                step = inner.__anext__()
                try:
                    while True:
                        try:
                            item = await step
                        except StopAsyncIteration:
                            return
                        try:
                            step = inner.asend((yield item))
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            step = inner.athrow(error)
                except GeneratorExit:
                    permit.ignore()  # before the clean-up, whose errors are its own
                    raise
                finally:
                    del step

    return protected
