"""A function over a grid of its arguments, many times, on as many machines as there are.

    sweep(metastable, {"load": range(100, 300, 20), "retries": [0, 1, 2]})

Each *cell*, which is one repeat of one combination, has a seed of its own, spawned from a common
root (numpy's `SeedSequence`) before anything runs. So the result does not depend on who computes
which cell and when: this thread, a pool of processes and a cluster give the same frame.

In a sweep of an hour one cell may fail. It is reported, with all it takes to run it again, and the
others are kept.
"""

from __future__ import annotations

import inspect
import itertools
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor, Future, as_completed
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from tqdm import tqdm  # type: ignore[import-untyped]

from resilience_lab.ground.arguments import flag, is_async, whole

_SHOWN = 3  # failures that the warning tells of


@dataclass(frozen=True)
class _Cell:
    number: int
    parameters: dict[str, Any]
    repeat: int
    seed: int

    def run(self, function: Callable[..., Any]) -> Any:
        return function(**self.parameters, seed=self.seed)


_Pending: TypeAlias = Generator[tuple[_Cell, Callable[[], Any]], None, None]
"""Cells, each with how to get its result or its error."""


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]],
    repeats: int = 1,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Call `function` with every combination of the values in `grid`, and stack what it returns.

    Parameters
    ----------
    function
        Takes the arguments in `grid` and `seed`. Processes must be able to import it; in threads it
        must not share state, such as the `random` module.
    grid
        Maps names of arguments to lists of values.
    repeats
        How often each combination is run, >= 1, each time with another `seed=`.
    seed
        An int >= 0. What a cell is given follows from it and from the cell's place alone.
    executor
        Any `concurrent.futures.Executor`, of threads, processes or a cluster. None: one by one.
    progress
        Whether tqdm's bar is drawn on the standard error.

    Returns
    -------
    DataFrame
        A column for each argument and repeat (0, 1 ...), then what `function` returned: see
        `_rows`. Rows are in the order of the grid, the last argument fastest. `attrs["failed"]`
        has a dict (parameters, repeat, seed, error, traceback) for each cell that raised an
        `Exception`: it has no rows, and a `RuntimeWarning` names it.

    Raises
    ------
    ValueError, TypeError
        For a bad grid, or a `function` that does not take its arguments and `seed`.
    """
    cells = _cells(grid, whole("repeats", repeats, at_least=1), whole("seed", seed, at_least=0))
    _check(function, cells[0])
    if not (executor is None or isinstance(executor, Executor)):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    name = getattr(function, "__name__", "sweep")
    bar = tqdm(total=len(cells), desc=name, unit="cell", disable=not flag("progress", progress))
    pending = _in_turn(function, cells) if executor is None else _on(executor, function, cells)
    with bar, closing(pending):
        frames, failed = _collected(pending, bar)
    return _stacked(frames, failed, columns=[*grid, "repeat"])


# What is to be done


def _cells(grid: Mapping[str, Iterable[Any]], repeats: int, seed: int) -> list[_Cell]:
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must map names of arguments to their values, got {grid!r}")
    values = [_values(name, some) for name, some in grid.items()]
    runs = list(itertools.product(*values, range(repeats)))
    seeds = np.random.SeedSequence(seed).spawn(len(runs))
    return [
        _Cell(number, dict(zip(grid, run, strict=False)), run[-1], _whole_number(child))
        for number, (run, child) in enumerate(zip(runs, seeds, strict=True))
    ]


def _values(name: str, values: Iterable[Any]) -> list[Any]:
    if name in ("seed", "repeat"):
        raise ValueError(f"grid must not hold {name!r}, which is the sweep's own")
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"grid[{name!r}] must be a list of values, got {values!r}")
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    if not plain:
        raise ValueError(f"grid[{name!r}] must hold at least one value, got {values!r}")
    return plain


def _whole_number(seed: np.random.SeedSequence) -> int:
    return int(seed.generate_state(1, np.uint64)[0])


def _check(function: Callable[..., Any], cell: _Cell) -> None:
    """Find a misspelt argument before, and not in, an hour of work."""
    if not callable(function) or is_async(function):
        raise TypeError(f"function must be a plain function, got {function!r}")
    try:
        inspect.signature(function).bind(**cell.parameters, seed=cell.seed)
    except TypeError as error:
        names = ", ".join([*cell.parameters, "seed"])
        raise TypeError(f"function must take the arguments {names}: {error}") from None


# Doing it


def _in_turn(function: Callable[..., Any], cells: list[_Cell]) -> _Pending:
    for cell in cells:
        yield cell, partial(cell.run, function)


def _on(executor: Executor, function: Callable[..., Any], cells: list[_Cell]) -> _Pending:
    futures: dict[Future[Any], _Cell] = {}
    try:
        for cell in cells:
            # Wrapped, for an executor may have keywords of its own: Dask's has `retries`.
            futures[executor.submit(cell.run, function)] = cell
        for future in as_completed(futures):
            yield futures[future], future.result
    finally:
        for future in futures:
            future.cancel()  # those that have not begun, if this ends early


# What came of it


def _collected(
    pending: _Pending, bar: tqdm
) -> tuple[dict[int, pd.DataFrame], dict[int, dict[str, Any]]]:
    """The rows of the cells that succeeded and reports of those that failed, by their numbers."""
    frames: dict[int, pd.DataFrame] = {}
    failed: dict[int, dict[str, Any]] = {}
    for cell, result in pending:
        try:
            frames[cell.number] = _rows(cell, result())
        except Exception as error:
            failed[cell.number] = _report(cell, error)
        bar.update()
    return frames, failed


def _rows(cell: _Cell, result: Any) -> pd.DataFrame:
    about: dict[Any, Any] = {**cell.parameters, "repeat": cell.repeat}
    if isinstance(result, pd.DataFrame):
        rows = result.reset_index(drop=not any(result.index.names))
        about |= {name: fact for name, fact in result.attrs.items() if pd.api.types.is_scalar(fact)}
    elif isinstance(result, Mapping | pd.Series):
        rows = pd.DataFrame([dict(result.items())])
    elif pd.api.types.is_scalar(result):
        rows = pd.DataFrame({"value": [result]})
    else:
        raise TypeError(
            f"function must return a DataFrame, a mapping, a Series or a single value, "
            f"got {result!r}"
        )
    new = {name: [value] * len(rows) for name, value in about.items() if name not in rows}
    both = pd.concat([pd.DataFrame(new), rows], axis="columns")
    return both[[*about, *(name for name in rows if name not in about)]]


def _report(cell: _Cell, error: Exception) -> dict[str, Any]:
    return {
        "parameters": cell.parameters,
        "repeat": cell.repeat,
        "seed": cell.seed,
        "error": "".join(traceback.format_exception_only(error)).strip(),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _stacked(
    frames: dict[int, pd.DataFrame], failed: dict[int, dict[str, Any]], columns: list[str]
) -> pd.DataFrame:
    """All rows in the order of the cells, in whichever order these were done."""
    ordered = [frames[number] for number in sorted(frames)]
    frame = pd.concat(ordered, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    reports = [failed[number] for number in sorted(failed)]
    frame.attrs = {"failed": reports}
    if reports:
        total = len(frames) + len(failed)
        message = f"{len(reports)} of {total} cells failed, see attrs['failed']"
        shown = [f"{one['parameters']}, repeat {one['repeat']}: {one['error']}" for one in reports]
        more = [f"and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
        warnings.warn("\n".join([message, *shown[:_SHOWN], *more]), RuntimeWarning, stacklevel=3)
    return frame
