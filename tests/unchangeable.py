"""Errors that refuse every change: `FrozenInstanceError` or `AttributeError` is the answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class SlottedError(Exception):
    __slots__ = ("code",)

    def __init__(self, code):
        super().__init__(code)
        self.code = code

    def __setattr__(self, name, value):
        if hasattr(self, "code"):
            raise AttributeError(f"cannot assign to {name}")
        super().__setattr__(name, value)
