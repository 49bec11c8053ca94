"""Small promises of `Retry`: its defaults, what its sentences name, what it leaves behind."""

from __future__ import annotations

import gc
import inspect
import weakref

import pytest

from resilience_lab import Backoff, ResultRejectedError, Retry, deadline, retry_with_backoff

NO_JITTER = Backoff(jitter="none")


def defaults(function):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
    }


def test_the_shortcut_has_the_defaults_of_its_parts_but_for_the_jitter():
    parts = defaults(Retry) | defaults(Backoff)
    shortcut = defaults(retry_with_backoff)

    assert shortcut.pop("jitter") == "none"
    assert shortcut.items() - {("func", inspect.Parameter.empty)} <= parts.items()
    assert (parts["max_retries"], parts["max_delay"], parts["max_retry_after"]) == (3, 60.0, 60.0)


async def test_a_decorated_coroutine_function_returns_what_it_returned_at_once():
    @Retry()
    async def fetch():
        return "answer"

    assert await fetch() == "answer"


async def test_what_a_plain_function_hands_on_is_awaited_and_not_asked_for_again():
    calls = []

    async def fetch(number):
        return number

    def hand_on(number):
        calls.append(number)
        return fetch(number)

    assert await Retry()(hand_on)(1) == 1
    assert calls == [1]


class HintError(Exception):
    retry_after = 90.0


async def failing():
    raise HintError


async def test_the_note_names_the_hint_that_is_too_long():
    with pytest.raises(HintError) as caught:
        await Retry(backoff=NO_JITTER).call(failing)

    assert caught.value.__notes__ == [
        "gave up after 1 call in 0.0 s: retry_after (90 s) is over max_retry_after (60 s)"
    ]


async def test_the_note_names_the_wait_that_would_pass_the_deadline():
    with pytest.raises(HintError) as caught:
        async with deadline(50):
            await Retry(backoff=NO_JITTER, max_retry_after=100).call(failing)

    assert caught.value.__notes__ == [
        "gave up after 1 call in 0.0 s: waiting 91.0 s would pass the deadline"
    ]


def generator():
    yield


CONSUMED = "what was already consumed cannot be retried. `@breaker` protects a stream to its end"


async def test_a_generator_function_and_a_generator_are_named():
    with pytest.raises(TypeError) as caught:
        Retry()(generator)
    assert (
        str(caught.value) == f"func must not be a generator function, got {generator!r}: {CONSUMED}"
    )

    made = generator()
    with pytest.raises(TypeError) as caught:
        await Retry().call(lambda: made)
    assert str(caught.value) == f"func must not return a generator, got {made!r}: {CONSUMED}"


def test_a_refused_result_is_free_as_soon_as_its_error_is():
    class Result:
        """Something that can be referred to weakly."""

    results = []

    @Retry(0, accept=lambda _: False)
    def fetch():
        result = Result()
        results.append(weakref.ref(result))
        return result

    gc.disable()
    try:
        with pytest.raises(ResultRejectedError):
            fetch()
        assert results[0]() is None
    finally:
        gc.enable()
