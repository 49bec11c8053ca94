"""The questions at the end of notebook 07: kept here, so that no cell shows the answers."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def libraries_compared() -> Quiz:
    """Notebook 07."""
    return Quiz(
        Question(
            "A library's breaker lets everybody in when the break is over. When does that hurt?",
            {
                "with one caller at a time": "Then there is never more than one probe anyway.",
                "with many callers at once": "The weak service meets the whole crowd. That is why "
                "a test with one caller finds nothing.",
                "never: the first failure opens it again": "By then the whole crowd is through.",
            },
            right="with many callers at once",
        ),
        Question(
            "A service fails every second call, for an hour. Which breaker opens?",
            {
                "one that counts failures in a row": "There are never two in a row: each success "
                "begins the count anew.",
                "one that watches the failure rate": "Half of the calls fail, in any order. That "
                "is what a rate is for.",
                "both": "A streak of one never reaches a threshold of three.",
            },
            right="one that watches the failure rate",
        ),
        Question(
            "Twenty processes share one service, and each finds out for itself that it is down. "
            "What can pybreaker, aiobreaker, purgatory and interlock-cb do about it?",
            {
                "retry less": "They are breakers. How often to retry is the retry's business.",
                "keep the state in Redis, for all of them": "One process trips, and all stop. For "
                "that, the moment of opening must mean the same everywhere.",
                "nothing: a breaker lives in one process": "Most can live in one. These four can "
                "share their state.",
            },
            right="keep the state in Redis, for all of them",
        ),
        Question(
            "You may choose one retry library for a team that has never thought about retries.",
            {
                "one with many parts": "It can do everything, and everything must be decided. By "
                "default tenacity retries for ever, without waiting.",
                "one with good defaults": "An exponential wait, jitter, a limit on attempts and on "
                "time, before anybody has thought of it.",
                "none: ten lines are enough": "Ten lines are where the mistakes of this series are "
                "made.",
            },
            right="one with good defaults",
        ),
        Question(
            "A table says ✗ for a library that you use. What comes first?",
            {
                "replace the library": "That costs a lot, and the next one has a ✗ elsewhere.",
                "ask whether your service ever gets there": "Cancelled calls, a crowd after the "
                "break, a hung probe: if yours has none, the ✗ costs nothing.",
                "ignore it: others use it, too": "They may have one caller at a time, and you a "
                "thousand.",
            },
            right="ask whether your service ever gets there",
        ),
    )
