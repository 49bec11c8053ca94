"""The defects of a retry with backoff."""

from __future__ import annotations

from resilience_lab.practice.bug_hunt.mutant import Mutant

RETRY = (
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
        "Code that catches ConnectionError catches nothing any more.",
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
