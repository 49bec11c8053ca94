"""Which modules are mutated, and which survivors are explained."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KNOWN = ROOT / ".mutants"
PERCENT = 2  # of all mutants may survive, each with a reason

MODULES = (  # of the core, as they are imported
    "arguments", "outcomes", "hints", "errors", "events", "clock",
    "backoff", "budget", "deadline", "retry",
    "breaks", "trip", "states", "permit", "decorating", "breaker", "keyed",
    "agents", "tasks", "turn", "streaming", "query", "fallback",
    "recorder", "transcript",
)  # fmt: skip
# These look at files, start programs, or test virtual time itself, which is no part of the core.
ELSEWHERE = ("binder", "packaging", "promises", "typing", "all_clocks", "event_wait", "virtual_")
TESTS = tuple(
    path
    for path in sorted((ROOT / "tests").glob("test_*.py"))
    if not path.stem.removeprefix("test_").startswith(ELSEWHERE)
)


def source_of(module: str) -> Path:
    return ROOT / "resilience_lab" / f"{module.replace('.', '/')}.py"


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def listed() -> dict[str, dict[str, str]]:
    """By module: the survivors that are explained, each with its reason.

    In `survivors.txt` a module stands at the margin, its survivors below it and the reason of each
    below that, four spaces further in.
    """
    modules: dict[str, dict[str, str]] = {}
    for line in (HERE / "survivors.txt").read_text("utf-8").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            survivors = modules.setdefault(text, {})
        elif depth == 4:
            survivors[text] = ""
            last = text
        else:
            survivors[last] = f"{survivors[last]} {text}".strip()
    return modules
