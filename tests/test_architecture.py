"""The house: each floor imports only from floors below it, and nothing goes in a circle.

Imports for type checkers alone are counted, too: who reads a file has to know what it names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "resilience_lab"

FLOORS = [
    ["ground"],
    ["errors"],
    ["deadline"],
    ["events"],
    ["virtual_time"],
    ["retry"],
    ["breaker"],
    ["fallback"],
    ["live"],
    ["simulation"],
    ["plots"],
    ["demo"],
    ["widgets"],
    ["desk"],
    ["practice"],
]
"""From the ground up. What stands on one floor may import from the floors below it."""

FRONT_DOORS = {"resilience_lab", "resilience_lab.__main__"}
"""They lead to every floor, and no floor leads to them."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> Iterator[str]:
    """The modules of the package that `module` imports, at its top, in a function or for types."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "") in MODULES:
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


GRAPH = {module: sorted(set(imports(module))) for module in MODULES}


def floor(module: str) -> int:
    room = module.split(".")[1]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def circles() -> list[list[str]]:
    """Every way that leads back to where it began, found by walking; each is told once."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> None:
        if module in way:
            found.append([*way[way.index(module) :], module])
            return
        if module in done:
            return
        for imported in GRAPH[module]:
            walk(imported, [*way, module])
        done.add(module)

    for module in GRAPH:
        walk(module, [])
    return found


def test_every_room_has_its_floor():
    rooms = {module.split(".")[1] for module in MODULES if module not in FRONT_DOORS}

    assert rooms == {room for rooms_of_floor in FLOORS for room in rooms_of_floor}


@pytest.mark.parametrize("module", sorted(set(MODULES) - FRONT_DOORS))
def test_no_import_runs_up(module: str):
    up = [
        imported
        for imported in GRAPH[module]
        if imported in FRONT_DOORS or floor(imported) > floor(module)
    ]

    assert up == []


def test_nothing_goes_in_a_circle():
    assert circles() == []


def test_no_private_name_of_one_file_is_used_in_another():
    used = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "") in MODULES:
                used += [
                    f"{module}: {alias.name} of {node.module}"
                    for alias in node.names
                    if alias.name.startswith("_") and not alias.name.startswith("__")
                ]

    assert used == []
