"""Garbage collections and interrupts at an awkward moment."""

from __future__ import annotations

import gc

import pytest
from breakers import BREAK, fail, half_open, opened

from resilience_lab import CircuitBreaker, Recorder
from resilience_lab.events import CallRejected, LeaseExpired, StateChanged


class Moment(float):
    """A moment that runs something whenever it is compared, as a garbage collection might."""

    def __new__(cls, value, run):
        self = super().__new__(cls, value)
        self.run = run
        return self

    def __ge__(self, other):
        self.run()
        return float(self) >= other


def test_promise_3_9_a_collection_in_the_middle_of_an_expiry_changes_no_loop(clock):
    recorder = Recorder()
    now = [0.0]
    breaker = CircuitBreaker(1, 1, half_open_max_calls=3, on_event=recorder, clock=lambda: now[0])
    fail(breaker)
    now[0] = 1.0
    probes = [breaker.acquire() for _ in range(3)]

    now[0] = Moment(5.0, lambda: [probe.ignore() for probe in probes])
    breaker.acquire()

    assert not any(isinstance(event, LeaseExpired) for event in recorder)
    now[0] = 5.0
    assert breaker.retry_after == 0.0


def test_promise_3_9_an_expiry_with_a_collection_at_every_line(clock):
    class Forever:
        def __await__(self):
            yield

    breaker = half_open(clock, half_open_max_calls=50)
    garbage = []
    for _ in range(50):
        coroutine = breaker.call(Forever)
        coroutine.send(None)
        garbage.append([coroutine])
    clock.now += BREAK
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for item in garbage:
            item.append(item)  # a circle, which only a collection ends
        del garbage, item, coroutine
        breaker.acquire()
        assert breaker.retry_after == 0.0
    finally:
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize("probes", [1, 0])
def test_an_exit_out_of_a_listener_keeps_no_permit(clock, probes):
    def interrupt(event):
        if isinstance(event, StateChanged if probes else CallRejected) and armed:
            raise KeyboardInterrupt

    armed = []
    breaker = opened(clock, on_event=interrupt)
    clock.now += BREAK if probes else 0.0
    armed.append(True)

    with pytest.raises(KeyboardInterrupt):
        breaker.acquire()

    armed.clear()
    assert breaker.retry_after == (0.0 if probes else BREAK)
