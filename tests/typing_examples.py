"""What type checkers must accept of the library's users, and what they must refuse.

`test_typing.py` checks this file with mypy and pyright, each as strict as it can be, and runs the
accepted examples, so that no type tells anything else than what comes at run time. A line in
`refused` has a comment for each checker, which is itself an error as soon as the line is accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import assert_type

import resilience_lab as lab
from resilience_lab.events import Event, StateChanged

# Users' own functions and agents, of which no class derives from ours.


async def fetch(number: int, *, unit: str = "") -> bytes:
    return f"{number} {unit}".encode()


async def find(number: int) -> bytes | None:
    return b"even" if number % 2 == 0 else None


def fetch_plainly(number: int, *, unit: str = "") -> bytes:
    return f"{number} {unit}".encode()


def fetch_later(number: int) -> asyncio.Future[bytes]:
    return asyncio.ensure_future(fetch(number))


async def words(line: str) -> AsyncGenerator[str, None]:
    for word in line.split():
        yield word


async def words_as_iterator(line: str) -> AsyncIterator[str]:
    for word in line.split():
        yield word


def letters(word: str) -> Generator[str, None, int]:
    yield from word
    return len(word)


def letters_as_iterator(word: str) -> Iterator[str]:
    yield from word


class Client:
    async def __call__(self, number: int) -> bytes:
        return await fetch(number)


class Duck:
    name = "duck"

    async def run(self, query: str) -> str:
        return f"quack: {query}"


@dataclass(frozen=True)
class NamedDuck:
    name: str

    async def run(self, query: str, temperature: float = 0.0) -> str:
        return f"{self.name} at {temperature}: {query}"


class StreamingDuck:
    @property
    def name(self) -> str:
        return "streaming duck"

    async def run(self, prompt: str) -> str:
        return prompt

    async def stream(self, prompt: str) -> AsyncGenerator[str, None]:
        yield prompt


retry = lab.Retry(max_retries=1)
breaker = lab.CircuitBreaker()
host, endpoint = lab.CircuitBreaker(name="host"), lab.CircuitBreaker(name="endpoint")


async def one_verb() -> None:
    agent, query = Duck(), "Are you there?"
    assert_type(await retry.call(agent.run, query), str)
    assert_type(await retry.call(fetch, 1), bytes)
    assert_type(await breaker.call(fetch, number=1, unit="s"), bytes)
    assert_type(await breaker.call(find, 1), bytes | None)
    assert_type(await breaker.call(Client(), 1), bytes)
    assert_type(await breaker.call(fetch_later, 1), bytes)
    assert_type(await breaker.call(fetch_plainly, 1, unit="s"), bytes)
    assert_type(await retry.call(len, "four"), int)
    assert_type(await retry.call(lambda: fetch(1)), bytes)
    assert_type(await retry.call(lambda: 1), int)


async def policies_in_policies() -> None:
    agent, query = Duck(), "Are you there?"
    assert_type(await retry.call(breaker.call, agent.run, query), str)
    assert_type(await breaker.call(retry.call, agent.run, query), str)
    assert_type(await retry.call(breaker.call, fetch, 1, unit="s"), bytes)
    assert_type(await retry.call(breaker.call, fetch_plainly, number=1), bytes)
    assert_type(await retry.call(breaker.call, len, "four"), int)
    assert_type(await retry.call(breaker.call, lambda: fetch(1)), bytes)
    assert_type(await retry.call(lambda: breaker.call(fetch, 1)), bytes)
    assert_type(await host.call(endpoint.call, fetch, 1), bytes)
    assert_type(await retry.call(host.call, endpoint.call, fetch, 1), bytes)
    assert_type(await retry.call(breaker.call, retry.call, agent.run, query), str)
    assert_type(await retry.call(breaker.call, asyncio.to_thread, len, "four"), int)
    task = asyncio.create_task(retry.call(breaker.call, fetch, 1))
    assert_type(await task, bytes)


@retry
@breaker
async def guarded(number: int, *, unit: str = "") -> bytes:
    return await fetch(number, unit=unit)


@retry
@breaker
def guarded_plainly(number: int, *, unit: str = "") -> bytes:
    return fetch_plainly(number, unit=unit)


@breaker
async def guarded_words(line: str) -> AsyncGenerator[str, None]:
    yield line


@breaker
def guarded_letters(word: str) -> Generator[str, None, int]:
    yield from word
    return len(word)


@breaker
@asynccontextmanager
async def session(number: int) -> AsyncGenerator[bytes, None]:
    yield await fetch(number)


@breaker
@contextmanager
def plain_session(number: int) -> Generator[bytes, None, None]:
    yield fetch_plainly(number)


class Service:
    @retry
    @breaker
    async def ask(self, query: str) -> str:
        return query

    @classmethod
    @retry
    async def make(cls, query: str) -> Service:
        return cls()

    @staticmethod
    @breaker
    def ask_plainly(query: str) -> str:
        return query


async def decorated() -> None:
    assert_type(await guarded(1, unit="s"), bytes)
    assert_type(guarded_plainly(number=1), bytes)
    async with aclosing(guarded_words("a line")) as lines:
        async for line in lines:
            assert_type(line, str)
    for letter in guarded_letters("word"):
        assert_type(letter, str)
    async with session(1) as made:
        assert_type(made, bytes)
    with plain_session(1) as made_plainly:
        assert_type(made_plainly, bytes)
    service = await Service.make("service")
    assert_type(service, Service)
    assert_type(await service.ask(query="question"), str)
    assert_type(Service.ask_plainly("question"), str)
    assert_type(retry(len)("four"), int)
    assert_type(await retry(fetch)(1), bytes)


async def blocks() -> None:
    async with breaker as permit:
        assert_type(permit, lab.Permit)
    with breaker as permit:
        permit.success()
    with breaker.acquire() as permit:
        permit.failure(ConnectionError("down"))
    async with lab.deadline(5):
        assert_type(lab.time_remaining(), float | None)
    with lab.no_deadline():
        assert_type(await fetch(1), bytes)


def plain_block() -> None:
    with lab.deadline(5):
        assert_type(guarded_plainly(1), bytes)


async def many_breakers() -> None:
    def for_host(host: str) -> lab.CircuitBreaker:
        return lab.CircuitBreaker(name=host)

    by_host = lab.KeyedBreakers(for_host)
    assert_type(by_host, lab.KeyedBreakers[str])
    assert_type(await retry.call(by_host["a"].call, fetch, 1), bytes)
    assert_type(by_host.get("a"), lab.CircuitBreaker | None)
    assert_type(by_host.get("a", breaker), lab.CircuitBreaker)
    assert_type([*by_host], list[str])
    assert_type(by_host.pop("a"), lab.CircuitBreaker)

    shards = lab.KeyedBreakers(lambda shard: lab.CircuitBreaker(name=f"shard {shard}"))
    assert_type(await shards[3].call(fetch, 1), bytes)
    tenants: lab.KeyedBreakers[int] = lab.KeyedBreakers(lambda tenant: lab.CircuitBreaker())
    assert_type(tenants[3].state, lab.State)


async def chains() -> None:
    def of_base(agent: lab.BaseAgent) -> lab.CircuitBreaker:
        return lab.CircuitBreaker(name=agent.name)

    def of_any(agent: lab.Agent) -> lab.CircuitBreaker:
        return lab.CircuitBreaker(name=agent.name)

    scripted = lab.ScriptedAgent("scripted", ["answer", (0.5, "late"), ["in ", "chunks"]])
    chain = lab.FallbackOrchestrator(
        retry=retry,
        breaker=lambda agent: lab.CircuitBreaker(name=agent.name),
        accept=lambda answer: len(answer) > 3,
    )
    result = await chain.execute_with_fallback("query", Duck(), [NamedDuck("b"), scripted])
    assert_type(result, lab.FallbackResult)
    assert_type(result["result"], str)
    assert_type(result["fallback_level"], int)
    assert_type(result["attempts"][0]["agent"], str)

    other = lab.FallbackOrchestrator(breaker=of_any)
    chunks = other.stream_with_fallback("query", StreamingDuck(), (Duck(),))
    async with aclosing(chunks):
        async for chunk in chunks:
            assert_type(chunk, str)

    third = lab.FallbackOrchestrator(breaker=of_base)
    same_kind: list[lab.ScriptedAgent] = [scripted]
    await third.execute_with_fallback("query", lab.ScriptedAgent("a", ["yes"]), same_kind)
    fallbacks: list[lab.Agent] = [NamedDuck("b"), StreamingDuck()]
    await third.execute_with_fallback("query", scripted, fallbacks)


async def watching() -> None:
    recorder = lab.Recorder()
    assert_type(await recorder.watch(fetch)(1, unit="s"), bytes)
    assert_type(await recorder.watch(Duck().run, name="duck")("query"), str)
    assert_type(await recorder.watch(len)("four"), int)
    assert_type(await recorder.watch(fetch_plainly)(number=1), bytes)
    assert_type(await recorder.watch(lambda: 1)(), int)
    watched = await retry.call(recorder.watch(fetch), 1)
    assert_type(watched, bytes)
    assert_type(recorder.watch(words)("a line"), AsyncGenerator[str, None])
    assert_type(recorder.watch(words_as_iterator)("a line"), AsyncIterator[str])
    assert_type(recorder.watch(letters)("word"), Generator[str, None, int])
    assert_type(recorder.watch(letters_as_iterator)("word"), Iterator[str])
    for event in recorder:
        assert_type(event, Event)


async def options() -> None:
    changes: list[StateChanged] = []

    def listen(event: Event) -> None:
        if isinstance(event, StateChanged):
            changes.append(event)

    def judge(outcome: object) -> lab.Outcome:
        return lab.Outcome.FAILURE if isinstance(outcome, OSError) else lab.Outcome.NEUTRAL

    lab.CircuitBreaker(5, 30, failure_on=(OSError, TimeoutError), on_event=listen)
    lab.CircuitBreaker(classify=judge, on_event=lab.Recorder())
    lab.CircuitBreaker(trip=lab.FailureRate(0.5, last=20), recovery_timeout=lab.Backoff(1))
    lab.CircuitBreaker(failure_on=lambda error: isinstance(error, OSError))
    lab.Retry(None, max_elapsed=5, retry_on=OSError, accept=bool, budget=lab.RetryBudget())
    lab.Retry(on_event=lab.Transcript(), backoff=lab.Backoff(0.5, jitter="equal"))
    assert_type(await lab.retry_with_backoff(lambda: fetch(1), max_retries=2), bytes)


EXAMPLES = (
    one_verb,
    policies_in_policies,
    decorated,
    blocks,
    many_breakers,
    chains,
    watching,
    options,
)


async def main(number: int) -> bytes:
    return await guarded(number)


def virtual_time() -> None:
    assert_type(lab.run_virtual(main, 1, seed=1), bytes)
    assert_type(lab.run_virtual(guarded_plainly, 1, clocks="all"), bytes)


class PlainAgent:
    name = "plain"

    def run(self, query: str) -> str:
        return query


async def refused() -> None:
    chain, recorder = lab.FallbackOrchestrator(), lab.Recorder()
    await retry.call(fetch, "one")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await retry.call(fetch, 1, units="s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await retry.call(fetch)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await retry.call(fetch(1))  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    await retry.call(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    await retry.call(breaker.call, fetch, "one")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await retry.call(breaker.call, fetch(1))  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    await retry.call(breaker.call)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await guarded("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    guarded_plainly("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await recorder.watch(fetch)("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await chain.execute_with_fallback("query", PlainAgent(), [])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await chain.execute_with_fallback("query", Duck(), Duck())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await chain.execute_with_fallback("query", Duck, [])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    lab.FallbackOrchestrator(breaker=breaker)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    lab.KeyedBreakers(breaker)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    lab.Retry(retry_on=OSError("down"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
