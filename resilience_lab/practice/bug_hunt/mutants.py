"""The model solution with one defect each: what the learner's own tests should catch.

A test suite is as good as the bugs it stops. Each mutant here is the source of `reference.py` with
one small change, the kind that a tired reviewer lets through. Many have been shipped: `shipped_by`
names a library or product that had the defect, where we could see it in its sources, in a run or in
its own issue tracker. What a library documents as its choice is not counted as a defect.
"""

from __future__ import annotations

import inspect
import linecache
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType
from typing import Any

from resilience_lab.practice.bug_hunt import reference

SUBJECTS = {
    "breaker": "CircuitBreaker",
    "retry": "retry_with_backoff",
    "fallback": "FallbackOrchestrator",
}
"""The name under which each pattern is written, as the challenge gives it."""


@dataclass(frozen=True)
class Mutant:
    """The reference with `before` replaced by `after`, in one place.

    `story` says what goes wrong in production, `hint` what to test.
    """

    name: str
    pattern: str
    story: str
    hint: str
    before: str
    after: str
    shipped_by: str = ""

    @property
    def source(self) -> str:
        """The whole mutated module. `ValueError` unless `before` stands in the reference once."""
        original = inspect.getsource(reference)
        places = original.count(self.before)
        if places != 1:
            raise ValueError(f"{self.name}: before must occur once, got {places} times")
        return original.replace(self.before, self.after)

    def load(self) -> dict[str, Any]:
        """The names of a freshly executed copy, whose tracebacks show the mutated lines."""
        return _execute(self.source, f"<mutant: {self.name}>")

    def subject(self) -> Any:
        """The mutated class or function."""
        return self.load()[SUBJECTS[self.pattern]]


def load_reference() -> dict[str, Any]:
    """The names of a freshly executed copy of the reference, with no defect."""
    return _execute(inspect.getsource(reference), "<reference>")


def is_copy(file: str) -> bool:
    """Whether a traceback's line from this file is one of the reference or of a mutant."""
    return file == "<reference>" or file.startswith("<mutant: ")


def _execute(source: str, file: str) -> dict[str, Any]:
    module = ModuleType(file.strip("<>"))
    exec(_compiled(source, file), module.__dict__)  # noqa: S102 - our own source
    return module.__dict__


@cache
def _compiled(source: str, file: str) -> CodeType:
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return compile(source, file, "exec")


_BREAKER = (
    Mutant(
        "opens one failure late",
        "breaker",
        "Each service gets one failing call more than the threshold says.",
        "Count the calls that reach the service before the circuit opens.",
        "self.failure_count >= self.failure_threshold",
        "self.failure_count > self.failure_threshold",
    ),
    Mutant(
        "never forgets a failure",
        "breaker",
        "It counts the failures of a lifetime, so one in a thousand opens it in the end.",
        "Let a success come between the failures: never three in a row.",
        "            self.failure_count = 0  # only failures in a row count\n",
        "",
        "Polly before 4.3.0 (App-vNext/Polly issue 131)",
    ),
    Mutant(
        "forgets to clear the count when it closes",
        "breaker",
        "After a recovery the first failure opens it again.",
        "Recover, then fail once: the circuit should stay closed.",
        '            self.state = "CLOSED"\n            self.failure_count = 0\n',
        '            self.state = "CLOSED"\n',
    ),
    Mutant(
        "closes after one probe",
        "breaker",
        "One lucky answer, and the whole crowd meets a service that is still ill.",
        "Look at the state after the first of two successful probes.",
        "self.success_count >= self.success_threshold",
        "self.success_count >= 1",
    ),
    Mutant(
        "needs one probe too many",
        "breaker",
        "It stays half-open although the service has proved itself; callers are turned away.",
        "Look at the state after exactly success_threshold probes.",
        "self.success_count >= self.success_threshold",
        "self.success_count > self.success_threshold",
    ),
    Mutant(
        "adds up the probes of several recoveries",
        "breaker",
        "A service that answers every second probe is taken for healthy.",
        "Succeed, fail, wait, succeed: that is one success in this half-open, not two.",
        '                self.state = "HALF_OPEN"\n                self.success_count = 0\n',
        '                self.state = "HALF_OPEN"\n',
    ),
    Mutant(
        "ignores the failure of a probe",
        "breaker",
        "Half-open, it goes on probing a service that has just said that it is down.",
        "Fail the probe and look at the state.",
        'self.state == "HALF_OPEN" or self.failure_count',
        'self.state == "CLOSED" and self.failure_count',
        "agentic_security, until msoedov/agentic_security pull request 328",
    ),
    Mutant(
        "takes no second break",
        "breaker",
        "A failed probe opens it for no time at all, and the dead service is called on and on.",
        "Fail the probe, call again at once, and count what reaches the service.",
        '            self.state = "OPEN"\n            self._next_probe = self._now()',
        '            if self.state == "HALF_OPEN":\n'
        '                self.state = "OPEN"\n'
        "                self._generation += 1\n"
        "                return\n"
        '            self.state = "OPEN"\n            self._next_probe = self._now()',
    ),
    Mutant(
        "prolongs the break with each rejection",
        "breaker",
        "As long as callers keep knocking, the break never ends.",
        "Call several times during the break; the probe is still due on time.",
        "                raise CircuitOpenError(self._next_probe - now)\n",
        "                self._next_probe = now + self.recovery_timeout\n"
        "                raise CircuitOpenError(self._next_probe - now)\n",
    ),
    Mutant(
        "forgets how long the break should be",
        "breaker",
        "The break lasts 30 s whatever was configured.",
        "Use another recovery_timeout than the default.",
        '            self.state = "OPEN"\n            self._next_probe = self._now()'
        " + self.recovery_timeout\n",
        '            self.state = "OPEN"\n            self._next_probe = self._now() + 30\n',
    ),
    Mutant(
        "lets everyone probe",
        "breaker",
        "The break is over, fifty callers are waiting, and all fifty meet the weak service.",
        "Send several callers at once after the break and count who gets through.",
        "            self._next_probe = now + self.recovery_timeout\n"
        "            self._generation += 1\n"
        "        return",
        "        return",
        "circuitbreaker 2.1.3, whose README promises one test execution; "
        "also SmallRye Fault Tolerance, until pull request 323",
    ),
    Mutant(
        "holds a lock around the call",
        "breaker",
        "All calls take turns. One slow answer, and everybody else stands in a queue.",
        "Start five calls of one second together; they should be done after one second.",
        "            result = await func(*args, **kwargs)\n",
        '            async with self.__dict__.setdefault("_lock", asyncio.Lock()):\n'
        "                result = await func(*args, **kwargs)\n",
        "pybreaker 1.4.1, between threads: CircuitBreaker.call holds its lock while func runs",
    ),
    Mutant(
        "counts successes while it is open",
        "breaker",
        "Slow calls from before the trip come back well and close it in the middle of the break.",
        "Start two slow calls, trip it, and let them succeed during the break.",
        "        if generation != self._generation:\n            return\n",
        "        if generation != self._generation:\n"
        '            if self.state == "OPEN" and take == self._succeeded:\n'
        "                take()\n"
        "            return\n",
        "circuitbreaker 2.1.3: any success resets it to closed",
    ),
    Mutant(
        "takes late failures for new ones",
        "breaker",
        "Each slow call that fails during the break starts the break anew.",
        "Start slow calls, trip it, let them fail later: the probe is still due on time.",
        "        if generation != self._generation:\n            return\n",
        "        if generation != self._generation:\n"
        '            if self.state == "OPEN" and take == self._failed:\n'
        "                take()\n"
        "            return\n",
        "aiobreaker 1.2.0 and circuitbreaker 2.1.3",
    ),
    Mutant(
        "takes a late success for a probe's",
        "breaker",
        "Answers from before the trip close a circuit whose only real probe is still out.",
        "Let a call from before the trip succeed while the probe is still running.",
        "        if generation != self._generation:\n            return\n",
        "        if generation != self._generation:\n"
        '            if self.state == "HALF_OPEN" and take == self._succeeded:\n'
        "                take()\n"
        "            return\n",
    ),
    Mutant(
        "takes a late failure for a probe's",
        "breaker",
        "An error from before the trip opens the circuit again while a good probe is out.",
        "Let a call from before the trip fail while the probe is still running.",
        "        if generation != self._generation:\n            return\n",
        "        if generation != self._generation:\n"
        '            if self.state == "HALF_OPEN" and take == self._failed:\n'
        "                take()\n"
        "            return\n",
    ),
    Mutant(
        "counts failures of the last outage after the recovery",
        "breaker",
        "Slow calls that fail after the recovery open a circuit whose service is well.",
        "Let three calls from before the trip fail after the circuit has closed again.",
        "        if generation != self._generation:\n            return\n",
        "        if generation != self._generation:\n"
        '            if self.state == "CLOSED" and take == self._failed:\n'
        "                take()\n"
        "            return\n",
    ),
    Mutant(
        "loses the permit of a cancelled probe",
        "breaker",
        "The user who happened to be the probe closes the page, and nobody may probe now.",
        "Cancel the probe; the next caller should be let in at once.",
        "            self._settle(generation, lambda: None)\n            raise\n",
        "            raise\n",
        "resilience4j 0.15.0 lost the permits of ignored errors (resilience4j issue 544)",
    ),
    Mutant(
        "waits for a hung probe for ever",
        "breaker",
        "The probe never answers, and the circuit never closes again.",
        "Let the probe hang; a break later the next caller should be let in.",
        "            self._next_probe = now + self.recovery_timeout\n            self._generation",
        '            self._next_probe = float("inf")\n            self._generation',
        "nopanic 0.3.0, if the call has no timeout of its own; "
        "resilience4j, until issue 935 brought maxWaitDurationInHalfOpenState",
    ),
    Mutant(
        "counts a cancellation as a failure",
        "breaker",
        "Impatient users open the circuit of a healthy service.",
        "Cancel three calls and look at the state.",
        "        except Exception:\n            self._settle(generation, self._failed)\n",
        "        except BaseException:\n            self._settle(generation, self._failed)\n",
        "purgatory 3.0.1, unless CancelledError is excluded by hand",
    ),
    Mutant(
        "counts a cancellation as a success",
        "breaker",
        "A probe that was cancelled because it was too slow closes the circuit.",
        "Cancel as many probes as success_threshold says and look at the state.",
        "            self._settle(generation, lambda: None)\n",
        "            self._settle(generation, self._succeeded)\n",
        "circuitbreaker 2.1.3: what is no failure resets it to closed",
    ),
    Mutant(
        "swallows the cancellation",
        "breaker",
        "Whoever cancelled the call believes that it has ended; timeouts around it do nothing.",
        "Cancel a call and ask its task whether it was cancelled.",
        "            self._settle(generation, lambda: None)\n            raise\n",
        "            self._settle(generation, lambda: None)\n            return None\n",
    ),
    Mutant(
        "hides the error that tripped it",
        "breaker",
        "The log says that the circuit is open, and nobody learns what the service had said.",
        "Look at the error of the very call that opens the circuit.",
        "            self._settle(generation, self._failed)\n            raise\n",
        "            self._settle(generation, self._failed)\n"
        '            if self.state == "OPEN":\n'
        "                raise CircuitOpenError(self.recovery_timeout) from None\n"
        "            raise\n",
    ),
    Mutant(
        "drops keyword arguments",
        "breaker",
        "temperature=0 never reaches the model, and no error says so.",
        "Pass both kinds of arguments through call.",
        "await func(*args, **kwargs)",
        "await func(*args)",
    ),
    Mutant(
        "reads the wall clock",
        "breaker",
        "Somebody sets the clock back an hour, and the break lasts an hour longer.",
        "Replace time.time by one that jumps back during the break.",
        "        return asyncio.get_running_loop().time()\n",
        "        import time\n\n        return time.time()\n",
        "pybreaker 1.4.1, aiobreaker 1.2.0, purgatory 3.0.1 and hyx 0.0.2",
    ),
)

_RETRY = (
    Mutant(
        "takes retries for attempts",
        "retry",
        "max_retries=3 makes three calls, and max_retries=1 never retries at all.",
        "Count the calls: one, and max_retries more.",
        "if retries >= max_retries or",
        "if retries + 1 >= max_retries or",
        "es-toolkit (toss/es-toolkit issue 1207)",
    ),
    Mutant(
        "makes one call too many",
        "retry",
        "Each client puts one call more than agreed upon a service that is down.",
        "Count the calls, also for max_retries=0.",
        "if retries >= max_retries or",
        "if retries > max_retries or",
    ),
    Mutant(
        "waits longer in a straight line",
        "retry",
        "1, 2, 3, 4 s: in a long outage it calls far more often than exponential backoff would.",
        "Look at the third wait, for the first two are the same.",
        "delay = min(max_delay, 2 * delay)",
        "delay = min(max_delay, delay + base_delay)",
    ),
    Mutant(
        "never waits longer",
        "retry",
        "A second between all calls, as if the service had not been asked to recover.",
        "Look at the second wait.",
        "        delay = min(max_delay, 2 * delay)\n",
        "",
    ),
    Mutant(
        "starts with the second delay",
        "retry",
        "All waits are twice as long as configured.",
        "Look at the first wait.",
        "    delay = min(max_delay, base_delay)\n",
        "    delay = min(max_delay, 2 * base_delay)\n",
    ),
    Mutant(
        "waits after the last call",
        "retry",
        "The caller waits eight more seconds for an error that is known already.",
        "Compare the time of the error with the time of the last call.",
        "            if retries >= max_retries or hint > max_delay:\n",
        "            if retries >= max_retries:\n"
        "                await asyncio.sleep(delay)\n"
        "            if retries >= max_retries or hint > max_delay:\n",
        "es-toolkit, until toss/es-toolkit pull request 1901; "
        "Apache Pinot, until apache/pinot pull request 9158",
    ),
    Mutant(
        "returns nothing when all calls fail",
        "retry",
        "The caller takes None for an answer, and the error surfaces three modules later.",
        "Let all calls fail: an error must come out.",
        "hint > max_delay:\n                raise\n",
        "hint > max_delay:\n                return None\n",
    ),
    Mutant(
        "replaces the last error by its own",
        "retry",
        "Whoever catches ConnectionError catches nothing any more.",
        "Compare the error that comes out with the last one that went in.",
        "hint > max_delay:\n                raise\n",
        'hint > max_delay:\n                raise RuntimeError("all attempts failed") from None\n',
    ),
    Mutant(
        "retries a cancelled call",
        "retry",
        "The user has gone, a timeout has struck, and it calls again.",
        "Cancel while the function is running, and count the calls.",
        "        except Exception as error:  # not CancelledError, which must end us at once\n",
        "        except BaseException as error:\n",
        "tenacity 9.2.1, with retry_if_not_exception_type (jd/tenacity issue 529)",
    ),
    Mutant(
        "cannot be cancelled while it waits",
        "retry",
        "Shutdown hangs: each cancellation only shortens one wait.",
        "Cancel during a wait; no further call may follow.",
        "        await asyncio.sleep(hint + delay * (1 - jitter * random.random()))"
        "  # noqa: S311\n",
        "        try:\n"
        "            await asyncio.sleep(hint + delay * (1 - jitter * random.random()))\n"
        "        except asyncio.CancelledError:\n"
        "            pass\n",
    ),
    Mutant(
        "stops the whole event loop while it waits",
        "retry",
        "One retry, and every other request of the process stands still for as long.",
        "Let another task run during the wait and look how far it gets.",
        "        await asyncio.sleep(hint + delay",
        "        import time\n\n        time.sleep(hint + delay",
        "llama_index 0.14.15 (run-llama/llama_index issue 20763); "
        "Kiota, until microsoft/kiota-python pull request 485",
    ),
    Mutant(
        "comes back before it was asked to",
        "retry",
        "The service said 'in 20 seconds'; it is asked again after one, and counts that too.",
        "Raise an error that carries retry_after and look at the wait.",
        "await asyncio.sleep(hint + delay",
        "await asyncio.sleep(delay",
        "CopilotKit, until CopilotKit/CopilotKit pull request 3842",
    ),
    Mutant(
        "takes an empty answer for a failure",
        "retry",
        "'No results' is asked for four times, paid for four times, and then an error.",
        "Return an empty string, or 0: that is an answer.",
        "            return await func()\n",
        "            if result := await func():\n"
        "                return result\n"
        '            raise ValueError("no result")\n',
    ),
    Mutant(
        "jitters over the cap",
        "retry",
        "max_delay=60 and a wait of 90 s: longer than the caller's own timeout.",
        "Use max_delay and jitter=1.0 and look at the longest wait.",
        "(1 - jitter * random.random())",
        "(1 + jitter * random.random())",
        "OpenAI Agents SDK, until openai/openai-agents-python pull request 2676; "
        "google/adk-js, until pull request 704",
    ),
    Mutant(
        "knows no cap",
        "retry",
        "After ten failures it sleeps for a quarter of an hour, and the service is long well.",
        "Use max_delay and enough failures to get there.",
        "delay = min(max_delay, 2 * delay)",
        "delay = 2 * delay",
    ),
)

_FALLBACK = (
    Mutant(
        "stops at the first fallback",
        "fallback",
        "Two of three providers are down, and the third, which is well, is never asked.",
        "Let the primary and the first fallback fail.",
        "[primary_agent, *fallback_agents]",
        "[primary_agent, *fallback_agents[:1]]",
    ),
    Mutant(
        "asks the fallbacks in the wrong order",
        "fallback",
        "The cheap last resort answers while the better one was free.",
        "Use two fallbacks that are both well, and look which one answered.",
        "[primary_agent, *fallback_agents]",
        "[primary_agent, *reversed(fallback_agents)]",
    ),
    Mutant(
        "counts the levels from one",
        "fallback",
        "The dashboard says that the fallback answered when the primary did.",
        "Look at fallback_level when the primary answers.",
        "enumerate([primary_agent, *fallback_agents])",
        "enumerate([primary_agent, *fallback_agents], start=1)",
    ),
    Mutant(
        "names the primary whoever answered",
        "fallback",
        "Bills and quality are booked on the wrong model.",
        "Look at agent_used when a fallback answers.",
        '"agent_used": agent.name',
        '"agent_used": primary_agent.name',
    ),
    Mutant(
        "asks everybody at once",
        "fallback",
        "Fast, and each query is paid for three times.",
        "Count the calls of the fallbacks when the primary answers.",
        "                    result = await agent.run(query)\n",
        "                    everybody = [agent, *fallback_agents[level:]]\n"
        "                    result, *_ = await asyncio.gather(\n"
        "                        *(one.run(query) for one in everybody), return_exceptions=True\n"
        "                    )\n"
        "                    if isinstance(result, Exception):\n"
        "                        raise result\n",
    ),
    Mutant(
        "falls back when it is cancelled",
        "fallback",
        "The user closes the page, and the next model is asked for nobody.",
        "Cancel while the primary is running, and count the calls of the fallback.",
        "            except Exception as error:  # not CancelledError: whoever asked has gone\n",
        "            except BaseException as error:\n",
    ),
    Mutant(
        "waits for a hung agent for ever",
        "fallback",
        "The primary accepts the connection and says nothing; healthy fallbacks stand by.",
        "Let the primary hang: a fallback should answer in the end.",
        "asyncio.timeout(self.attempt_timeout)",
        "asyncio.timeout(None)",
    ),
    Mutant(
        "falls back from connection errors only",
        "fallback",
        "A rate limit, or any error that nobody thought of, goes straight to the user.",
        "Let the primary raise an exception of your own.",
        "            except Exception as error:  # not CancelledError: whoever asked has gone\n",
        "            except (ConnectionError, TimeoutError) as error:\n",
    ),
    Mutant(
        "loses the first error",
        "fallback",
        "Only the last resort's complaint is left, and the cause of it all is gone.",
        "Let all agents fail, and look for the primary's error in what comes out.",
        "                errors.append(error)\n",
        "                errors = [error]\n",
    ),
    Mutant(
        "says only that all have failed",
        "fallback",
        "An alert at night that says nothing but 'all agents failed'.",
        "Let all agents fail, and look for their errors in what comes out.",
        '        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)\n',
        '        raise RuntimeError("no agent answered")\n',
    ),
    Mutant(
        "returns an empty answer when all fail",
        "fallback",
        "The user sees a blank page, the monitoring sees a success.",
        "Let all agents fail: an error must come out.",
        '        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)\n',
        '        return {"result": "", "agent_used": agent.name, "fallback_level": level}\n',
    ),
    Mutant(
        "tells the next agent of the error",
        "fallback",
        "The fallback answers a question about a stack trace, and an internal address leaks.",
        "Look at the query that reaches the fallback.",
        "                errors.append(error)\n",
        "                errors.append(error)\n"
        '                query = f"{query} (the agent before you failed: {error})"\n',
    ),
    Mutant(
        "changes the caller's list",
        "fallback",
        "The list of fallbacks is configuration, and it changes with every query.",
        "Ask twice with the same list.",
        "        for level, agent in enumerate([primary_agent, *fallback_agents]):\n",
        "        fallback_agents.insert(0, primary_agent)\n"
        "        for level, agent in enumerate(fallback_agents):\n",
        "LiteLLM, until BerriAI/litellm pull request 30624",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_BREAKER, *_RETRY, *_FALLBACK)
"""All mutants: of the breaker, of the retry, of the fallback chain."""
