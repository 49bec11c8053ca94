"""A dataclass, `match`, and results that carry the attempts."""

# ruff: noqa: UP042 - a candidate's style, not ours

from __future__ import annotations

import asyncio
import enum
import time
from dataclasses import asdict, dataclass, field


class CircuitState(str, enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreakerError(Exception):
    def __init__(self, state: CircuitState) -> None:
        super().__init__(f"rejected: circuit is {state.value}")
        self.state = state


@dataclass
class Permit:
    """The right to one call; `lease` ends a probe's right to be waited for."""

    lease: float


@dataclass
class CircuitBreaker:
    failure_threshold: int = 3
    recovery_timeout: float = 30
    success_threshold: int = 2
    state: CircuitState = field(default=CircuitState.CLOSED, init=False)
    failure_count: int = field(default=0, init=False)
    success_count: int = field(default=0, init=False)
    opened_at: float = field(default=0.0, init=False)
    permits: list[Permit] = field(default_factory=list, init=False)

    async def call(self, func, *args, **kwargs):
        permit = self._acquire()
        try:
            result = await func(*args, **kwargs)
        except Exception:
            if self._give_back(permit):
                self._failure()
            raise
        except BaseException:
            self._give_back(permit)
            raise
        if self._give_back(permit):
            self._success()
        return result

    def _acquire(self) -> Permit:
        now = time.monotonic()
        if self.state is CircuitState.OPEN and now >= self.opened_at + self.recovery_timeout:
            self._go(CircuitState.HALF_OPEN)
        match self.state:
            case CircuitState.OPEN:
                raise CircuitBreakerError(self.state)
            case CircuitState.HALF_OPEN:
                self.permits = [permit for permit in self.permits if now < permit.lease]
                if self.permits:
                    raise CircuitBreakerError(self.state)
        permit = Permit(lease=now + self.recovery_timeout)
        self.permits.append(permit)
        return permit

    def _give_back(self, permit: Permit) -> bool:
        """Whether the permit was still good, that is, whether its result counts."""
        good = any(permit is other for other in self.permits)
        self.permits = [other for other in self.permits if other is not permit]
        return good

    def _go(self, state: CircuitState) -> None:
        self.state = state
        self.permits = []
        self.success_count = 0

    def _failure(self) -> None:
        self.failure_count += 1
        if self.state is CircuitState.HALF_OPEN or self.failure_count >= self.failure_threshold:
            self.opened_at = time.monotonic()
            self._go(CircuitState.OPEN)

    def _success(self) -> None:
        match self.state:
            case CircuitState.CLOSED:
                self.failure_count = 0
            case CircuitState.HALF_OPEN:
                self.success_count += 1
                if self.success_count >= self.success_threshold:
                    self.failure_count = 0
                    self._go(CircuitState.CLOSED)


@dataclass
class Backoff:
    base: float
    factor: float = 2.0

    def __call__(self, attempt: int, error: Exception) -> float:
        hint = getattr(error, "retry_after", None)
        return max(self.base * self.factor**attempt, float(hint or 0))


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    backoff = Backoff(base_delay)
    for attempt in range(max_retries):
        try:
            return await func()
        except Exception as error:
            delay = backoff(attempt, error)
        await asyncio.sleep(delay)
    return await func()


@dataclass
class Answer:
    result: str
    agent_used: str
    fallback_level: int
    attempts: list[str]


class NoAgentAnswered(ExceptionGroup):
    pass


@dataclass
class FallbackOrchestrator:
    timeout: float = 30.0

    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        attempts, errors = [], []
        for level, agent in enumerate([primary_agent, *fallback_agents]):
            try:
                result = await asyncio.wait_for(agent.run(query), self.timeout)
            except Exception as error:
                attempts.append(f"{agent.name}: {error!r}")
                errors.append(error)
                continue
            attempts.append(f"{agent.name}: ok")
            return asdict(Answer(result, agent.name, level, attempts))
        raise NoAgentAnswered("no agent answered", errors)
