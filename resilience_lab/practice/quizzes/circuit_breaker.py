"""The questions of notebook 01."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def circuit_breaker() -> Quiz:
    """Notebook 01."""
    return Quiz(
        Question(
            "failure_threshold=3, and the calls end: fail, fail, success, fail. The state is now",
            {
                "CLOSED": "The success started the count anew: it stands at one.",
                "OPEN": "Three failures, but not in a row.",
                "HALF_OPEN": "That comes after OPEN only, when a call arrives after the break.",
            },
            right="CLOSED",
        ),
        Question(
            "HALF_OPEN, one probe in flight, and a second call arrives. It is",
            {
                "queued until the probe is back": "Then a crowd waits, and all of it starts at "
                "once.",
                "rejected at once": "Its caller can fall back now instead of waiting.",
                "let through as well": "Then everybody is a probe, and the weak service gets the "
                "full load.",
            },
            right="rejected at once",
        ),
        Question(
            "A call was let in while CLOSED. It fails while the circuit is OPEN. The breaker",
            {
                "starts the break anew": "Then slow calls in flight could hold it open for ever.",
                "counts one failure more": "The count belongs to a time that is over.",
                "changes nothing": "The result is of an earlier generation: it is stale.",
            },
            right="changes nothing",
        ),
        Question(
            "The task that runs the probe is cancelled. The permit must",
            {
                "go back, and nothing is counted": "A cancellation says nothing about the service.",
                "go back, and a failure is counted": "Impatient users would keep the circuit open.",
                "stay out until the lease ends": "That is for probes that hang. This one is over.",
            },
            right="go back, and nothing is counted",
        ),
        Question(
            "Which of these errors should not count against a model's API?",
            {
                "a timeout": "It tells of the service: it is too slow for us.",
                "status 503": "The service itself says that it cannot.",
                "status 400, the prompt is too long": "It tells of our request, which would fail "
                "anywhere.",
            },
            right="status 400, the prompt is too long",
        ),
    )
