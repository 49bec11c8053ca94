"""Promise 1.5: `Event.wait` with a limit, in a run with all clocks."""

from __future__ import annotations

import functools
import threading
from time import monotonic

from resilience_lab import run_virtual

in_all = functools.partial(run_virtual, clocks="all")


def test_an_event_that_nobody_sets_is_waited_for_in_virtual_time():
    def main():
        event = threading.Event()
        seen = [event.wait(5), event.wait(0), event.wait(-1), monotonic()]
        event.set()
        return [*seen, event.wait(5), event.wait(), monotonic()]

    assert in_all(main) == [False, False, False, 5.0, True, True, 5.0]


def test_an_event_that_a_thread_may_set_is_really_waited_for():
    def main():
        go, event = threading.Event(), threading.Event()

        def sets():
            go.wait(10)
            event.set()

        thread = threading.Thread(target=sets)
        thread.start()
        go.set()
        seen = event.wait(60)
        thread.join()
        return seen, monotonic()

    assert in_all(main) == (True, 0.0)


def test_an_event_that_a_thread_only_looks_at_comes_to_its_limit():
    def main():
        stop, done = threading.Event(), threading.Event()

        def looks():
            while not done.wait(0.001):
                stop.is_set()

        thread = threading.Thread(target=looks)
        thread.start()
        seen = stop.wait(0.01)
        done.set()
        thread.join()
        return seen, monotonic()

    assert in_all(main) == (False, 0.01)
