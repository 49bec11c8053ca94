"""The questions of notebook 02."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def backoff_and_jitter() -> Quiz:
    """Notebook 02."""
    return Quiz(
        Question(
            "Base 1 s, doubling, no jitter, max_retries=3, and every call fails. When is the last "
            "call?",
            {
                "at 4 s": "That is the length of the last wait, not its end.",
                "at 7 s": "After waits of 1, 2 and 4 seconds. It is the fourth call.",
                "at 15 s": "That would be one retry more.",
            },
            right="at 7 s",
        ),
        Question(
            "What is jitter for?",
            {
                "to wait less": "Full jitter does, but that is not the point.",
                "so that clients which failed together do not return together": "Spread calls can "
                "be borne, a herd knocks the service over again.",
                "to make fewer calls": "The number of calls hardly changes; their timing does.",
            },
            right="so that clients which failed together do not return together",
        ),
        Question(
            "Full jitter, ceiling 8 s. The mean delay is",
            {
                "2 s": "It is drawn evenly between 0 and the ceiling.",
                "4 s": "Half the ceiling.",
                "6 s": "That is equal jitter: half the ceiling, and half of the rest.",
            },
            right="4 s",
        ),
        Question(
            "The server says: retry after 20 s. A good client comes back",
            {
                "after exactly 20 s": "So does every other client: a herd by appointment.",
                "after its own delay, whatever the server says": "Then it is refused again, and "
                "is a nuisance.",
                "after 20 s and its own jittered delay": "The hint is a floor, and the jitter "
                "spreads the crowd above it.",
            },
            right="after 20 s and its own jittered delay",
        ),
        Question(
            "The user's deadline is in 3 s, and the next delay would be 4 s. The retry should",
            {
                "stop now": "Nothing can come of the wait, and the user hears of it earlier.",
                "sleep 3 s and then raise": "The user waits three seconds for bad news that is "
                "known already.",
                "sleep 3 s and try once more": "The call would begin at the very moment when "
                "nobody waits for it any longer.",
            },
            right="stop now",
        ),
    )
