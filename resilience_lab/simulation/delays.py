"""Delays by the hundred thousand, and what they must be on average.

`sample_delays` is the vectorised twin of `Backoff.delays()`: the same bounds, from the same
`JITTERS`, the same cap, and numpy's generator in place of the `random` module. `expected_delay` is
the mean that the samples should have, from the formulas alone.

Delays are numbered as in `Backoff.bounds`: the delay before retry 0 follows the first call.
Formulas: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015; the means
follow from them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from resilience_lab.ground.arguments import whole
from resilience_lab.retry.backoff import JITTERS, Backoff

_STEPS = 1000
"""Steps of the integration for each factor of three between `base_delay` and `max_delay`."""


def sample_delays(
    backoff: Backoff, retries: int, samples: int = 100_000, seed: int = 0
) -> pd.DataFrame:
    """The delays of many calls that each wait for several retries, with the bounds of `backoff`.

    Parameters
    ----------
    backoff
        The policy that is sampled. Its `rng` is not touched.
    retries
        How many retries each call waits for, >= 0.
    samples
        How many calls, >= 1.
    seed
        An int >= 0; the same one gives the same delays.

    Returns
    -------
    DataFrame
        `samples * retries` rows, all of retry 0 first. Columns: jitter (the kind), sample
        (0, 1 ...), retry (0 is the first), delay (seconds). The rows of one sample are one history.

    Raises
    ------
    ValueError, TypeError
        For a number that is not whole or too small.

    Examples
    --------
    >>> frame = sample_delays(Backoff(1.0, jitter="none"), retries=3, samples=2)
    >>> frame["delay"].tolist()
    [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]
    """
    whole("retries", retries, at_least=0)
    whole("samples", samples, at_least=1)
    rng = np.random.default_rng(whole("seed", seed, at_least=0))
    delays = np.empty((retries, samples))
    previous = np.full(samples, backoff.base_delay)
    for n in range(retries):
        previous = delays[n] = draw(backoff, np.full(samples, n), previous, rng)
    kinds = pd.Index(JITTERS)  # the same for each frame, so that frames can be stacked
    codes = np.full(delays.size, kinds.get_loc(backoff.jitter), dtype=np.int8)
    return pd.DataFrame(
        {
            "jitter": pd.Categorical.from_codes(codes, categories=kinds),
            "sample": np.tile(np.arange(samples), retries),
            "retry": np.repeat(np.arange(retries), samples),
            "delay": delays.ravel(),
        }
    )


def draw(backoff: Backoff, retry: Any, previous: Any, rng: np.random.Generator) -> Any:
    """A delay for each of many calls, of which each is at its own `retry` (0 is the first).

    `retry` and `previous`, the delay before (at first, `base_delay`), are arrays of one shape, and
    not empty.
    """
    interval: Any = JITTERS[backoff.jitter]  # the scalar formulas serve arrays as well
    ceilings = _ceilings(backoff, int(retry.max()) + 1)
    low, high = interval(ceilings[retry], backoff.base_delay, previous)
    if low is high:
        return low  # nothing to draw
    drawn = low + (high - low) * rng.random(retry.shape)
    # The sum may round up past the upper end, so the interval bounds it once more.
    return np.minimum(drawn, np.minimum(high, backoff.max_delay))


def expected_delay(backoff: Backoff, n: int) -> float:
    """The mean delay before retry `n`, over all draws.

    Parameters
    ----------
    backoff
        The policy.
    n
        The number of the retry, >= 0; 0 is the first.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError, TypeError
        As `Backoff.bounds` does.

    Notes
    -----
    With v = v(n), the ceiling, the closed forms are: none v, full v/2, equal 3v/4. Proportional is
    the mean of min(max_delay, U(v/2, 3v/2)), which is v until 3v/2 passes the cap and less after.
    Decorrelated has no short form once the cap is in reach. It is integrated numerically (see
    `_decorrelated_mean`): exact while 3 ** (n + 1) * base_delay <= max_delay, and within a
    millionth of the mean beyond. All follow from the kinds of jitter in Marc Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Examples
    --------
    >>> expected_delay(Backoff(1.0, jitter="full"), 3)
    4.0
    """
    low, high = backoff.bounds(n)
    if low == high:
        return high
    if backoff.jitter == "decorrelated":
        return _decorrelated_mean(backoff.base_delay, backoff.max_delay, n)
    low, high = JITTERS[backoff.jitter](_ceiling(backoff, n), 0.0, 0.0)
    over = max(0.0, high - backoff.max_delay)
    return (low + high) / 2 - over**2 / (2 * (high - low))


def delay_table(backoff: Backoff, retries: int) -> pd.DataFrame:
    """What the formulas say of each delay: the lines to draw over `sample_delays`.

    Parameters
    ----------
    backoff
        The policy.
    retries
        How many retries, >= 0.

    Returns
    -------
    DataFrame
        One row for each retry. Columns: jitter, retry, low and high (`Backoff.bounds`), expected
        (`expected_delay`) and cap (`max_delay`), all in seconds.

    Raises
    ------
    ValueError, TypeError
        If `retries` is not a whole number >= 0.

    Examples
    --------
    >>> delay_table(Backoff(1.0, max_delay=3.0, jitter="full"), 3)["expected"].tolist()
    [0.5, 1.0, 1.5]
    """
    rows = [
        (backoff.jitter, n, *backoff.bounds(n), expected_delay(backoff, n), backoff.max_delay)
        for n in range(whole("retries", retries, at_least=0))
    ]
    return pd.DataFrame(rows, columns=["jitter", "retry", "low", "high", "expected", "cap"])


def _ceiling(backoff: Backoff, n: int) -> float:
    """v(n): without jitter, the ceiling is the delay."""
    return replace(backoff, jitter="none").bounds(n)[1]


@lru_cache
def _ceilings(backoff: Backoff, count: int) -> Any:
    """v(0), v(1) ... as an array of that many."""
    return np.array([_ceiling(backoff, n) for n in range(count)])


def _decorrelated_mean(base: float, cap: float, n: int) -> float:
    """E[s(n)] for s <- min(cap, U(base, 3 s)), s(-1) = base, where 0 < base < cap.

    Backwards: let m(s) be the mean of the last delay if the present one is s, so m(s) = s at the
    end. One retry earlier it is the mean of m over the next draw,

        m'(s) = (integral of m from base to min(cap, 3 s)  +  max(0, 3 s - cap) m(cap))
                / (3 s - base)

    and after n + 1 steps E[s(n)] = m(base). The nodes are base * 3 ** (j / _STEPS), so that 3 s is
    a node as well and the trapezoid rule needs no interpolation. While the cap is out of reach, m
    is a straight line, for which the rule is exact.
    """
    count = math.ceil((math.log(cap) - math.log(base)) / math.log(3) * _STEPS)
    nodes = base * 3.0 ** (np.arange(count) / _STEPS)
    nodes = np.append(nodes[nodes < cap], cap)
    reach = np.minimum(np.arange(nodes.size) + _STEPS, nodes.size - 1)  # where min(cap, 3 s) is
    over = np.maximum(0.0, 3 * nodes - cap)
    mean = nodes
    for _ in range(n + 1):
        pieces = (mean[1:] + mean[:-1]) / 2 * np.diff(nodes)
        integral = np.append(0.0, np.cumsum(pieces))
        mean = (integral[reach] + over * mean[-1]) / (3 * nodes - base)
    return float(mean[0])
