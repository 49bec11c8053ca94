"""The exercises on load: each typical mistake is named, any sound solution passes."""

from __future__ import annotations

from collections import deque

import pytest

from resilience_lab import RetryBudget
from resilience_lab.practice.exercises.storm import WINDOW, check_budget, check_throttle

FULL = "begins with burst tokens"
EARNS = "earns ratio tokens with each first call"
WHOLE = "grants a retry for a whole token only"
FREE = "takes nothing for a retry that it refuses"
CAPPED = "never holds more than burst tokens"
OWN = "is not shared with other budgets"

PASSES = "sends everything while everything is accepted"
BEARS = "sends everything while more than one in k is accepted"
HOLDS = "holds back when nothing is accepted"
ASKS = "but asks now and then, or it would never know"
K_TIMES = "sends an overloaded backend k times what it accepts"
TWO_MINUTES = "looks back over two minutes"
FORGETS = "and no further"


# The budget


class Right:
    def __init__(self, ratio, burst):
        self.ratio, self.burst, self.tokens = ratio, burst, burst

    def first_call(self):
        self.tokens = min(self.burst, self.tokens + self.ratio)

    def may_retry(self):
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class OfTheLibrary:
    def __init__(self, ratio, burst):
        bucket = RetryBudget(ratio, burst)
        self.first_call, self.may_retry = bucket.deposit, bucket.try_withdraw


class Stub(Right):
    def first_call(self):
        pass

    def may_retry(self):
        return True


class Never(Right):
    def may_retry(self):
        return False


class BeginsEmpty(Right):
    def __init__(self, ratio, burst):
        super().__init__(ratio, burst)
        self.tokens = 0


class EarnsATokenEach(Right):
    def first_call(self):
        self.tokens = min(self.burst, self.tokens + 1)


class RetriesOnCredit(Right):
    def may_retry(self):
        if self.tokens <= 0:
            return False
        self.tokens -= 1
        return True


class RunsIntoDebt(Right):
    def may_retry(self):
        self.tokens -= 1
        return self.tokens >= 0


class Uncapped(Right):
    def first_call(self):
        self.tokens += self.ratio


class SharesItsTokens(Right):
    def __init__(self, ratio, burst):
        self.ratio, self.burst = ratio, burst
        type(self).tokens = burst

    def first_call(self):
        type(self).tokens = min(self.burst, self.tokens + self.ratio)

    def may_retry(self):
        if self.tokens < 1:
            return False
        type(self).tokens -= 1
        return True


class Counts(Right):
    """A share of the calls instead of a bucket: nothing is left of a quiet time, nothing given."""

    def __init__(self, ratio, burst):
        self.ratio, self.calls, self.retries = ratio, 0, 0

    def first_call(self):
        self.calls += 1

    def may_retry(self):
        if self.retries + 1 > self.ratio * self.calls:
            return False
        self.retries += 1
        return True


class Fails:
    def __init__(self, ratio, burst):
        raise NotImplementedError("not yet")


@pytest.mark.parametrize("budget", [Right, OfTheLibrary])
def test_a_sound_budget_passes(budget):
    assert check_budget(budget).passed, check_budget(budget)


@pytest.mark.parametrize(
    ("budget", "missing"),
    [
        (Stub, (FULL, EARNS, WHOLE, CAPPED)),
        (Never, (FULL, EARNS, FREE)),
        (BeginsEmpty, (FULL,)),
        (EarnsATokenEach, (EARNS, WHOLE)),
        (RetriesOnCredit, (WHOLE,)),
        (RunsIntoDebt, (EARNS, FREE)),
        (Uncapped, (CAPPED,)),
        (SharesItsTokens, (OWN,)),
        (Counts, (FULL, CAPPED)),
        (Fails, (FULL, EARNS, WHOLE, FREE, CAPPED, OWN)),
    ],
)
def test_what_is_missing_from_a_budget_is_named(budget, missing):
    assert check_budget(budget).missing == missing


def test_what_a_budget_did_instead_is_told():
    assert "with burst=4, it granted 0 at once" in repr(check_budget(BeginsEmpty))
    assert "one budget granted 4, and after it another one, just as new, 0" in repr(
        check_budget(SharesItsTokens)
    )
    assert "it raised NotImplementedError: not yet" in repr(check_budget(Fails))


# The throttle


class Throttle:
    """As the book has it."""

    window = WINDOW

    def __init__(self, k, rng):
        self.k, self.rng = k, rng
        self.requests, self.accepts = deque(), deque()

    def should_send(self, now):
        for moments in (self.requests, self.accepts):
            while moments and moments[0] < now - self.window:
                moments.popleft()
        send = self.rng.random() >= self.rejection()
        self.count(now, send)
        return send

    def accepted(self, now):
        self.accepts.append(now)

    def rejection(self):
        requests, accepts = len(self.requests), len(self.accepts)
        return max(0.0, (requests - self.k * accepts) / (requests + 1))

    def count(self, now, send):
        self.requests.append(now)


class WithoutTheMaximum(Throttle):
    """A negative probability rejects nothing, just as well."""

    def rejection(self):
        requests, accepts = len(self.requests), len(self.accepts)
        return (requests - self.k * accepts) / (requests + 1)


class BySeconds(Throttle):
    """Counts per second instead of single moments: the window is a second more or less."""

    def count(self, now, send):
        self.requests.append(int(now))

    def accepted(self, now):
        self.accepts.append(int(now))


class SendsAll(Throttle):
    def rejection(self):
        return 0.0


class CountsWhatItSends(Throttle):
    def count(self, now, send):
        if send:
            self.requests.append(now)


class NeverForgets(Throttle):
    window = float("inf")


class ForgetsTooSoon(Throttle):
    window = 60.0


class ForgetsTooLate(Throttle):
    window = 180.0


class WithoutChance(Throttle):
    def rejection(self):
        return 1.0 if len(self.requests) > self.k * len(self.accepts) else 0.0


class WithoutK(Throttle):
    def rejection(self):
        requests, accepts = len(self.requests), len(self.accepts)
        return max(0.0, (requests - accepts) / (requests + 1))


class CountsItselfFirst(Throttle):
    """With the request at hand among the earlier ones, every second client begins by rejecting."""

    def rejection(self):
        requests = len(self.requests) + 1
        return max(0.0, (requests - self.k * len(self.accepts)) / (requests + 1))


@pytest.mark.parametrize("throttle", [Throttle, WithoutTheMaximum, BySeconds])
def test_a_sound_throttle_passes(throttle):
    assert check_throttle(throttle).passed, check_throttle(throttle)


@pytest.mark.parametrize(
    ("throttle", "missing"),
    [
        (SendsAll, (HOLDS, K_TIMES)),
        (CountsWhatItSends, (K_TIMES,)),
        (NeverForgets, (FORGETS,)),
        (ForgetsTooSoon, (TWO_MINUTES,)),
        (ForgetsTooLate, (FORGETS,)),
        (WithoutChance, (ASKS, K_TIMES)),
        (WithoutK, (BEARS, K_TIMES, TWO_MINUTES)),
        (CountsItselfFirst, (PASSES, BEARS, FORGETS)),
    ],
)
def test_what_is_missing_from_a_throttle_is_named(throttle, missing):
    checklist = check_throttle(throttle)

    assert checklist.missing == missing, checklist


def test_what_a_throttle_did_instead_is_told():
    told = repr(check_throttle(SendsAll))

    assert "nothing was accepted, and it sent 600 of 600" in told
    assert "k was 2; it sent 4800, of which 480 were accepted" in told
    assert "it did not ask once in 50 minutes" in repr(check_throttle(WithoutChance))
