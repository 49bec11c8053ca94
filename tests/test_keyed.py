"""One breaker per key, bounded in number."""

from __future__ import annotations

import threading

import pytest

from resilience_lab import CircuitBreaker, KeyedBreakers


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
