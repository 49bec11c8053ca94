"""What the authors of the repeated experiments published, to stand beside our own numbers.

A figure of theirs is one run, or a mean of runs, that their text or their program shows, rounded as
they do. They stand here and not in the notebook, so that no cell says what it is about to find.
"""

from __future__ import annotations

CONTENTION = {
    "kind": ("none", "full", "equal", "decorrelated", "no_backoff"),
    "calls": (1856.6, 796.3, 812.3, 1002.5, 2420.6),
    "time_ms": (63_484, 4920, 6637, 4560, 2025),
}
"""A hundred clients and one row: the mean of 100 trials with the author's program. (Marc Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)"""

STRATEGIES = {
    "breaker": (80, 100, 0, 100),
    "no_retries": (80, 100, 0, 100),
    "three_retries": (99.8, 125, 0, 400),
    "token_bucket": (88.3, 110.4, 0, 110.4),
}
"""Success and load in %, first if a fifth of the calls fail and then if all do, from the author's
program. (Marc Brooker, "Fixing retries with token buckets and circuit breakers", 2022.)"""

BUCKETS = {10: 110.3, 100: 113.6, 1000: 123.9}
"""The load of the token bucket in % if a fifth fail, by the number of clients (ibid.)."""

BACKOFF_LOAD = {"open": 1876, "open_backoff": 1888, "serial_backoff": 795, "token_bucket": 1113}
"""Calls a second if half of them fail. (Marc Brooker, "What is backoff for?", 2022.)"""

COLLAPSES = {5.0: (15, 0, 0), 8.0: (30, 22, 0)}
"""How many of 30 runs collapse, by the spike's length in seconds: three tries at once, three with
backoff, a single one. (Marc Brooker, "simple_collapse_sim", mbrooker/simulator_example, 2022.)"""

SHARDS = {"one, above 10%": 0.29, "one, above 20%": 0.90, "one for each": 0.90}
"""The share of calls that succeed if one shard of ten is dead, by what the breakers guard. (Marc
Brooker, "Will circuit breakers solve my problems?", 2022.)"""
