"""Which modules are mutated, and which survivors are explained."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KNOWN = ROOT / ".mutants"
PERCENT = 2  # of all mutants may survive, each with a reason

MODULES = (  # of the core, as they are imported
    "ground.arguments", "ground.clock", "ground.outcomes",
    "errors", "deadline", "events.events", "events.recorder", "events.transcript",
    "retry.hints", "retry.backoff", "retry.budget", "retry.retry", "retry.with_backoff",
    "breaker.break_lengths", "breaker.trip_rules", "breaker.states", "breaker.permit",
    "breaker.protect", "breaker.breaker", "breaker.keyed",
    "fallback.policy", "fallback.agents", "fallback.tasks", "fallback.turn",
    "fallback.streaming", "fallback.query", "fallback.orchestrator",
)  # fmt: skip
FLOORS = ("ground", "events", "retry", "breaker", "fallback")
# These look at files, or start programs.
ELSEWHERE = {
    "api_reference",
    "architecture",
    "binder",
    "contributing",
    "docstrings",
    "packaging",
    "promises",
    "typing",
}
TESTS = tuple(
    path
    for folder in (ROOT / "tests", *(ROOT / "tests" / floor for floor in FLOORS))
    for path in sorted(folder.glob("test_*.py"))
    if path.stem.removeprefix("test_") not in ELSEWHERE
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
