"""The questions at the end of notebook 04: kept here, so that no cell shows the answers."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def composing_patterns() -> Quiz:
    """Notebook 04."""
    return Quiz(
        Question(
            "A timeout stands outside the breaker. The service hangs. The breaker",
            {
                "opens after the third timeout": "It would, if the timeout were inside: then it is "
                "a failure.",
                "never opens": "From outside, a timeout arrives as a cancellation, and that is "
                "neutral.",
                "opens at once": "Nothing opens a breaker before its rule has counted enough.",
            },
            right="never opens",
        ),
        Question(
            "A breaker around the retry, or inside it: which spares a service that is down?",
            {
                "around it": "There, all tries of one call count as a single failure: it opens "
                "late.",
                "inside it": "It counts every try, and the retry stops when the circuit is open.",
                "both the same": "Count the calls that arrive: the orders differ by the number of "
                "tries.",
            },
            right="inside it",
        ),
        Question(
            "Four layers, each retries twice, no budget. Calls at the bottom for one request that "
            "fails:",
            {
                "8": "Retries are not added up layer by layer. They multiply.",
                "16": "That is one retry in each layer: two tries to the power of four.",
                "81": "Three tries, to the power of four layers.",
            },
            right="81",
        ),
        Question(
            "Three tries of 10 s each, waits of 1 and 2 s between, and a deadline of 15 s around "
            "it all. The service hangs. How many calls reach it?",
            {
                "1": "The second begins at 11 s, before the deadline.",
                "2": "From 0 to 10 s and from 11 to 15 s: the deadline cuts the second off.",
                "3": "So it would be without a deadline, and the user would wait 33 s.",
            },
            right="2",
        ),
        Question(
            "Hedging after p95, on a day when the service is overloaded. The number of calls",
            {
                "grows by about 5 %": "That is the normal day, when only one in twenty is late.",
                "falls": "A hedge is never less than the call itself.",
                "doubles, unless a budget forbids it": "Everybody is late, so everybody is hedged, "
                "and nobody is faster for it.",
            },
            right="doubles, unless a budget forbids it",
        ),
        Question(
            "Why does a failure rate need a minimum of calls?",
            {
                "or the first failure of the night is 100 %": "One call of one has failed: a rate "
                "says nothing before there are enough calls.",
                "to save memory": "The memory grows with the window, not with the minimum.",
                "so that it opens sooner": "It opens later, for it does not judge on a few calls.",
            },
            right="or the first failure of the night is 100 %",
        ),
        Question(
            "A stream breaks off after three chunks. A fallback chain should",
            {
                "ask the next agent and go on": "Its words would not continue what the user has "
                "read.",
                "raise an error that holds the three chunks": "The application knows whether to "
                "show them, or to begin anew.",
                "retry the same agent in silence": "That may begin another sentence: the user "
                "would read both.",
            },
            right="raise an error that holds the three chunks",
        ),
    )
