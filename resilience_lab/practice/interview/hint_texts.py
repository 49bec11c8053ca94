"""The first and the last hint for each behaviour: where to look, and nearly the code.

Keyed by the behaviour's name. The hint in the middle stands with the behaviour, in `contracts`.
"""

from __future__ import annotations

_BREAKER = {
    "returns what the function returns": (
        "Look at the end of call: is there a return on every path that succeeds?",
        "result = await func(*args, **kwargs)\n"
        "...  # count the success\n"
        "return result  # whatever it is: None and 0 are answers, too",
    ),
    "passes all arguments on": (
        "Look at the signature of call, and at the line that awaits func: both need two stars.",
        "async def call(self, func, *args, **kwargs):\n"
        "    ...\n"
        "    result = await func(*args, **kwargs)",
    ),
    "calls the function once": (
        "Look for a second func( in call, or a loop around the first.",
        "try:\n"
        "    result = await func(*args, **kwargs)  # the only one\n"
        "except Exception:\n"
        "    ...  # count, do not call again\n"
        "    raise",
    ),
    "raises the function's own error": (
        "Look at how your except clause ends, also in the call that opens the circuit.",
        "except Exception:\n    self._failed()\n    raise  # the same error goes on",
    ),
    "opens after failure_threshold failures in a row": (
        "Look at where a failure is counted: is the comparison there, and after the counting?",
        "self.failure_count += 1\n"
        "if self.failure_count >= self.failure_threshold:\n"
        '    self.state = "OPEN"',
    ),
    "starts counting anew after a success": (
        "Look at what a success does while the state is CLOSED. Nothing, perhaps?",
        'if self.state == "CLOSED":\n    self.failure_count = 0',
    ),
    "rejects every call during the break": (
        "Look at the first lines of call: the state has to be asked before func is awaited.",
        'if self.state == "OPEN" and now - self.opened_at < self.recovery_timeout:\n'
        '    raise CircuitOpenError("the circuit is open")',
    ),
    "lets a call through once recovery_timeout has passed": (
        "Look at what happens to a call that comes while OPEN when the time is over.",
        "if now - self.opened_at >= self.recovery_timeout:\n"
        '    self.state = "HALF_OPEN"  # and go on to the call',
    ),
    "counts a rejected call for nothing": (
        "Look at where you raise the rejection: does your own except clause catch it?",
        "self._admit()  # may raise, and is not in the try\n"
        "try:\n"
        "    result = await func(*args, **kwargs)\n"
        "except Exception:\n"
        "    self._failed()\n"
        "    raise",
    ),
    "closes after success_threshold successful probes": (
        "Look at what a success does in HALF_OPEN: count first, compare then.",
        "self.success_count += 1\n"
        "if self.success_count >= self.success_threshold:\n"
        '    self.state = "CLOSED"',
    ),
    "does not close before success_threshold successful probes": (
        "Look at the line that sets CLOSED: under which condition does it stand?",
        'if self.state == "HALF_OPEN":\n'
        "    self.success_count += 1\n"
        "    if self.success_count >= self.success_threshold:\n"
        '        self.state = "CLOSED"',
    ),
    "forgets the old failures when it closes": (
        "Look at the line that sets CLOSED: what else has to begin anew there?",
        'self.state = "CLOSED"\nself.failure_count = 0',
    ),
    "a failed probe opens it again": (
        "Look at the condition under which a failure opens: is HALF_OPEN in it?",
        'if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:\n'
        '    self.state = "OPEN"',
    ),
    "takes a full break after a failed probe": (
        "Look at each place that sets OPEN: is the time of opening set beside it?",
        'self.state = "OPEN"\nself.opened_at = now  # one method for both',
    ),
    "counts the probes of each recovery anew": (
        "Look at the line that sets HALF_OPEN: what has to begin anew there?",
        'self.state = "HALF_OPEN"\nself.success_count = 0',
    ),
    "counts for itself alone": (
        "Look for what changes but stands in the class, or in the module, and not in __init__.",
        "def __init__(self, ...):\n"
        '    self.state = "CLOSED"\n'
        "    self.failure_count = 0\n"
        "    self.success_count = 0",
    ),
    "tells its state": (
        "Look at when HALF_OPEN is set: before func is awaited, not after.",
        'self.state = "HALF_OPEN"  # in the call that comes after the break\n'
        "result = await func(*args, **kwargs)",
    ),
    "lets calls run side by side": (
        "Look for an async with around the line that awaits func.",
        "async with self._lock:\n"
        "    self._admit()\n"
        "result = await func(*args, **kwargs)  # outside\n"
        "async with self._lock:\n"
        "    self._succeeded()",
    ),
    "lets one probe through at a time": (
        "Look at a call that comes in HALF_OPEN: how does it know that a probe is out already?",
        'if self.state == "HALF_OPEN":\n'
        "    if self.probing:\n"
        '        raise CircuitOpenError("a probe is out")\n'
        "    self.probing = True  # no await between the question and this line",
    ),
    "takes no cancelled call for a failure": (
        "Look for except BaseException, for a bare except:, and for finally.",
        "except Exception:  # CancelledError is none, so it passes\n    self._failed()\n    raise",
    ),
    "takes no cancelled call for a success": (
        "Look at which lines run when await func raises CancelledError.",
        "try:\n"
        "    result = await func(*args, **kwargs)\n"
        "except Exception:\n"
        "    self._failed()\n"
        "    raise\n"
        "self._succeeded()  # after the try, not in a finally",
    ),
    "lets a cancellation through to the caller": (
        "Look at what your handler of BaseException or CancelledError does last.",
        "except BaseException:\n    ...  # put in order what has to be\n    raise",
    ),
    "gives the permit of a cancelled probe back": (
        "Look at every way out of call. Is the permit returned on each: return, raise, cancelled?",
        "try:\n"
        "    result = await func(*args, **kwargs)\n"
        "    ...\n"
        "finally:\n"
        "    self.probing = False  # only if this call is the probe",
    ),
    "ignores a late success during the break": (
        "Look at a success that comes while OPEN: it began before, so it must do nothing.",
        "generation = self.generation  # before the call\n"
        "result = await func(*args, **kwargs)\n"
        "if generation == self.generation:\n"
        "    self._succeeded()",
    ),
    "ignores a late failure during the break": (
        "Look at a failure that comes while OPEN: does it set the time of opening again?",
        "except Exception:\n"
        "    if generation == self.generation:  # noted before the call\n"
        "        self._failed()\n"
        "    raise",
    ),
    "takes no late success for a probe's": (
        "Look at what a success asks: the state now, or the one in which its call began?",
        "generation = self._admit()  # a number that changes with each state\n"
        "result = await func(*args, **kwargs)\n"
        "if generation == self.generation:\n"
        "    self._succeeded()",
    ),
    "takes no late failure for a probe's": (
        "Look at what a failure asks: the state now, or the one in which its call began?",
        "except Exception:\n"
        "    if generation == self.generation:  # from _admit\n"
        "        self._failed()\n"
        "    raise",
    ),
    "ignores results from before the trip after the recovery, too": (
        "Look at what you compare. If it is the state's name, two stays in CLOSED look alike.",
        "def _enter(self, state):\n    self.state = state\n    self.generation += 1  # every time",
    ),
    "gives the permit of a hung probe to another caller": (
        "Look at a call that finds the permit taken: may it ask for how long?",
        "if self.probing and now - self.probing_since < self.recovery_timeout:\n"
        '    raise CircuitOpenError("a probe is out")\n'
        "self.probing, self.probing_since = True, now",
    ),
    "takes a hung probe's late answer for old news": (
        "Look at what a probe compares at its end: is it still the one that has the permit?",
        "self.generation += 1  # for each new permit, too\n"
        "generation = self.generation\n"
        "...\n"
        "if generation == self.generation:\n"
        "    self.probing = False\n"
        "    self._succeeded()",
    ),
    "does not mind a wall clock that jumps": (
        "Look for time.time() and datetime.now().",
        "now = asyncio.get_running_loop().time()  # or time.monotonic()",
    ),
}

_RETRY = {
    "calls once if the first call succeeds": (
        "Look at what happens after the first good call: does the loop go round again?",
        "try:\n    return await func()\nexcept Exception:\n    ...",
    ),
    "calls again after a failure, and stops at the first success": (
        "Look at where the try stands: it belongs into the loop, not around it.",
        "for attempt in range(max_retries + 1):\n"
        "    try:\n"
        "        return await func()\n"
        "    except Exception:\n"
        "        ...  # the last attempt? If not, wait",
    ),
    "makes one call and max_retries more": (
        "Look at the bounds of the loop. How many calls are made with max_retries=0?",
        "for attempt in range(max_retries + 1):\n"
        "    ...\n"
        "    except Exception:\n"
        "        if attempt == max_retries:\n"
        "            raise",
    ),
    "waits base_delay first": (
        "Look at the number in the exponent when the first call has failed: it should be 0.",
        "delay = base_delay * 2**attempt  # attempt is 0, 1, 2 ...\nawait asyncio.sleep(delay)",
    ),
    "doubles the wait each time": (
        "Look at the third wait: adding gives 3, doubling gives 4.",
        "delay = base_delay\n...\nawait asyncio.sleep(delay)\ndelay *= 2",
    ),
    "does not wait after the last call": (
        "Look at the order in the except clause: give up first, sleep then.",
        "except Exception:\n"
        "    if attempt == max_retries:\n"
        "        raise\n"
        "    await asyncio.sleep(base_delay * 2**attempt)",
    ),
    "raises the last error itself": (
        "Look at how the function ends when all calls have failed: with a raise at all?",
        "except Exception:\n    if attempt == max_retries:\n        raise  # bare: the same error",
    ),
    "takes any returned value for a success": (
        "Look for an if on the result, or a walrus.",
        "return await func()  # None, 0 and '' are answers, too",
    ),
    "retries whatever exception is raised": (
        "Look at the type behind your except.",
        "except Exception:  # not one type, and not BaseException",
    ),
    "starts afresh each time": (
        "Look for what outlives a call: a global, a default argument, an attribute.",
        "async def retry_with_backoff(func, max_retries=3, base_delay=1.0):\n"
        "    delay = base_delay  # made anew in every call",
    ),
    "ends at once when it is cancelled during a call": (
        "Look at your except clause: does it catch CancelledError, too?",
        "except Exception:  # CancelledError is none: it passes, and nothing is retried",
    ),
    "ends at once when it is cancelled during a wait": (
        "Look at what surrounds the sleep: a try that catches everything?",
        "await asyncio.sleep(delay)  # no try around it, or one that raises again",
    ),
    "leaves the event loop free while it waits": (
        "Look for time.sleep, and for a sleep without await.",
        "await asyncio.sleep(delay)",
    ),
    "keeps two retries at the same time apart": (
        "Look at where attempt and delay live: could another call change them?",
        "for attempt in range(max_retries + 1):  # a local variable of this call\n"
        "    delay = base_delay * 2**attempt",
    ),
    "keeps its jitter in bounds": (
        "Look at the largest number that your random part can give, and what it is added to.",
        "delay = base_delay * 2**attempt\nawait asyncio.sleep(random.uniform(0, delay))",
    ),
    "waits as long as the service asks": (
        "Look at the error that you have caught: what does it carry?",
        "except Exception as error:\n"
        "    hint = getattr(error, 'retry_after', None) or 0\n"
        "    ...\n"
        "await asyncio.sleep(max(hint, delay))",
    ),
    "is not upset by a hint that makes no sense": (
        "Look at what None, or a number below 0, does to your sum or to asyncio.sleep.",
        "hint = getattr(error, 'retry_after', None)\n"
        "if not isinstance(hint, (int, float)) or hint < 0:\n"
        "    hint = 0",
    ),
    "keeps to its cap, if it has one": (
        "Look at the order: the cap last, or the jitter only downwards from it.",
        "ceiling = min(max_delay, base_delay * 2**attempt)\n"
        "await asyncio.sleep(random.uniform(0, ceiling))",
    ),
}
_FALLBACK = {
    "returns the primary agent's answer": (
        "Look at what the method returns, and whether run is awaited.",
        "result = await primary_agent.run(query)\n"
        "return {'result': result, 'agent_used': primary_agent.name, 'fallback_level': 0}",
    ),
    "asks nobody else if the primary agent answers": (
        "Look at when the coroutines are made: all at once, or each in its turn?",
        "for agent in agents:\n    result = await agent.run(query)\n    return ...",
    ),
    "falls back when the primary agent fails": (
        "Look at where the try stands: around each agent by itself.",
        "try:\n"
        "    result = await agent.run(query)\n"
        "except Exception as error:\n"
        "    errors.append(error)\n"
        "    continue",
    ),
    "asks the fallbacks in order, and stops at the first answer": (
        "Look at the loop: in which order does it go, and how does it end?",
        "for agent in [primary_agent, *fallback_agents]:\n"
        "    try:\n"
        "        result = await agent.run(query)\n"
        "    except Exception:\n"
        "        continue\n"
        "    return ...",
    ),
    "goes on to the last fallback": (
        "Look for fallback_agents[0], and for a return or raise inside of the except clause.",
        "for agent in [primary_agent, *fallback_agents]:\n"
        "    ...\n"
        "raise ...  # after the loop, not in it",
    ),
    "falls back from any exception": (
        "Look at the type behind your except.",
        "except Exception as error:  # not one type, and not BaseException",
    ),
    "says which agent answered": (
        "Look at whose name is put into the result.",
        "return {'result': result, 'agent_used': agent.name, 'fallback_level': level}",
    ),
    "says at which level it was answered": (
        "Look at where the level is counted: 0 is the primary agent.",
        "for level, agent in enumerate([primary_agent, *fallback_agents]):",
    ),
    "asks each agent the same question": (
        "Look for an assignment to query, and at what is passed to run.",
        "result = await agent.run(query)  # as it came",
    ),
    "raises when nobody answers": (
        "Look at what happens after the loop. Without a line there, it returns None.",
        "raise ExceptionGroup('no agent answered', errors)",
    ),
    "does without fallbacks": (
        "Look for an index into fallback_agents, and for a name that only the loop sets.",
        "for level, agent in enumerate([primary_agent, *fallback_agents]):  # one at least",
    ),
    "begins each query with the primary agent": (
        "Look at self: does it remember who answered last?",
        "errors = []  # made anew in execute_with_fallback, not in __init__",
    ),
    "does not fall back when it is cancelled": (
        "Look at your except clause: does it catch CancelledError, too?",
        "except Exception as error:  # CancelledError is none, so it passes",
    ),
    "tells all errors when nobody answers": (
        "Look at what becomes of each error when the next agent is asked.",
        "except Exception as error:\n"
        "    errors.append(error)\n"
        "...\n"
        "raise ExceptionGroup('no agent answered', errors)",
    ),
    "keeps two queries at the same time apart": (
        "Look at what is written to self while a query is running.",
        "errors = []  # each query's own\nfor level, agent in enumerate(agents): ...",
    ),
    "leaves the caller's list alone": (
        "Look for pop, insert, append, remove, sort and += on fallback_agents.",
        "agents = [primary_agent, *fallback_agents]  # a new list",
    ),
    "takes an empty answer for an answer": (
        "Look for an if on the answer.",
        "result = await agent.run(query)\nreturn {'result': result, ...}  # whatever it is",
    ),
    "does not wait for a hung agent for ever": (
        "Look at the await on run: what ends it, if the agent does not?",
        "async with asyncio.timeout(30):\n    result = await agent.run(query)",
    ),
}

WHERE_AND_HOW: dict[str, tuple[str, str]] = _BREAKER | _RETRY | _FALLBACK
