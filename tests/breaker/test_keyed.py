"""One breaker per key, bounded in number."""

from __future__ import annotations

import copy
import pickle
import threading
from contextlib import suppress

import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, FailureRate, KeyedBreakers


def keyed(max_size=1000):
    made = []

    def make(key):
        made.append(key)
        return CircuitBreaker(1, name=f"shard {key}")

    breakers = KeyedBreakers(make, max_size)
    breakers.made = made
    return breakers


def test_a_key_has_one_breaker_made_when_first_looked_up():
    breakers = keyed()

    first = breakers[1]

    assert breakers[1] is first
    assert breakers[2] is not first
    assert breakers.made == [1, 2]
    assert (first.name, repr(breakers)) == ("shard 1", "<KeyedBreakers, 2 of at most 1000>")


def test_one_sick_shard_does_not_shut_out_the_others():
    breakers = keyed()

    breakers["sick"].acquire().failure(ConnectionError())

    assert breakers["sick"].state == "OPEN"
    assert breakers["well"].state == "CLOSED"


def test_to_ask_whether_how_many_and_which_makes_none():
    breakers = keyed()
    breakers["a"], breakers["b"]

    assert "a" in breakers
    assert "z" not in breakers
    assert len(breakers) == 2
    assert list(breakers) == ["a", "b"]
    assert [name for name, breaker in breakers.items() if breaker.state == "CLOSED"] == ["a", "b"]
    assert breakers.made == ["a", "b"]


def test_the_closed_one_used_longest_ago_goes_first():
    breakers = keyed(max_size=3)
    for key in "abc":
        breakers[key]
    breakers["a"]
    assert "b" in breakers  # which is no use

    breakers["d"]

    assert list(breakers) == ["c", "a", "d"]


def test_one_that_is_not_closed_never_goes():
    breakers = keyed(max_size=2)
    breakers["open"].acquire().failure(ConnectionError())
    breakers["isolated"].isolate()
    half_open = breakers["half-open"]
    half_open.acquire().failure(ConnectionError())
    half_open._now = lambda: 1e9
    half_open.acquire()

    breakers["a"]
    assert list(breakers) == ["open", "isolated", "half-open", "a"]
    breakers["b"]
    assert list(breakers) == ["open", "isolated", "half-open", "b"]

    breakers["open"].reset()
    breakers["isolated"].reset()
    breakers["c"]
    assert list(breakers) == ["half-open", "c"]  # made up for


def test_what_make_returns_is_checked_and_an_error_leaves_nothing():
    breakers = KeyedBreakers(lambda key: {"good": CircuitBreaker()}[key])
    with pytest.raises(KeyError, match="bad"):
        breakers["bad"]
    assert len(breakers) == 0

    with pytest.raises(TypeError, match="make must return a CircuitBreaker for each key, got None"):
        KeyedBreakers(lambda _: None)["a"]


def test_threads_that_race_for_a_key_get_one_breaker():
    together = threading.Barrier(4)

    def make(_key):
        together.wait(10)
        return CircuitBreaker()

    breakers, got = KeyedBreakers(make), []
    threads = [threading.Thread(target=lambda: got.append(breakers["a"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(map(id, got))) == 1


def test_a_breaker_may_be_looked_up_while_one_is_made():
    breakers = KeyedBreakers(lambda key: CircuitBreaker() if key == "inner" else breakers["inner"])

    assert breakers["outer"] is breakers["inner"]


@pytest.mark.parametrize("bad", [None, CircuitBreaker(), "make"])
def test_make_is_a_function(bad):
    with pytest.raises(TypeError, match="make must be"):
        KeyedBreakers(bad)


def test_max_size_is_at_least_one():
    with pytest.raises(ValueError, match="max_size must be at least 1, got 0"):
        keyed(0)


# What is forgotten, and what is kept


def on(clock, threshold=1, **options):
    return lambda key: CircuitBreaker(threshold, 30, name=str(key), clock=clock, **options)


def fail(breaker, times=1):
    for _ in range(times):
        breaker.acquire().failure(ConnectionError())


def test_promise_3_12_dead_keys_are_forgotten_when_their_break_is_over(clock):
    breakers = KeyedBreakers(on(clock), max_size=100)
    breakers["isolated"].isolate()

    for host in range(2000):
        clock.now += 60.0
        fail(breakers[host])
        assert len(breakers) <= 100

    assert list(breakers) == ["isolated", *range(1901, 2000)]


def test_promise_3_12_keys_in_their_break_are_kept_and_made_up_for_when_it_is_over(clock):
    breakers = KeyedBreakers(on(clock), max_size=100)
    for host in range(500):
        fail(breakers[host])
    assert len(breakers) == 500

    clock.now = 30.0
    breakers["new"]

    assert list(breakers) == [*range(401, 500), "new"]


def test_promise_3_12_a_dead_key_among_many_healthy_ones_is_not_asked_again(clock):
    breakers = KeyedBreakers(on(clock, 3), max_size=10)
    asked = 0
    for _ in range(50):
        for key in range(100):
            try:
                permit = breakers[key].acquire()
            except CircuitOpenError:
                continue
            if key == 7:
                asked += 1
                permit.failure(ConnectionError())
            else:
                permit.success()

    assert asked == 3
    assert len(breakers) == 10


def test_promise_3_12_the_oldest_whose_break_is_over_goes_before_one_that_counts_failures(clock):
    breakers = KeyedBreakers(on(clock, 2), max_size=4)
    fail(breakers["failing"])
    for key in ("first", "second"):
        fail(breakers[key], 2)
        clock.now += 1.0
    breakers["isolated"].isolate()
    clock.now = 40.0

    breakers["a"]
    assert list(breakers) == ["second", "isolated", "failing", "a"]
    breakers["b"]  # `a` has counted nothing, so it goes first
    assert list(breakers) == ["second", "isolated", "failing", "b"]
    fail(breakers["b"])
    breakers["c"]
    assert list(breakers) == ["isolated", "failing", "b", "c"]


def test_promise_3_12_the_oldest_that_counts_failures_goes_if_there_is_nothing_else(clock):
    breakers = KeyedBreakers(on(clock, 3), max_size=2)
    breakers["isolated"].isolate()
    for key in range(5):
        fail(breakers[key])

    assert list(breakers) == ["isolated", 4]


def test_promise_3_12_one_that_counted_failures_and_opened_unseen_is_kept(clock):
    breakers = KeyedBreakers(on(clock, 2), max_size=2)
    for key in "abc":
        fail(breakers[key])
    assert list(breakers) == ["b", "c"]

    held = dict(breakers)["b"]
    breakers["c"], breakers["b"]
    fail(breakers["d"])
    assert list(breakers) == ["b", "d"]
    fail(held)  # through a reference of one's own, so it is not looked up
    breakers["e"]

    assert list(breakers) == ["b", "e"]
    assert held.state == "OPEN"


def test_promise_3_12_one_that_recovered_unseen_can_be_spared(clock):
    breakers = KeyedBreakers(on(clock), max_size=1)
    held = breakers["a"]
    fail(held)
    breakers["b"].isolate()
    assert list(breakers) == ["a", "b"]

    held.reset()
    breakers["c"]

    assert list(breakers) == ["b", "c"]


def test_promise_3_12_a_half_open_one_goes_unless_its_probe_is_out(clock):
    breakers = KeyedBreakers(on(clock), max_size=2)
    probes = []
    for key in ("out", "back"):
        fail(breakers[key])
    clock.now = 30.0
    for key in ("out", "back"):
        probes.append(breakers[key].acquire())
    probes[1].ignore()

    breakers["new"]

    assert list(breakers) == ["out", "new"]


def test_promise_3_12_many_that_cannot_be_spared_do_not_hide_those_that_can(clock):
    breakers = KeyedBreakers(on(clock), max_size=10)
    for key in range(200):
        breakers["isolated", key].isolate()
    most = 0
    for host in range(1000):
        clock.now += 60.0
        fail(breakers[host])
        most = max(most, len(breakers))

    assert most < 210
    assert sum(breaker.isolated for breaker in breakers.values()) == 200


@pytest.mark.parametrize("fate", ["healthy", "dead", "failing", "in its break", "isolated"])
def test_promise_3_12_a_new_key_costs_the_same_however_many_there_are(clock, fate):
    looks = 0

    class Counted(CircuitBreaker):
        @property
        def state(self):
            nonlocal looks
            looks += 1
            return super().state

        @property
        def retry_after(self):
            nonlocal looks
            looks += 1
            return super().retry_after

    breakers = KeyedBreakers(lambda _: Counted(2, 30, clock=clock), max_size=500)
    counts = []
    for key in range(4000):
        before = looks
        breaker = breakers[key]
        counts.append(looks - before)
        clock.now += 60.0 if fate == "dead" else 0.0
        if fate == "isolated":
            breaker.isolate()
        elif fate != "healthy":
            fail(breaker, 1 if fate == "failing" else 2)

    assert sum(counts) / len(counts) < 80


def test_get_makes_none_and_is_use():
    breakers = keyed(max_size=2)

    assert breakers.get("absent") is None
    assert breakers.get("absent", "none") == "none"
    assert breakers.made == []
    a, _ = breakers["a"], breakers["b"]
    assert breakers.get("a") is a
    breakers["c"]

    assert list(breakers) == ["a", "c"]


def test_iterating_is_no_use():
    breakers = keyed(max_size=3)
    for key in "abc":
        breakers[key]

    assert next(iter(breakers.values())).name == "shard a"
    assert next(iter(breakers.items()))[0] == "a"
    assert next(iter(breakers.keys())) == "a"
    assert breakers == dict(breakers.items())
    breakers["d"]

    assert list(breakers) == ["b", "c", "d"]


def test_the_keys_may_change_while_one_iterates():
    breakers = keyed()
    for key in "abc":
        breakers[key]

    for breaker in breakers.values():
        breakers[breaker.name + " twice"]
    for key in breakers:
        del breakers[key]

    assert len(breakers) == 0


def test_keys_can_be_removed(clock):
    breakers = KeyedBreakers(on(clock, 2), max_size=2)
    fail(breakers["failing"])
    dead = breakers["dead"]
    fail(dead, 2)
    breakers["healthy"]  # by now each is kept for another reason

    del breakers["healthy"]
    assert breakers.pop("dead") is dead
    assert breakers.pop("dead", None) is None
    for remove in (breakers.pop, breakers.__delitem__):
        with pytest.raises(KeyError, match="dead"):
            remove("dead")

    assert "dead" not in breakers
    assert breakers["dead"] is not dead
    assert breakers["dead"].state == "CLOSED"


def test_a_rate_over_seconds_that_has_passed_protects_nothing(clock):
    rule = FailureRate(0.5, within=10)
    breakers = KeyedBreakers(lambda _: CircuitBreaker(trip=rule, clock=clock), max_size=2)
    fail(breakers["long ago"])
    clock.now = 3600.0
    fail(breakers["just now"])

    breakers["new"]

    assert list(breakers) == ["just now", "new"]


def test_a_look_up_from_a_garbage_collection_does_not_wait_for_itself():
    breakers = keyed()

    with breakers._lock:
        assert breakers["a"] is breakers["a"]


def test_threads_may_make_look_up_and_remove_at_once(clock):
    breakers = KeyedBreakers(on(clock), max_size=20)
    errors = []

    def work(seed):
        try:
            for number in range(2000):
                key = (number * seed) % 97
                if number % 7 == 0:
                    breakers.pop(key, None)
                elif number % 3 == 0:
                    with suppress(CircuitOpenError):
                        fail(breakers[key])
                else:
                    breakers.get(key, breakers[key])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 5, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(set(breakers)) == len(breakers)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_set_of_breakers_is_not_copied(duplicate):
    with pytest.raises(TypeError, match="<KeyedBreakers, 0 of at most 1000> cannot be copied"):
        duplicate(KeyedBreakers(lambda _: CircuitBreaker()))
