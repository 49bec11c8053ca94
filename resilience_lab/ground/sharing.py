"""What is shared is not copied: a copy of a policy that counts would count half of the truth."""

from __future__ import annotations

from typing import NoReturn


class Shared:
    """Refuses `copy.copy`, `copy.deepcopy` and `pickle`, each with the same `TypeError`.

    A shallow copy would share the counts and part with them at the next change of state, each in
    its own time. A copy in another process would protect nobody from what this one has seen.
    """

    __slots__ = ()

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot be copied or pickled, for it counts what all its users see: "
            "share it, or make a new one"
        )
