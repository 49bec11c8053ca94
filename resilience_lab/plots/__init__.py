"""Pictures of recorded events, of delays and of load: a `DataFrame` in, a matplotlib `Figure` out.

Nothing here runs a policy. Each picture has a summary in words beside it, for nbval, for screen
readers and for a reader in a hurry, and the numbers in it come from a function of their own.
Colours are those of Okabe and Ito (2008), which colour-blind people can tell apart; what matters is
also told by place, shape, hatching and words, so grey prints do.
"""

from resilience_lab.plots.attempts import (
    attempt_spans,
    attempt_summary,
    attempt_timeline,
    attempt_waits,
)
from resilience_lab.plots.breaker import (
    breaker_bands,
    breaker_calls,
    breaker_summary,
    breaker_timeline,
)
from resilience_lab.plots.composition import composition_calls, composition_summary
from resilience_lab.plots.delays import (
    cumulative_summary,
    cumulative_wait,
    delay_distributions,
    delay_statistics,
    delay_summary,
    total_waits,
)
from resilience_lab.plots.fallback import fallback_summary, fallback_turns, fallback_waterfall
from resilience_lab.plots.load import load_over_time, load_summary
from resilience_lab.plots.storms import (
    contention_curves,
    contention_summary,
    goodput_over_time,
    goodput_summary,
    strategy_summary,
    strategy_tradeoff,
)
from resilience_lab.plots.tables import Table

__all__ = [
    "Table",
    "attempt_spans",
    "attempt_summary",
    "attempt_timeline",
    "attempt_waits",
    "breaker_bands",
    "breaker_calls",
    "breaker_summary",
    "breaker_timeline",
    "composition_calls",
    "composition_summary",
    "contention_curves",
    "contention_summary",
    "cumulative_summary",
    "cumulative_wait",
    "delay_distributions",
    "delay_statistics",
    "delay_summary",
    "fallback_summary",
    "fallback_turns",
    "fallback_waterfall",
    "goodput_over_time",
    "goodput_summary",
    "load_over_time",
    "load_summary",
    "strategy_summary",
    "strategy_tradeoff",
    "total_waits",
]
