"""Numbers in sentences."""

from __future__ import annotations


def count(number: int, noun: str, plural: str = "s") -> str:
    """`number` of what `noun` names: "1 call", "2 calls"; `plural` is the ending of several."""
    return f"{number} {noun}{'' if number == 1 else plural}"
