"""`make mutants`: change the core in one place at a time, and see whether a test finds it.

    python tests/mutants/run.py [MODULE ...] [--jobs N]

First all tests run once, so that it is known which of them run a line. Then each mutant is tried in
a forked process; nothing on disk is changed. It faces the tests that run its line: first those that
have found most so far, then the quick ones. The first failure ends the trial.

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
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from covering import OPTIONS, Covering, is_fresh, measure, recall
from listed import KNOWN, MODULES, PERCENT, ROOT, TESTS, digest, listed, source_of
from mutations import NONE, Mutant, mutants
from trials import CRASHED, SLOW, SURVIVES, Trial, fork, imported_anew, in_place

PRELOADED = ("asyncio", "hypothesis.stateful", "pandas", "tenacity", "stamina")

Judge = Callable[[str, ast.Module, Mutant, list[str]], str]


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


class Hunt:
    """What is being found out about the mutants of each module, `jobs` at a time."""

    def __init__(self, modules: list[str], covering: Covering, jobs: int) -> None:
        self._modules = modules
        self._covering = covering
        self._jobs = jobs

    def in_functions(self) -> None:
        """Try the mutants that are put in the place of a function, with all tests collected."""
        options = [*OPTIONS, "-s", *map(str, TESTS)]
        process = fork.Process(target=lambda: sys.exit(pytest.main(options, [self])))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"The trials ended with exit code {process.exitcode}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        judge = partial(in_place, items, self._covering.seconds)
        for module in self._modules:
            self._hunt(module, judge, final=False)
        return True

    def in_modules(self) -> list[Verdicts]:
        """Try those that are left: what runs at import, or was not found in its place.

        Objects that tests made when they were imported had been made without the mutant.
        """
        return [self._hunt(module, imported_anew, final=True) for module in self._modules]

    def _hunt(self, module: str, judge: Judge, *, final: bool) -> Verdicts:
        tree = ast.parse(source_of(module).read_text("utf-8"))
        everyone = mutants(tree)
        known = Verdicts.known(module)
        waiting = [
            name
            for name, mutant in everyone.items()
            if name not in known.verdicts and (final or mutant.lines)
        ]
        print(f"{module}: {len(waiting)} of {len(everyone)} to try", flush=True)
        running: dict[str, Trial] = {}
        if waiting:
            self._must_survive(module, judge, tree)
        while waiting or running:
            while waiting and len(running) < self._jobs:
                name = waiting.pop(0)
                running[name] = self._trial(known, judge, tree, everyone[name])
            for name, trial in [*running.items()]:
                if (verdict := trial.answer()) is not None:
                    del running[name]
                    if final or verdict != SURVIVES:
                        known.verdicts[name] = verdict
                        _tell(known, name, len(everyone))
            time.sleep(0.005)
        known.keep()
        return known

    def _must_survive(self, module: str, judge: Judge, tree: ast.Module) -> None:
        """The module as it is, or all the tests that find something would be wrong."""
        trial = self._trial(Verdicts.known(module), judge, tree, NONE)
        while (verdict := trial.answer()) is None:
            time.sleep(0.005)
        if verdict != SURVIVES:
            raise SystemExit(f"{module}: the tests fail without any mutant: {verdict}")

    def _trial(self, known: Verdicts, judge: Judge, tree: ast.Module, mutant: Mutant) -> Trial:
        found, seconds = Counter(known.verdicts.values()), self._covering.seconds
        tests = sorted(
            self._covering.tests(known.module, mutant.lines),
            key=lambda test: (-found[test], seconds[test]),
        )
        patience = 20 + 5 * sum(seconds[test] for test in tests)
        return Trial(patience, judge, known.module, tree, mutant, tests)


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
        total = sum(len(known.verdicts) for known in found)
        survivors = sum(len(known.survivors) for known in found)
        if survivors > PERCENT / 100 * total:
            yield f"{survivors} of {total} mutants survive, more than {PERCENT} %"


def table(found: list[Verdicts]) -> Iterator[str]:
    yield f"{'module':<12}{'mutants':>9}{'by a test':>11}{SLOW:>10}{CRASHED:>9}{SURVIVES:>10}"
    everything = Verdicts("all", "", "")
    for known in found:
        everything.verdicts.update({f"{known.module}: {k}": by for k, by in known.verdicts.items()})
    for known in [*found, everything]:
        total = len(known.verdicts)
        other = [
            sum(by == how for by in known.verdicts.values()) for how in (SLOW, CRASHED, SURVIVES)
        ]
        slow, crashed, survivors = other
        row = f"{known.module:<12}{total:>9}{total - sum(other):>11}{slow:>10}{crashed:>9}"
        yield f"{row}{survivors:>10}  {survivors / total:.1%}"


def _covering() -> Covering:
    if not is_fresh():
        print("Running all tests once, to see which lines each of them runs.", flush=True)
        trial = Trial(1200, measure)
        while (failed := trial.answer()) is None:
            time.sleep(0.1)
        if failed:
            raise SystemExit(f"The tests fail without any mutant: {failed}")
    return recall()


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
    hunt = Hunt(asked.modules or list(MODULES), covering, asked.jobs)
    hunt.in_functions()
    found = hunt.in_modules()
    print(*table(found), sep="\n")
    wrong = [*complaints(found)]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
