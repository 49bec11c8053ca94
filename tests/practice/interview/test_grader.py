"""Each behaviour is missed by a solution that lacks it, and by no other."""

from __future__ import annotations

import inspect

import pytest

from resilience_lab.practice import Report, grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.bug_hunt import reference
from resilience_lab.practice.contracts.breaker import BREAKER
from resilience_lab.practice.contracts.fallback import FALLBACK
from resilience_lab.practice.contracts.retry import RETRY


def _rows(table):
    return [
        pytest.param(behaviour, before, after, also, id=f"{place} {behaviour}")
        for place, (behaviour, before, after, *also) in enumerate(table)
    ]


SOURCE = inspect.getsource(reference)

SETTLED = "        if generation != self._generation:\n            return\n"
OPENS = '            self.state = "OPEN"\n'
UNTIL = "            self._next_probe = self._now() + self.recovery_timeout\n"
ADMITS = "            self._next_probe = now + self.recovery_timeout\n"
CLOSES = '            self.state = "CLOSED"\n            self.failure_count = 0\n'
AWAITS = "            result = await func(*args, **kwargs)\n"
FAILS = "            self._settle(generation, self._failed)\n            raise\n"
NEUTRAL = "            self._settle(generation, lambda: None)\n            raise\n"
ENOUGH = "self.failure_count >= self.failure_threshold"

# The behaviour that is missing, the change that takes it away, and what else must go with it.
BREAKERS = [
    ("returns what the function returns", "        return result\n",
     "        return result or {}\n"),
    ("passes all arguments on", "func(*args, **kwargs)", "func(*args)"),
    ("calls the function once", AWAITS, AWAITS + AWAITS),
    ("calls the function once", "        except Exception:\n", "        except Exception:\n"
     "            try:\n                await func(*args, **kwargs)\n"
     "            except Exception:\n                pass\n"),
    ("raises the function's own error", FAILS, FAILS[:-1] + " RuntimeError from None\n"),
    ("raises the function's own error", FAILS, FAILS.replace("raise", "return None")),
    ("opens after failure_threshold failures in a row", ENOUGH, ENOUGH.replace(">=", ">")),
    ("opens after failure_threshold failures in a row", ENOUGH, "self.failure_count >= 3"),
    ("opens after failure_threshold failures in a row", ENOUGH, f"{ENOUGH} - 1"),
    ("starts counting anew after a success",
     "            self.failure_count = 0  # only failures in a row count\n", ""),
    ("starts counting anew after a success",
     "            self.failure_count = 0  # only failures in a row count\n",
     "            self.failure_count = max(0, self.failure_count - 1)\n"),
    ("rejects every call during the break", "generation = self._admit()\n",
     "try:\n            generation = self._admit()\n        except CircuitOpenError:\n"
     "            return None\n"),
    ("lets a call through once recovery_timeout has passed", OPENS + UNTIL,
     OPENS + UNTIL.replace("self.recovery_timeout", "30"),),
    ("counts a rejected call for nothing", "                raise CircuitOpenError",
     "                self._next_probe = now + self.recovery_timeout\n"
     "                raise CircuitOpenError"),
    ("counts a rejected call for nothing", "                raise CircuitOpenError",
     "                self.failure_count += 1\n                raise CircuitOpenError"),
    ("closes after success_threshold successful probes",
     "self.success_count >= self.success_threshold", "self.success_count > self.success_threshold"),
    ("does not close before success_threshold successful probes",
     "self.success_count >= self.success_threshold", "self.success_count >= 1"),
    ("forgets the old failures when it closes", CLOSES, CLOSES.split("\n")[0] + "\n"),
    ("a failed probe opens it again", f'self.state == "HALF_OPEN" or {ENOUGH}',
     f'self.state != "HALF_OPEN" and {ENOUGH}', "takes a full break after a failed probe",
     "counts the probes of each recovery anew"),
    ("takes a full break after a failed probe", OPENS + UNTIL,
     '            again = self.state == "HALF_OPEN"\n' + OPENS
     + UNTIL.replace("self.recovery_timeout", "(1 if again else self.recovery_timeout)")),
    ("takes a full break after a failed probe", OPENS + UNTIL,
     '            again = self.state == "HALF_OPEN"\n' + OPENS
     + UNTIL.replace("self.recovery_timeout", "self.recovery_timeout * (2 if again else 1)"),
     "counts the probes of each recovery anew"),
    ("counts the probes of each recovery anew",
     '                self.state = "HALF_OPEN"\n                self.success_count = 0\n',
     '                self.state = "HALF_OPEN"\n'),
    ("counts for itself alone", "generation = self._admit()",
     "self.__dict__ = asyncio.get_running_loop().__dict__.setdefault('ours', self.__dict__)\n"
     "        generation = self._admit()", ...),
    ("tells its state", "    async def call(self", "    @property\n    def state(self):\n"
     "        return 7\n\n    @state.setter\n    def state(self, state):\n"
     "        self.mode = state\n\n    async def call(self", ...),
    ("lets calls run side by side", AWAITS,
     '            while self.__dict__.get("busy"):\n                await asyncio.sleep(0.1)\n'
     "            self.busy = True\n            try:\n    " + AWAITS
     + "            finally:\n                self.busy = False\n", ...),
    ("lets one probe through at a time", ADMITS + "            self._generation += 1\n", "",
     "takes a hung probe's late answer for old news"),
    ("takes no cancelled call for a failure", "        except Exception:\n            self._settle",
     "        except (Exception, asyncio.CancelledError):\n            self._settle",
     "gives the permit of a cancelled probe back"),
    ("takes no cancelled call for a success", NEUTRAL,
     NEUTRAL.replace("lambda: None", "self._succeeded")),
    ("lets a cancellation through to the caller", NEUTRAL, NEUTRAL.replace("raise", "return None")),
    ("lets a cancellation through to the caller", NEUTRAL,
     NEUTRAL.replace("raise", "raise RuntimeError('cancelled') from None")),
    ("gives the permit of a cancelled probe back", NEUTRAL, "            raise\n"),
    ("ignores a late success during the break", SETTLED, SETTLED.replace(
        "            return\n", '            if self.state == "OPEN" and take == self._succeeded:\n'
        "                take()\n            return\n")),
    ("ignores a late failure during the break", SETTLED, SETTLED.replace(
        "            return\n", '            if self.state == "OPEN" and take == self._failed:\n'
        "                take()\n            return\n")),
    ("takes no late success for a probe's", SETTLED, SETTLED.replace(
        "            return\n",
        '            if self.state == "HALF_OPEN" and take == self._succeeded:\n'
        "                take()\n            return\n")),
    ("takes no late failure for a probe's", SETTLED, SETTLED.replace(
        "            return\n",
        '            if self.state == "HALF_OPEN" and take == self._failed:\n'
        "                take()\n            return\n")),
    ("ignores results from before the trip after the recovery, too", SETTLED, SETTLED.replace(
        "            return\n", '            if self.state == "CLOSED" and take == self._failed:\n'
        "                take()\n            return\n")),
    ("ignores results from before the trip after the recovery, too", SETTLED, SETTLED.replace(
        "            return\n",
        '            if self.state == "CLOSED" and take == self._succeeded:\n'
        "                take()\n            return\n")),
    ("closes after success_threshold successful probes",
     "self.success_count >= self.success_threshold", "False", ...),
    ("rejects every call during the break", "        generation = self._admit()\n",
     '        while self.state == "OPEN" and self._now() < self._next_probe:\n'
     "            await asyncio.sleep(1)\n        generation = self._admit()\n", ...),
    ("rejects every call during the break", OPENS + UNTIL,
     OPENS + UNTIL.replace("self.recovery_timeout", "5"), ...),
    ("lets a call through once recovery_timeout has passed", OPENS + UNTIL,
     OPENS + UNTIL.replace("self.recovery_timeout", "5"), ...),
    ("lets one probe through at a time", OPENS + UNTIL,
     OPENS + UNTIL.replace("self.recovery_timeout", "10**9"), ...),
    ("opens after failure_threshold failures in a row", ENOUGH, "False", ...),
    ("lets a cancellation through to the caller", NEUTRAL,
     "            await asyncio.sleep(1000)\n" + NEUTRAL, ...),
    ("does not mind a wall clock that jumps", "return asyncio.get_running_loop().time()",
     "import time; now = asyncio.get_running_loop().time(); offset = "
     "self.__dict__.setdefault('offset', time.time() - now); return max(time.time() - offset, now)"
     ),
    ("gives the permit of a hung probe to another caller", ADMITS,
     '            self._next_probe = float("inf")\n',
     "takes a hung probe's late answer for old news"),
    ("takes a hung probe's late answer for old news",
     ADMITS + "            self._generation += 1\n", ADMITS + "            pass\n",
     ),
    ("does not mind a wall clock that jumps", "return asyncio.get_running_loop().time()",
     "import time; return time.time()"),
]  # fmt: skip

SLEEP = "        await asyncio.sleep(hint + delay * (1 - jitter * random.random()))  # noqa: S311\n"
UNLESS_CANCELLED = "        except Exception as error:  # not CancelledError, which"
GIVES_UP = "            if retries >= max_retries or hint > max_delay:\n                raise\n"
CALLS = "            return await func()\n"
DOUBLES = "        delay = min(max_delay, 2 * delay)\n"
HINT = "    return hint if isinstance(hint, int | float) and hint > 0 else 0.0\n"

RETRIES = [
    ("calls once if the first call succeeds", CALLS, "            await asyncio.sleep(1)\n" + CALLS,
     ...),
    ("calls again after a failure, and stops at the first success", CALLS,
     CALLS.replace("return await func()", "result = await func()\n"
                   "            return result if retries == 0 else await func()")),
    ("makes one call and max_retries more", "retries >= max_retries", "retries >= max_retries - 1"),
    ("makes one call and max_retries more", "retries >= max_retries", "retries > max_retries"),
    ("makes one call and max_retries more", "retries >= max_retries", "retries >= 3"),
    ("waits base_delay first", "min(max_delay, base_delay)", "min(max_delay, 2 * base_delay)"),
    ("waits base_delay first", "min(max_delay, base_delay)", "min(max_delay, 1.0)"),
    ("doubles the wait each time", DOUBLES, ""),
    ("doubles the wait each time", DOUBLES, DOUBLES.replace("2 * delay", "delay + base_delay")),
    ("doubles the wait each time", DOUBLES, DOUBLES.replace("2 * delay", "3 * delay")),
    ("doubles the wait each time", DOUBLES, DOUBLES.replace(
        "2 * delay", "(delay + base_delay) * random.uniform(0.99, 1.01)"),),
    ("does not wait after the last call", GIVES_UP,
     GIVES_UP.replace("                raise", "                await asyncio.sleep(delay)\n"
                      "                raise")),
    ("raises the last error itself", GIVES_UP, GIVES_UP.replace("raise", "return None")),
    ("raises the last error itself", GIVES_UP,
     GIVES_UP.replace("raise", "raise RuntimeError('no')")),
    ("raises the last error itself", "            hint = _retry_after(error)\n",
     "            hint = _retry_after(error)\n"
     "            first = error if retries == 0 else first\n"
     "            if retries >= max_retries:\n                raise first\n"),
    ("takes any returned value for a success", CALLS,
     "            if (result := await func()) is not None:\n                return result\n"
     "            raise ValueError('no result')\n"),
    ("takes any returned value for a success", CALLS,
     "            return await func() or 'nothing'\n"),
    ("retries whatever exception is raised", UNLESS_CANCELLED,
     "        except (ConnectionError, TimeoutError) as error:  # not CancelledError, which"),
    ("starts afresh each time", "    retries = 0\n",
     "    loop = asyncio.get_running_loop()\n    retries = loop.__dict__.get('retried', 0)\n"
     "    loop.retried = 1\n", "makes one call and max_retries more"),
    ("ends at once when it is cancelled during a call",
     UNLESS_CANCELLED, UNLESS_CANCELLED.replace("Exception", "BaseException")),
    ("ends at once when it is cancelled during a wait", SLEEP,
     "        try:\n    " + SLEEP + "        except asyncio.CancelledError:\n            pass\n"),
    ("leaves the event loop free while it waits", "        await asyncio.sleep(hint",
     "        import time\n        time.sleep(hint",
     "ends at once when it is cancelled during a wait"),
    ("keeps two retries at the same time apart", "        retries += 1\n",
     "        retries += len(asyncio.all_tasks())\n"),
    ("keeps its jitter in bounds", "(1 - jitter * random.random())", "random.uniform(0, 2)",
     "keeps to its cap, if it has one"),
    ("waits as long as the service asks", "sleep(hint + delay", "sleep(delay"),
    ("waits as long as the service asks", "sleep(hint + delay", "sleep(1000 * hint + delay"),
    ("is not upset by a hint that makes no sense", HINT,
     "    return hint if isinstance(hint, int | float) else 0.0\n"),
    ("keeps to its cap, if it has one", DOUBLES, "        delay = 2 * delay\n"),
    ("calls once if the first call succeeds", CALLS, "            raise await func()\n", ...),
    ("calls once if the first call succeeds", CALLS, "            await func()\n" + CALLS, ...),
    ("calls once if the first call succeeds", CALLS,
     "            if retries == 0:\n                raise ValueError('no')\n" + CALLS, ...),
    ("calls again after a failure, and stops at the first success", "retries >= max_retries",
     "retries >= 1", ...),
    ("raises the last error itself", "    retries = 0\n",
     "    retries = 0\n    raise ValueError('no')\n", ...),
    ("starts afresh each time", "    delay = min(max_delay, base_delay)\n",
     "    loop = asyncio.get_running_loop()\n"
     "    delay = min(max_delay, base_delay) * loop.__dict__.get('factor', 1)\n"
     "    loop.factor = 10\n", ...),
    ("starts afresh each time", "    delay = min(max_delay, base_delay)\n",
     "    loop = asyncio.get_running_loop()\n"
     "    loop.factor = loop.__dict__.get('factor', 1) * 1.1\n"
     "    delay = min(max_delay, base_delay) * loop.factor\n", ...),
    ("ends at once when it is cancelled during a wait", SLEEP,
     "        try:\n    " + SLEEP + "        except asyncio.CancelledError:\n"
     "            return 'cancelled'\n"),
    ("ends at once when it is cancelled during a call", CALLS,
     "            try:\n    " + CALLS + "            except asyncio.CancelledError:\n"
     "                await asyncio.sleep(1000)\n", ...),
    ("keeps to its cap, if it has one", "(1 - jitter", "(1 + jitter"),
]  # fmt: skip

LOOP = "enumerate([primary_agent, *fallback_agents])"
ASKS = "                    result = await agent.run(query)\n"
CATCHES = "            except Exception as error:  # not Cancelled"
APPENDS = "                errors.append(error)\n"
NOBODY = '        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)\n'

FALLBACKS = [
    ("returns the primary agent's answer", '"result": result,',
     '"result": result if level else "fine",', "says which agent answered",
     "says at which level it was answered", "does without fallbacks",
     "begins each query with the primary agent", "keeps two queries at the same time apart",
     "takes an empty answer for an answer"),
    ("asks nobody else if the primary agent answers", ASKS, ASKS +
     "                    if level == 0 and len(fallback_agents) == 2:\n"
     "                        await fallback_agents[0].run(query)\n"),
    ("falls back when the primary agent fails", '"result": result,',
     '"result": "sorry" if level == len(fallback_agents) == 1 else result,',
     "falls back from any exception", "keeps two queries at the same time apart",
     "does not wait for a hung agent for ever"),
    ("asks the fallbacks in order, and stops at the first answer", LOOP,
     LOOP.replace("*fall", "*reversed(fall").replace("])", ")])")),
    ("goes on to the last fallback", LOOP, LOOP.replace("agents]", "agents[:2]]")),
    ("goes on to the last fallback", LOOP, LOOP.replace("agents]", "agents[:1]]"),
     "tells all errors when nobody answers"),
    ("falls back from any exception", CATCHES,
     CATCHES.replace("Exception", "(ConnectionError, TimeoutError)")),
    ("says which agent answered", "agent.name", "primary_agent.name"),
    ("says which agent answered", '                "agent_used": agent.name,\n', ""),
    ("says at which level it was answered", '"fallback_level": level',
     '"fallback_level": level + 1'),
    ("says at which level it was answered", '                "fallback_level": level,\n', ""),
    ("asks each agent the same question", APPENDS,
     APPENDS + '                query = f"{query} ({error})"\n'),
    ("raises when nobody answers", NOBODY, '        return {"result": None, "errors": errors}\n',
     "tells all errors when nobody answers"),
    ("does without fallbacks", "        errors: list[Exception] = []\n",
     "        errors: list[Exception] = []\n        fallback_agents[0]\n"),
    ("begins each query with the primary agent", "        for level, agent in " + LOOP + ":\n",
     "        start, self.start = getattr(self, 'start', 0), 1\n"
     "        for level, agent in list(" + LOOP + ")[start:]:\n",
     "keeps two queries at the same time apart"),
    ("does not fall back when it is cancelled", CATCHES,
     CATCHES.replace("Exception", "BaseException"), "lets a cancellation through to the caller"),
    ("lets a cancellation through to the caller", CATCHES,
     "            except asyncio.CancelledError:\n                return None\n" + CATCHES),
    ("lets a cancellation through to the caller", CATCHES,
     "            except asyncio.CancelledError:\n"
     "                raise RuntimeError('cancelled') from None\n" + CATCHES),
    ("tells all errors when nobody answers", APPENDS, "                errors = [error]\n"),
    ("tells all errors when nobody answers", NOBODY, "        raise RuntimeError('nobody')\n"),
    ("keeps two queries at the same time apart", ASKS,
     "                    self.agent = agent\n" + ASKS
     + "                    agent = self.agent\n"),
    ("leaves the caller's list alone", "        for level, agent in " + LOOP,
     "        fallback_agents.insert(0, primary_agent)\n"
     "        for level, agent in enumerate(fallback_agents)"),
    ("takes an empty answer for an answer", ASKS,
     ASKS + "                    if not result:\n"
     "                        raise ValueError('empty')\n"),
    ("does without fallbacks", "        errors: list[Exception] = []\n",
     "        errors: list[Exception] = []\n        if not fallback_agents:\n"
     "            raise ValueError('no fallbacks')\n"),
    ("takes an empty answer for an answer", "            return {\n",
     "            if not result:\n                raise ValueError('empty')\n"
     "            return {\n"),
    ("does not wait for a hung agent for ever", CATCHES,
     "            except TimeoutError:\n                raise\n" + CATCHES,
     "falls back from any exception"),
    ("lets a cancellation through to the caller", CATCHES,
     "            except asyncio.CancelledError:\n                await asyncio.sleep(1000)\n"
     + CATCHES, ...),
    ("does not wait for a hung agent for ever", "asyncio.timeout(self.attempt_timeout)",
     "asyncio.timeout(None)"),
    ("does not wait for a hung agent for ever", ASKS, ASKS.replace(
        "agent.run(query)", "asyncio.shield(agent.run(query))")),
]  # fmt: skip


def changed(name, before, after):
    """The reference's class or function of this name, changed in one place."""
    assert SOURCE.count(before) == 1, before
    module = {"__name__": "changed"}
    exec(compile(SOURCE.replace(before, after), "<changed>", "exec"), module)
    return module[name]


def assert_missing(report, behaviour, also):
    """This behaviour and `also` those, or among others, if that is an ellipsis."""
    missing = {behaviour.name for behaviour in report.missing}
    if also == [...]:
        assert behaviour in missing
    else:
        assert missing == {behaviour, *also}


@pytest.mark.parametrize(("behaviour", "before", "after", "also"), _rows(BREAKERS))
def test_a_breaker_that_lacks_it(behaviour, before, after, also):
    report = grade_breaker(changed("CircuitBreaker", before, after))

    assert_missing(report, behaviour, also)


@pytest.mark.parametrize(("behaviour", "before", "after", "also"), _rows(RETRIES))
def test_a_retry_that_lacks_it(behaviour, before, after, also):
    report = grade_retry(changed("retry_with_backoff", before, after))

    assert_missing(report, behaviour, also)


@pytest.mark.parametrize(("behaviour", "before", "after", "also"), _rows(FALLBACKS))
def test_a_chain_that_lacks_it(behaviour, before, after, also):
    report = grade_fallback(changed("FallbackOrchestrator", before, after))

    assert_missing(report, behaviour, also)


@pytest.mark.parametrize(
    ("contract", "table"), [(BREAKER, BREAKERS), (RETRY, RETRIES), (FALLBACK, FALLBACKS)]
)
def test_no_behaviour_is_without_a_solution_that_lacks_it(contract, table):
    assert {clause.name for clause in contract} == {behaviour for behaviour, *_ in table}


def test_what_a_breaker_lacks_is_seen_without_reading_its_state():
    hidden = SOURCE.replace("self.state", "self.mode")

    def graded(before, after):
        module = {"__name__": "changed"}
        source = hidden.replace(
            before.replace("self.state", "self.mode"), after.replace("self.state", "self.mode")
        )
        exec(compile(source, "<changed>", "exec"), module)
        return {behaviour.name for behaviour in grade_breaker(module["CircuitBreaker"]).missing}

    assert graded("", "") == {"tells its state"}
    for behaviour, before, after, *also in BREAKERS:
        if also != [...]:
            assert behaviour in graded(before, after)


def test_the_model_solution_gets_full_marks():
    for report in (
        grade_breaker(reference.CircuitBreaker),
        grade_retry(reference.retry_with_backoff),
        grade_fallback(reference.FallbackOrchestrator),
    ):
        assert (report.score, report.failed) == (100, ())
        assert report.summary.endswith("An excellent answer.")


@pytest.mark.parametrize(
    "ending",
    [
        'return {"success": False, "result": None, "errors": errors}',
        'return {"status": "failed", "errors": errors}',
        'return {"error": f"nobody answered: {errors}"}',
        "raise LookupError(errors)",
    ],
)
def test_a_chain_may_say_in_many_ways_that_nobody_has_answered(ending):
    chain = changed("FallbackOrchestrator", NOBODY, f"        {ending}\n")

    assert grade_fallback(chain).failed == ()


def test_a_chain_that_only_says_that_nobody_has_answered_loses_the_errors():
    chain = changed("FallbackOrchestrator", NOBODY, '        return {"success": False}\n')

    report = grade_fallback(chain)

    assert [behaviour.name for behaviour in report.failed] == [
        "tells all errors when nobody answers"
    ]
    assert report.failed[0].seen.startswith("it returned {'success': False}, and nothing of")


def test_a_stub_gets_nothing():
    class CircuitBreaker:
        def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
            self.state = "CLOSED"

        async def call(self, func, *args, **kwargs): ...

    async def retry_with_backoff(func, max_retries=3, base_delay=1.0): ...

    class FallbackOrchestrator:
        async def execute_with_fallback(self, query, primary_agent, fallback_agents): ...

    for report in (
        grade_breaker(CircuitBreaker),
        grade_retry(retry_with_backoff),
        grade_fallback(FallbackOrchestrator),
    ):
        assert (report.score, report.passed) == (0, ())
        assert report.summary == "Not yet: the challenge as set is not met."


def test_the_same_answer_gets_the_same_report():
    retry = changed("retry_with_backoff", "(1 - jitter", "(1 + 3 * jitter + 3")

    assert repr(grade_retry(retry)) == repr(grade_retry(retry))


def test_the_wall_clock_costs_no_marks():
    reads_it = changed(
        "CircuitBreaker",
        "asyncio.get_running_loop().time()",
        "__import__('time').time()",
    )

    report = grade_breaker(reads_it)

    assert isinstance(report, Report)
    assert [behaviour.name for behaviour in report.remarks] == [
        "does not mind a wall clock that jumps"
    ]
    assert (report.failed, report.score) == ((), 100)
