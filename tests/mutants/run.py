"""`make mutants`: change the core in one place at a time, and see whether a test finds it.

    python tests/mutants/run.py [MODULE ...] [--jobs N]

First all tests run once, so that it is known which of them run a line. Then each mutant is tried in
a process of its own, forked from this one, which has loaded what the tests need except the library;
nothing on disk is changed. It faces the tests that run its line: first those that have found most
so far, then the quick ones. The first failure ends the trial.

What is found out is kept in `.mutants/`, so a run that was broken off goes on where it was: as long
as a module is the same, what was found stays found, and what survived is tried again only when
tests have changed. Fails if a mutant survives that `survivors.txt` does not explain, if that
explains what does not survive, or if more than 2 % of all mutants survive.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from covering import OPTIONS, Covering, measure, recall
from listed import KNOWN, MODULES, PERCENT, ROOT, TESTS, digest, listed, source_of
from mutations import Mutant, mutants

PRELOADED = ("asyncio", "hypothesis.stateful", "pandas", "tenacity", "stamina")
MEMORY = 4 * 2**30  # bytes, for a mutant that collects without end
SURVIVES = "survives"

fork = multiprocessing.get_context("fork")


@dataclass
class Verdicts:
    """What is known of a module's mutants: by which test each was found, or that it survives."""

    module: str
    source: str
    """The digest of the module that the mutants were made of, as `tests` is that of all tests."""
    tests: str
    verdicts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def known(cls, module: str) -> Verdicts:
        """What an earlier run found out, as far as it still holds."""
        known = cls(module, digest(source_of(module)), digest(*TESTS))
        if known._path.exists():
            kept = cls(**json.loads(known._path.read_text("utf-8")))
            if kept.source == known.source:
                known.verdicts = kept.verdicts
            if kept.tests != known.tests:
                for name in kept.survivors:
                    known.verdicts.pop(name, None)
        return known

    def keep(self) -> None:
        self._path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @property
    def _path(self) -> Path:
        return KNOWN / f"{self.module}.json"

    @property
    def survivors(self) -> list[str]:
        return [name for name, by in self.verdicts.items() if by == SURVIVES]


class Trial:
    """A function in a process of its own, which sends one answer, unless it dies."""

    def __init__(self, patience: float, func: Callable[..., object], *args: object) -> None:
        self._receiver, sender = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_run, args=(sender, func, *args))
        self._until = time.monotonic() + patience
        self._process.start()
        sender.close()

    def answer(self) -> Any:
        """None while there is none."""
        if self._process.is_alive():
            if time.monotonic() < self._until:
                return None
            self._process.kill()
            self._process.join()
            return "too slow"
        self._process.join()
        try:
            return self._receiver.recv()
        except EOFError:
            return "crashed"


def _run(sender: Connection, func: Callable[..., object], *args: object) -> None:
    """What a forked process does, silently, with a limit to what it may collect."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    try:
        sender.send(func(*args))
    finally:
        os._exit(0)


def judge(module: str, tree: ast.Module, mutant: Mutant, tests: list[str]) -> str:
    """By which test the mutant is found once it is in the place of its module."""
    mutant.put()
    sys.meta_path.insert(0, Finder(module, compile(tree, source_of(module), "exec")))
    chosen = Chosen(tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main(["-x", *OPTIONS, *files], plugins=[chosen])
    return SURVIVES if status == 0 else chosen.failed


class Finder:
    """Finds one module of the library, as the mutant has it."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._name = f"resilience_lab.{module}"
        self._path = source_of(module)
        self._code = code

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = Loader(name, str(self._path))
        loader.code = self._code
        return spec_from_file_location(name, self._path, loader=loader)


class Loader(SourceFileLoader):
    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Chosen:
    """A plugin: these tests alone, in this order. Remembers which one failed."""

    def __init__(self, tests: list[str]) -> None:
        self._place = {test: i for i, test in enumerate(tests)}
        self.failed = "not even collected"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def hunt(module: str, covering: Covering, jobs: int) -> Verdicts:
    """Try all mutants of `module` of which no verdict is known, `jobs` at a time."""
    tree = ast.parse(source_of(module).read_text("utf-8"))
    everyone = mutants(tree)
    known = Verdicts.known(module)
    waiting = [name for name in everyone if name not in known.verdicts]
    print(f"{module}: {len(waiting)} of {len(everyone)} to try", flush=True)
    found = Counter(known.verdicts.values())
    running: dict[str, Trial] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = everyone[waiting[0]]
            tests = sorted(
                covering.tests(module, mutant.lines),
                key=lambda test: (-found[test], covering.seconds[test]),
            )
            patience = 10 + 10 * sum(covering.seconds[test] for test in tests)
            running[waiting.pop(0)] = Trial(patience, judge, module, tree, mutant, tests)
        for name, trial in [*running.items()]:
            if (verdict := trial.answer()) is not None:
                del running[name]
                known.verdicts[name] = verdict
                found[verdict] += 1
                _tell(known, name, len(everyone))
        time.sleep(0.01)
    known.keep()
    return known


def _tell(known: Verdicts, name: str, total: int) -> None:
    if known.verdicts[name] == SURVIVES:
        print(f"{known.module}: survives: {name}", flush=True)
    if len(known.verdicts) % 25 == 0:
        known.keep()
        print(f"{known.module}: {len(known.verdicts)} of {total}", flush=True)


def complaints(found: list[Verdicts]) -> Iterator[str]:
    """What is wrong with the result. The share is judged when all modules have been tried."""
    explained = listed()
    for known in found:
        reasons = explained.get(known.module, {})
        for name in known.survivors:
            if name not in reasons:
                yield f"survives without a reason: {known.module}: {name}"
        for name in reasons:
            if name not in known.survivors:
                yield f"does not survive, but is listed: {known.module}: {name}"
    if len(found) == len(MODULES):
        total, survivors = _sum(found)
        if survivors > PERCENT / 100 * total:
            yield f"{survivors} of {total} mutants survive, more than {PERCENT} %"


def _sum(found: list[Verdicts]) -> tuple[int, int]:
    return sum(len(known.verdicts) for known in found), sum(len(k.survivors) for k in found)


def table(found: list[Verdicts]) -> Iterator[str]:
    yield f"{'module':<12} {'mutants':>8} {'found':>8} {'survive':>8}"
    for known in found:
        total, survivors = _sum([known])
        yield f"{known.module:<12} {total:>8} {total - survivors:>8} {survivors:>8}"
    total, survivors = _sum(found)
    yield f"{'all':<12} {total:>8} {total - survivors:>8} {survivors:>8}   {survivors / total:.1%}"


def _covering() -> Covering:
    covering = recall()
    if covering is None:
        print("Running all tests once, to see which lines each of them runs.", flush=True)
        trial = Trial(1200, measure)
        while (failed := trial.answer()) is None:
            time.sleep(0.1)
        covering = recall()
        if failed or covering is None:
            raise SystemExit(f"The tests fail without any mutant, or they have changed: {failed}")
    return covering


def _preload() -> None:
    os.chdir(ROOT)
    KNOWN.mkdir(exist_ok=True)
    os.nice(10)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(ROOT))
    for name in PRELOADED:
        importlib.import_module(name)
    configuration: Any = importlib.import_module("hypothesis.configuration")
    configuration.set_hypothesis_home_dir(tempfile.mkdtemp())  # no mutant's failures in the tree's
    loaded = [name for name in sys.modules if name.startswith("resilience_lab")]
    assert not loaded, f"a mutant would not be seen by {loaded}"
    gc.freeze()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="all, if none is named")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    asked = parser.parse_args()
    if unknown := [module for module in asked.modules if module not in MODULES]:
        parser.error(f"no such module: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    _preload()
    covering = _covering()
    found = [hunt(module, covering, asked.jobs) for module in asked.modules or MODULES]
    print(*table(found), sep="\n")
    wrong = [*complaints(found)]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
