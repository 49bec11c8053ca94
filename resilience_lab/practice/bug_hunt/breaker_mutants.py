"""The defects of a circuit breaker."""

from __future__ import annotations

from resilience_lab.practice.bug_hunt.mutant import Mutant

BREAKER = (
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
        "The caller believes that the call has ended; timeouts around it do nothing.",
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
        "The clock is set back an hour, and the break lasts an hour longer.",
        "Replace time.time by one that jumps back during the break.",
        "        return asyncio.get_running_loop().time()\n",
        "        import time\n\n        return time.time()\n",
        "pybreaker 1.4.1, aiobreaker 1.2.0, purgatory 3.0.1 and hyx 0.0.2",
    ),
)
