"""What everything stands on: checks of arguments, clocks, and what a call may come to.

Here itself is what a folder's `__init__` needs to hand its names on: it is loaded in any case, and
`import resilience_lab` should load as little as it can.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def names_on_demand(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`: a name's module is loaded when it is first used.

    `homes` maps the package's modules to the names that each has.
    """
    loaded = vars(sys.modules[package])
    home_of = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{home_of[name]}"), name)
        loaded[name] = value  # found directly from now on
        return value

    def names() -> list[str]:
        return sorted({*loaded, *home_of})

    return get, names
