"""Whether two samples, or two measurements, may be of one and the same thing."""

from __future__ import annotations

import math

import numpy as np

Z99 = 2.576
"""A normal variable is further than so many standard deviations from its mean 1 time in 100."""


def kolmogorov_smirnov(first, second):
    """The two-sample statistic in units of what 1 in 1000 samples of one distribution exceeds.

    The largest distance D of the empirical distributions; D * sqrt(n m / (n + m)) exceeds
    sqrt(-ln(0.001 / 2) / 2) = 1.95 with probability 0.001 (Smirnov 1948), and less often if values
    repeat.
    """
    both = np.concatenate([first, second])
    below = [
        np.searchsorted(np.sort(part), both, side="right") / part.size for part in (first, second)
    ]
    size = first.size * second.size / both.size
    return np.abs(below[0] - below[1]).max() * math.sqrt(size) / math.sqrt(-math.log(0.0005) / 2)


def agrees(sample, mean, within):
    """Whether the mean of `sample` is in the 99% interval around another one.

    That one is `mean`, with the standard error `within`.
    """
    error = math.hypot(within, np.std(sample, ddof=1) / math.sqrt(len(sample)))
    return abs(np.mean(sample) - mean) <= Z99 * error


def fisher(first, second, size):
    """The probability of two counts out of `size` that are at least as unlike, if they are alike.

    Fisher's exact test, two-sided (R. A. Fisher, "The Design of Experiments", 1935).
    """
    total = first + second
    ways = [math.comb(size, one) * math.comb(size, total - one) for one in range(total + 1)]
    return sum(way for way in ways if way <= ways[first]) / sum(ways)
