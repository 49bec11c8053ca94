"""`make mutants`: change the core in one place at a time, and see whether a test finds it.

    python tests/mutants/run.py [MODULE ...] [--jobs N]

Each mutant is tried in a process of its own, forked from this one, which has loaded what the tests
need except the library; nothing on disk is changed. Of a module's tests those run first that have
found most so far, and the first failure ends the trial. What is known is kept in `.mutants/`, so a
run that was broken off goes on where it was: as long as a module is the same, what was found stays
found, and what survived is tried again only when its tests have changed.

Fails if a mutant survives that `survivors.txt` does not explain, if that explains what does not
survive, or if more than 2 % of all mutants survive.
"""

from __future__ import annotations

import argparse
import ast
import gc
import hashlib
import importlib
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from listed import PERCENT, ROOT, TESTS, files_of, listed, source_of
from mutations import Mutant, mutants

KNOWN = ROOT / ".mutants"
PRELOADED = ("asyncio", "hypothesis.stateful", "pandas", "tenacity", "stamina")
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header")
MEMORY = 4 * 2**30  # bytes, for a mutant that collects without end
SURVIVES = "survives"

fork = multiprocessing.get_context("fork")


@dataclass
class Verdicts:
    """What is known of a module's mutants: by which test each was found, or that it survives."""

    module: str
    source: str
    """The digest of the module that the mutants were made of, as `tests` is that of its tests."""
    tests: str
    verdicts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def known(cls, module: str) -> Verdicts:
        """What an earlier run found out, as far as it still holds."""
        known = cls(module, _digest(source_of(module)), _digest(*files_of(module)))
        if known._path.exists():
            kept = cls(**json.loads(known._path.read_text("utf-8")))
            if kept.source == known.source:
                known.verdicts, known.seconds = kept.verdicts, kept.seconds
            if kept.tests != known.tests:
                for name in kept.survivors:
                    known.verdicts.pop(name, None)
        return known

    def keep(self) -> None:
        KNOWN.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @property
    def _path(self) -> Path:
        return KNOWN / f"{self.module}.json"

    @property
    def survivors(self) -> list[str]:
        return [name for name, by in self.verdicts.items() if by == SURVIVES]


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


class Trial:
    """One mutant before the tests of its module; None is the module as it is."""

    def __init__(
        self, module: str, tree: ast.Module, mutant: Mutant | None, first: Counter[str]
    ) -> None:
        self._receiver, sender = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_try, args=(module, tree, mutant, first, sender))
        self._started = time.monotonic()
        self._process.start()
        sender.close()

    def verdict(self, patience: float) -> str | None:
        """By which test it was found, or that it survives; None while that is open."""
        if self._process.is_alive():
            if self.seconds < patience:
                return None
            self._process.kill()
            self._process.join()
            return "too slow"
        self._process.join()
        try:
            verdict: str = self._receiver.recv()
        except EOFError:
            return "crashed"
        return verdict

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started


def _try(
    module: str, tree: ast.Module, mutant: Mutant | None, first: Counter[str], sender: Connection
) -> None:
    """In the forked process: put the mutant in the place of its module, and run the tests."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    order = Order(first)
    try:
        if mutant is not None:
            mutant.put()
        code = compile(tree, source_of(module), "exec")
        sys.meta_path.insert(0, Finder(module, code))
        status = pytest.main([*OPTIONS, *map(str, files_of(module))], plugins=[order])
        sender.send(SURVIVES if status == 0 else order.failed)
    finally:
        os._exit(0)


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


class Order:
    """A plugin: tests that have found most come first. Remembers which one failed."""

    def __init__(self, first: Counter[str]) -> None:
        self._first = first
        self.failed = "not even collected"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: -self._first[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def hunt(module: str, jobs: int) -> Verdicts:
    """Try all mutants of `module` of which no verdict is known, `jobs` at a time."""
    tree = ast.parse(source_of(module).read_text("utf-8"))
    everyone = mutants(tree)
    known = Verdicts.known(module)
    waiting = [(name, mutant) for name, mutant in everyone.items() if name not in known.verdicts]
    first = Counter(known.verdicts.values())
    if waiting:
        known.seconds = _as_it_is(module, tree)
        print(f"{module}: {len(waiting)} of {len(everyone)} to try, {known.seconds:.1f} s each")
    patience = 10 + 5 * known.seconds
    running: dict[str, Trial] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            name, mutant = waiting.pop(0)
            running[name] = Trial(module, tree, mutant, first)
        for name, trial in [*running.items()]:
            if (verdict := trial.verdict(patience)) is not None:
                del running[name]
                known.verdicts[name] = verdict
                first[verdict] += 1
                _tell(known, name, len(everyone))
        time.sleep(0.01)
    known.keep()
    return known


def _as_it_is(module: str, tree: ast.Module) -> float:
    """How long the tests take on the module as it is, which they must accept."""
    trial = Trial(module, tree, None, Counter())
    while (verdict := trial.verdict(patience=600)) is None:
        time.sleep(0.01)
    if verdict != SURVIVES:
        raise SystemExit(f"{module}: the tests fail without any mutant: {verdict}")
    return trial.seconds


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
    if len(found) == len(TESTS):
        total, survivors = _sum(found)
        if survivors > PERCENT / 100 * total:
            yield f"{survivors} of {total} mutants survive, more than {PERCENT} %"


def _sum(found: list[Verdicts]) -> tuple[int, int]:
    return sum(len(known.verdicts) for known in found), sum(len(k.survivors) for k in found)


def table(found: list[Verdicts]) -> Iterator[str]:
    yield f"{'module':<12} {'mutants':>7} {'found':>7} {'survive':>7}   tests"
    for known in found:
        total, survivors = _sum([known])
        row = f"{known.module:<12} {total:>7} {total - survivors:>7} {survivors:>7}"
        yield f"{row}   {known.seconds:.1f} s"
    total, survivors = _sum(found)
    yield f"{'all':<12} {total:>7} {total - survivors:>7} {survivors:>7}   {survivors / total:.1%}"


def _preload() -> None:
    os.chdir(ROOT)
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
    if unknown := [module for module in asked.modules if module not in TESTS]:
        parser.error(f"no such module: {', '.join(unknown)}; there are {', '.join(TESTS)}")
    _preload()
    found = [hunt(module, asked.jobs) for module in asked.modules or TESTS]
    print(*table(found), sep="\n")
    wrong = [*complaints(found)]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
