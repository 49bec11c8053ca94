"""Which modules are mutated, which tests are to find that, and which survivors are explained."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PERCENT = 2  # of all mutants may survive, each with a reason

BREAKER = "breaker breaker_* observe_only decorating composition"
RETRY = "retry composition decorating"
CHAIN = "fallback hedging streaming clean_up agent_answers composition"
TESTS = {  # by module of the core: the tests that know it best come first
    "arguments": "arguments breaker retry backoff budget trip fallback recorder decorating",
    "outcomes": "breaker breaker_reading breaker_groups retry fallback",
    "hints": f"{RETRY} fallback",
    "errors": "errors breaker retry fallback",
    "events": "recorder breaker retry fallback transcript",
    "clock": "clock breaker_clocks deadline virtual_threads",
    "backoff": "backoff retry breaks",
    "breaks": "breaks breaker breaker_slow_service",
    "trip": "trip breaker_reading breaker_clocks breaker",
    "states": BREAKER,
    "permit": BREAKER,
    "breaker": f"{BREAKER} trip",
    "decorating": "decorating breaker breaker_blocks",
    "keyed": "keyed breaker_collections",
    "budget": f"budget {RETRY} hedging",
    "deadline": f"deadline {RETRY} fallback",
    "retry": f"{RETRY} deadline fallback",
    "agents": f"agents {CHAIN}",
    "query": CHAIN,
    "turn": CHAIN,
    "streaming": CHAIN,
    "fallback": CHAIN,
    "tasks": f"tasks {CHAIN}",
    "recorder": "recorder composition",
    "transcript": f"transcript {CHAIN}",
}


def source_of(module: str) -> Path:
    return ROOT / "resilience_lab" / f"{module.replace('.', '/')}.py"


def files_of(module: str) -> list[Path]:
    """The test files of `module` in the order of the table."""
    tests = (ROOT / "tests").glob
    found = (path for name in TESTS[module].split() for path in sorted(tests(f"test_{name}.py")))
    return [*dict.fromkeys(found)]


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
