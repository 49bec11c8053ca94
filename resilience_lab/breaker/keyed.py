"""One circuit breaker per shard, tenant or model, from one line.

One breaker over many shards is wrong whichever way it decides: it shuts out the healthy shards with
the sick one, or lets the sick one fail on. (Marc Brooker, "Will circuit breakers solve my
problems?", 2022.) So each key has a breaker of its own, made when it is first asked for.

Keys come and go, hosts die, and a breaker for every key that was ever used would fill the memory.
Which one can be spared? One that has counted nothing protects nothing. One whose break is over
would let the next call pass anyway. One that has counted failures without opening is near to
opening: it goes only if there is nothing else. All others have to stay.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, ItemsView, Iterator, Mapping, ValuesView
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.ground.arguments import function, whole
from resilience_lab.ground.outcomes import State
from resilience_lab.ground.sharing import Shared

T = TypeVar("T")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    # The default is for `KeyedBreakers(lambda shard: ...)`: a lambda does not say what it takes.
    K = TypeVarWithDefault("K", bound=Hashable, default=Any)
else:
    K = TypeVar("K", bound=Hashable)
Shelf: TypeAlias = OrderedDict[K, CircuitBreaker]

LOOKS = 32
"""How many breakers are looked at for each new key, in search of one that can be spared."""

_NOTHING: Any = object()


class KeyedBreakers(Shared, Mapping[K, CircuitBreaker], Generic[K]):
    """A mapping that makes the breaker of a key when the key is first looked up.

    It keeps at most `max_size` (>= 1) of them. To make room for a new key it forgets the breaker
    that was looked up longest ago: of those that are closed and have counted no failure; if there
    are none, of those whose break is over; if there are none of these either, of those that are
    closed. It never forgets one that is in its break, is isolated, or has all its probes out. As
    long as more than `max_size` are, it holds more, and makes up for it at the next new keys.

    `breakers[key]` and `get` are use, and only the first makes a breaker; `in`, `len` and iterating
    are neither. `del breakers[key]` and `pop` remove one by hand. Safe to share between tasks,
    threads and event loops. However many keys there are, a new one costs the same on average.

    Parameters
    ----------
    make
        `make(key)` makes the breaker of a key. If it returns anything else, looking up raises
        `TypeError`.
    max_size
        How many are kept, >= 1. Default 1000. It may be set later.

    Raises
    ------
    ValueError, TypeError
        For an argument that makes no sense.

    Examples
    --------
    >>> breakers = KeyedBreakers(lambda shard: CircuitBreaker(1, name=f"shard {shard}"))
    >>> breakers[7].acquire().failure(ConnectionError())
    >>> [(shard, str(breakers[shard].state)) for shard in (7, 8)]
    [(7, 'OPEN'), (8, 'CLOSED')]
    """

    def __init__(self, make: Callable[[K], CircuitBreaker], max_size: int = 1000) -> None:
        if make is None or isinstance(make, CircuitBreaker):
            raise TypeError(f"make must be a function that makes one per key, got {make!r}")
        self._make: Callable[[K], CircuitBreaker] = function("make", make)
        self.max_size = whole("max_size", max_size, at_least=1)
        # Each key is on one shelf, and on each the one that was used longest ago comes first. All
        # that is looked up goes to the last; those that cannot be spared are moved on from there
        # when room is needed, so that they are not looked at again for every new key.
        self._shut: Shelf[K] = OrderedDict()  # was not closed when it was looked at
        self._failing: Shelf[K] = OrderedDict()  # was closed, and had counted failures
        self._used: Shelf[K] = OrderedDict()  # not looked at since it was used
        self._shelves = (self._used, self._failing, self._shut)
        self._looks = 0
        # Reentrant, because a garbage collection while it is held may run code that looks up a key.
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<KeyedBreakers, {len(self)} of at most {self.max_size}>"

    def __getitem__(self, key: K) -> CircuitBreaker:
        breaker = self._look_up(key)
        if breaker is not None:
            return breaker
        made = self._make(key)  # not under the lock: it is the user's own code
        if not isinstance(made, CircuitBreaker):
            raise TypeError(f"make must return a CircuitBreaker for each key, got {made!r}")
        with self._lock:
            breaker = self._look_up(key)  # another thread's, if that was first
            if breaker is None:
                breaker = self._used[key] = made
                self._make_room(key)
        return breaker

    @overload
    def get(self, key: K, default: None = None, /) -> CircuitBreaker | None: ...
    @overload
    def get(self, key: K, default: CircuitBreaker | T, /) -> CircuitBreaker | T: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The breaker of `key` if it has one, else `default`. None is made."""
        breaker = self._look_up(key)
        return default if breaker is None else breaker

    def __delitem__(self, key: K) -> None:
        self.pop(key)

    @overload
    def pop(self, key: K, /) -> CircuitBreaker: ...
    @overload
    def pop(self, key: K, default: CircuitBreaker | T, /) -> CircuitBreaker | T: ...
    def pop(self, key: K, default: Any = _NOTHING, /) -> Any:
        """Remove `key` and return its breaker; if it has none, `default`, or `KeyError`."""
        with self._lock:
            for shelf in self._shelves:
                if key in shelf:
                    return shelf.pop(key)
        if default is _NOTHING:
            raise KeyError(key)
        return default

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return any(key in shelf for shelf in self._shelves)

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._shelves))

    def __iter__(self) -> Iterator[K]:
        return iter(self._kept)

    def items(self) -> ItemsView[K, CircuitBreaker]:
        """The keys and breakers of this moment."""
        return self._kept.items()

    def values(self) -> ValuesView[CircuitBreaker]:
        """The breakers of this moment."""
        return self._kept.values()

    @property
    def _kept(self) -> dict[K, CircuitBreaker]:
        """All of this moment, the longest unused first."""
        with self._lock:
            return dict(chain.from_iterable(shelf.items() for shelf in reversed(self._shelves)))

    def _look_up(self, key: K) -> CircuitBreaker | None:
        with self._lock:
            for shelf in self._shelves:
                if key in shelf:
                    breaker = self._used[key] = shelf.pop(key)
                    return breaker
        return None

    # Making room, always under the lock. Whatever is looked at on `_used` and `_failing` leaves it,
    # so every use pays for one look. On `_shut` there are `LOOKS` of them for each new key.

    def _make_room(self, newest: K) -> None:
        self._looks += LOOKS
        while len(self) > self.max_size and (
            self._forget_calm(newest) or self._forget_due() or self._forget_failing()
        ):
            pass

    def _forget_calm(self, newest: K) -> bool:
        while (key := next(iter(self._used), newest)) is not newest:
            breaker = self._used[key]
            shelf = self._shut if breaker.state is not State.CLOSED else self._failing
            calm = shelf is self._failing and not breaker.failure_count
            del self._used[key]
            if calm:
                return True
            shelf[key] = breaker
        return False

    def _forget_due(self) -> bool:
        depth = LOOKS
        if self._looks >= len(self._shut):  # enough have been saved up to look at all
            depth, self._looks = len(self._shut), 0
        oldest = list(islice(self._shut, depth))
        # Its break is over, then, or it has closed meanwhile.
        due = (key for key in oldest if self._shut[key].retry_after == 0)
        spared = list(islice(due, len(self) - self.max_size))
        for key in spared:
            del self._shut[key]
        return bool(spared)

    def _forget_failing(self) -> bool:
        while self._failing:
            key, breaker = self._failing.popitem(last=False)
            if breaker.state is State.CLOSED:
                return True
            self._shut[key] = breaker
        return False
