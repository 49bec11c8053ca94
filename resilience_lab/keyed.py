"""One circuit breaker per shard, tenant or model, from one line.

One breaker over many shards is wrong whichever way it decides: it shuts out the healthy shards with
the sick one, or lets the sick one fail on. (Marc Brooker, "Will circuit breakers solve my
problems?", 2022.) So each key has a breaker of its own, made when it is first asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

from resilience_lab.arguments import function, whole
from resilience_lab.breaker import CircuitBreaker, State

K = TypeVar("K", bound=Hashable)


class KeyedBreakers(Mapping[K, CircuitBreaker], Generic[K]):
    """A mapping that makes the breaker of a key when the key is first looked up.

        breakers = KeyedBreakers(lambda shard: CircuitBreaker(name=f"shard {shard}"))
        await breakers[shard].call(query, shard)

    It keeps at most `max_size` (>= 1) of them. To make room it forgets the closed breaker that was
    looked up longest ago, and never one that is OPEN or HALF_OPEN: as long as more than `max_size`
    keys are in trouble it holds more, and makes up for it at the next new key. Looking up counts as
    use; `in`, `len` and iterating do not. Safe to share between tasks, threads and event loops.

    Raises `TypeError` if `make(key)` returns anything but a `CircuitBreaker`.
    """

    def __init__(self, make: Callable[[K], CircuitBreaker], max_size: int = 1000) -> None:
        if make is None or isinstance(make, CircuitBreaker):
            raise TypeError(f"make must be a function that makes one per key, got {make!r}")
        self._make: Callable[[K], CircuitBreaker] = function("make", make)
        self.max_size = whole("max_size", max_size, at_least=1)
        self._kept: OrderedDict[K, CircuitBreaker] = OrderedDict()  # used longest ago first
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<KeyedBreakers, {len(self)} of at most {self.max_size}>"

    def __getitem__(self, key: K) -> CircuitBreaker:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._make(key)  # not under the lock: it is the user's own code
        if not isinstance(made, CircuitBreaker):
            raise TypeError(f"make must return a CircuitBreaker for each key, got {made!r}")
        with self._lock:
            breaker = self._kept.setdefault(key, made)  # another thread's, if that was first
            self._make_room(key)
        return breaker

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[K]:
        with self._lock:
            return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def _make_room(self, newest: K) -> None:
        surplus = len(self._kept) - self.max_size
        if surplus <= 0:
            return
        closed = (
            key
            for key, breaker in self._kept.items()
            if breaker.state is State.CLOSED and key != newest
        )
        for key in list(islice(closed, surplus)):
            del self._kept[key]
