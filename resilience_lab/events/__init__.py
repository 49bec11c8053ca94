"""One river: what policies report, and two listeners, one that keeps it and one that prints it."""

from resilience_lab.events.events import (
    AgentFinished,
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallRejected,
    CallWouldBeRejected,
    Event,
    LeaseExpired,
    Listener,
    QueryAnswered,
    QueryFailed,
    QueryReceived,
    RetryGaveUp,
    RetryScheduled,
    RetrySucceeded,
    Section,
    StateChanged,
)
from resilience_lab.events.recorder import Recorder
from resilience_lab.events.transcript import Transcript

__all__ = [
    "AgentFinished",
    "AttemptFinished",
    "AttemptStarted",
    "CallFinished",
    "CallRejected",
    "CallWouldBeRejected",
    "Event",
    "LeaseExpired",
    "Listener",
    "QueryAnswered",
    "QueryFailed",
    "QueryReceived",
    "Recorder",
    "RetryGaveUp",
    "RetryScheduled",
    "RetrySucceeded",
    "Section",
    "StateChanged",
    "Transcript",
]
