"""A permit around each call of a function, until its work is done: `protect(func, acquire)`.

A generator takes its permit when it starts and keeps it until it finishes, because a stream that
breaks off half way has failed, however well it began. One that its consumer closes early tells
nothing of the service, not even if its own clean-up fails: the consumer gets that error. A function
that hands on a generator, or a block made of one by `contextlib`, hands on its permit with it.

Coroutine functions are not here: `CircuitBreaker` protects them itself, beside its `call`, for
there each step costs as much as the call.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import _AsyncGeneratorContextManager, aclosing
from types import AsyncGeneratorType, GeneratorType
from typing import Any, ParamSpec, TypeAlias, TypeVar

from resilience_lab.breaker.permit import Permit
from resilience_lab.ground.arguments import UNBEGUN, yields, yields_async

P = ParamSpec("P")
T = TypeVar("T")
Acquire: TypeAlias = Callable[[], Permit]
Function: TypeAlias = Callable[..., Any]


def protect(func: Callable[P, T], acquire: Acquire) -> Callable[P, T]:
    """`func` with a permit around each call, of the same kind as `func`.

    Parameters
    ----------
    func
        A plain function, which may hand on a coroutine, or a generator function of either kind.
    acquire
        Makes the permit of one call, or raises: then `func` is not called.

    Returns
    -------
    A function with the name, the docstring and the parameters of `func`.
    """
    if yields_async(func):
        cover = _async_generator(func, acquire)
    elif yields(func):
        cover = _generator(func, acquire)
    else:
        cover = _function(func, acquire)
    return functools.wraps(func)(cover)


def protect_result(result: Any, permit: Permit, acquire: Acquire) -> Any:
    """`result`, whose work only begins now, protected to its end by the `permit` out for it."""
    spare = [permit]

    def next_permit() -> Permit:  # a block that decorates a function begins again at each call
        return spare.pop() if spare else acquire()

    if isinstance(result, AsyncGeneratorType):
        return _async_generator(lambda: result, next_permit)()
    if isinstance(result, GeneratorType):
        return _generator(lambda: result, next_permit)()
    cover = _async_generator if isinstance(result, _AsyncGeneratorContextManager) else _generator
    return type(result)(cover(result.func, next_permit), result.args, result.kwds)


def _function(func: Function, acquire: Acquire) -> Function:
    def protected(*args: Any, **kwargs: Any) -> Any:
        permit = acquire()
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
            return protect_result(result, permit, acquire)
        permit.returned(result)
        return result

    return protected


def _generator(func: Function, acquire: Acquire) -> Function:
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


def _async_generator(func: Function, acquire: Acquire) -> Function:
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
