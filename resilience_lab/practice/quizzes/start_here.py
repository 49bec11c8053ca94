"""The questions of notebook 00."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def start_here() -> Quiz:
    """Notebook 00."""
    return Quiz(
        Question(
            "A breaker is OPEN and its break is over. Nobody calls. What does its state say?",
            {
                "OPEN": "The change happens on the next call; reading a state never changes it.",
                "HALF_OPEN": "Only a call can be a probe, and none has come.",
                "CLOSED": "Nobody has shown yet that the service is well.",
            },
            right="OPEN",
        ),
        Question(
            "max_retries=3, and every call fails. How many calls are made?",
            {
                "3": "That would be three attempts. A retry is a call after the first.",
                "4": "The first call and three retries.",
                "It depends on the jitter": "Jitter changes the waits, never their number.",
            },
            right="4",
        ),
        Question(
            "A user closes the page, and the call in flight is cancelled. For the breaker that is",
            {
                "a failure": "Then impatient users could trip the breaker of a healthy service.",
                "a success": "The service has not answered.",
                "neither": "It says nothing about the service, so it counts for nothing.",
            },
            right="neither",
        ),
        Question(
            "An agent hangs, query after query, until its timeout. What saves the later users the "
            "wait?",
            {
                "more retries": "Each one would hang until its timeout again.",
                "a breaker": "After a few timeouts it opens, and the agent is skipped.",
                "jitter": "It spreads many clients out; it does not help one of them.",
            },
            right="a breaker",
        ),
        Question(
            "Why does the result name the agent and the fallback level?",
            {
                "only for the log": "It is for the log, too. Who else should know?",
                "so that nobody takes a cruder answer for the best one": "Degrading is fine as "
                "long as it is not hidden.",
                "so that the next query starts there": "Each query starts with the best agent; "
                "breakers decide which to skip.",
            },
            right="so that nobody takes a cruder answer for the best one",
        ),
    )
