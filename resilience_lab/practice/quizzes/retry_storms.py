"""The questions at the end of notebook 05: kept here, so that no cell shows the answers."""

from __future__ import annotations

from resilience_lab.practice.quiz import Question, Quiz


def retry_storms() -> Quiz:
    """Notebook 05."""
    return Quiz(
        Question(
            "A hundred clients fail together and back off by 1, 2, 4 s, without jitter. Their "
            "calls",
            {
                "spread out by themselves": "Nothing tells one client from another: equal delays "
                "keep them together.",
                "come back together, less and less often": "Backoff moves the herd, jitter breaks "
                "it up.",
                "come back together, once a second": "The waits grow; but they grow alike.",
            },
            right="come back together, less and less often",
        ),
        Question(
            "Users call independently of each other, half of the calls fail, three retries. What "
            "does exponential backoff change about the load?",
            {
                "nothing in the long run": "Waits shift calls. Users who do not wait for each "
                "other go on calling.",
                "it halves it": "Each call still has its retries. They only come later.",
                "it doubles it": "No retry is added either.",
            },
            right="nothing in the long run",
        ),
        Question(
            "What bounds the load when everything fails: three retries, or a token bucket of a "
            "tenth?",
            {
                "three retries: at most 130%": "All three are made when all fail: 400%.",
                "the bucket: about 110%": "Ten first calls earn one retry, whatever fails.",
                "neither": "A bucket grants no more than it has earned.",
            },
            right="the bucket: about 110%",
        ),
        Question(
            "A database serves 300 queries a second, the load is 160, and each query that is late "
            "is sent once more. After an outage everything is late. Then it",
            {
                "recovers, for 160 is less than 300": "It gets 320 as long as everything is late.",
                "recovers, but slowly": "The queue grows by 20 a second: it never does.",
                "stays down, for 320 is more than 300": "The trigger is gone, and the retries keep "
                "the failure going.",
            },
            right="stays down, for 320 is more than 300",
        ),
        Question(
            "How do you get a service out of a metastable failure?",
            {
                "cut the load or the retries below what it can bear": "Until the queue is gone; "
                "then let the traffic back in, little by little.",
                "wait for it to recover": "The state sustains itself: that is its definition.",
                "restart it": "The clients still retry: the load is there again at once.",
            },
            right="cut the load or the retries below what it can bear",
        ),
        Question(
            "Adaptive throttling, K = 2. The backend accepts 100 requests a second, users make "
            "1000. How many are sent?",
            {
                "100": "That leaves no room to notice that the backend can take more again.",
                "200": "K times what is accepted, whatever is offered.",
                "500": "K does not divide what is offered. It multiplies what is accepted.",
            },
            right="200",
        ),
        Question(
            "One shard of ten is dead. One breaker for all shards opens above a failure rate of "
            "10%. What does it do to availability?",
            {
                "90% as before": "It would, if it opened for the dead shard only.",
                "better than 90%": "No call that fails would succeed for it.",
                "far worse": "Open, it rejects the calls to nine healthy shards, too.",
            },
            right="far worse",
        ),
    )
