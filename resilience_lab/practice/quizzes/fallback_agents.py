"""The questions at the end of notebook 03: kept here, so that no cell shows the answers."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def fallback_agents() -> Quiz:
    """Notebook 03."""
    return Quiz(
        Question(
            "An agent of ours raises a TypeError at every query. What should the chain do?",
            {
                "pass the error on to the caller": "A bug is not bad weather. It must be seen, and "
                "mended.",
                "ask the next agent": "Then nobody notices. Every user gets second best, for ever.",
                "retry": "The same bug on the same query: it would fail the same way again.",
            },
            right="pass the error on to the caller",
        ),
        Question(
            "Three agents hang. Ten seconds per attempt, and a deadline of 12 s around it all. "
            "When does the user hear something?",
            {
                "after 10 s": "That is when the first agent is given up. The second gets what is "
                "left.",
                "after 12 s": "The second agent gets 2 s, the third none: a deadline bounds the "
                "whole.",
                "after 30 s": "So it would be without the deadline: timeouts add up.",
            },
            right="after 12 s",
        ),
        Question(
            "Two agents, each available 90 % of the time, both behind the same provider. The "
            "chain is available",
            {
                "99 % of the time": "Only if they fail independently, and these do not.",
                "81 % of the time": "That would be two independent agents that must both answer.",
                "about 90 % of the time": "When the provider is down, both are. The second is no "
                "second chance.",
            },
            right="about 90 % of the time",
        ),
        Question(
            "An agent hangs for an hour. With breakers in the chain, who still waits for it?",
            {
                "nobody": "Somebody has to find out that it hangs, and later that it is well.",
                "the first few users, and then one for each probe": "Three, by default, until the "
                "breaker opens. After each break one probe tries again.",
                "every user": "That is the chain without breakers: a timeout for each query.",
            },
            right="the first few users, and then one for each probe",
        ),
        Question(
            "The user closes the page while the first agent is thinking. The chain should",
            {
                "end at once": "A cancellation is not a failure. It ends the whole chain.",
                "ask the second agent": "Nobody is there to read the answer, and it would still be "
                "paid for.",
                "count a failure of the first": "The first agent has done nothing wrong.",
            },
            right="end at once",
        ),
    )
