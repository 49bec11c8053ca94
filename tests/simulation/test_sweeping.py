"""Sweeps: the same frame whoever does the work, and nothing swallowed."""

from __future__ import annotations

import contextlib
import multiprocessing
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from resilience_lab.simulation.metastability import metastable
from resilience_lab.simulation.retry_amplification import amplification
from resilience_lab.simulation.sweeping import sweep
from resilience_lab.simulation.throttling import adaptive_throttle


@contextlib.contextmanager
def dask(workers):
    distributed = pytest.importorskip("distributed")
    # In this process, and its status pages reachable from this machine only.
    pages = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=workers, processes=False, **pages
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


def processes(workers):
    # A fork would copy the threads' locks, but not the threads.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


EXECUTORS = {"threads": ThreadPoolExecutor, "processes": processes, "dask": dask}


def quiet(*args, **kwargs):
    return sweep(*args, **kwargs, progress=False)


def show_seed(seed, **parameters):
    return seed


def fail_on_two(number, seed):
    if number == 2:
        raise ConnectionError("two is down")
    return number


def fail_on_y(a, b, seed):
    if b == "y":
        raise ConnectionError("y is down")
    return seed


# Who does the work


@pytest.mark.parametrize("kind", EXECUTORS)
def test_every_executor_gives_the_same_frame_as_none(kind):
    grid = {"offered": [300, 500], "k": [1.5, 2.0], "count_rejected": [True, False]}
    serial = quiet(adaptive_throttle, grid, repeats=2, seed=5)

    with EXECUTORS[kind](2) as executor:
        elsewhere = quiet(adaptive_throttle, grid, repeats=2, seed=5, executor=executor)

    pd.testing.assert_frame_equal(elsewhere, serial)
    assert len(serial) == 16
    assert serial["sent"].nunique() == 16


@pytest.mark.parametrize("kind", EXECUTORS)
def test_arguments_may_be_named_as_an_executor_names_its_own(kind):
    with EXECUTORS[kind](1) as executor:
        frame = quiet(amplification, {"depth": [2], "retries": [0, 1, 2]}, executor=executor)

    assert frame["value"].tolist() == [1, 4, 9]


@pytest.mark.parametrize("kind", EXECUTORS)
def test_a_failure_elsewhere_is_reported_as_well(kind):
    with EXECUTORS[kind](1) as executor, pytest.warns(RuntimeWarning, match="1 of 2 cells failed"):
        frame = quiet(amplification, {"depth": [0, 2], "retries": [1]}, executor=executor)

    (failure,) = frame.attrs["failed"]
    assert failure["error"] == "ValueError: depth must be at least 1, got 0"
    assert frame["value"].tolist() == [4]


def test_the_order_in_which_cells_end_does_not_matter(monkeypatch):
    grid = {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    with pytest.warns(RuntimeWarning):
        forwards = quiet(fail_on_y, grid)
    monkeypatch.setattr(
        "resilience_lab.simulation.sweeping.as_completed", lambda futures: reversed(list(futures))
    )

    with ThreadPoolExecutor(1) as executor, pytest.warns(RuntimeWarning):
        backwards = quiet(fail_on_y, grid, executor=executor)

    pd.testing.assert_frame_equal(backwards, forwards)
    repeatable = ["parameters", "repeat", "seed", "error"]
    reports = [
        [[failure[key] for key in repeatable] for failure in frame.attrs["failed"]]
        for frame in (forwards, backwards)
    ]
    assert reports[0] == reports[1]
    assert len(reports[0]) == 3


# Seeds


def test_each_cell_has_a_seed_of_its_own_that_can_be_had_again():
    grid = {"a": range(10), "b": [True, False]}

    first, second = quiet(show_seed, grid, repeats=5), quiet(show_seed, grid, repeats=5)
    other = quiet(show_seed, grid, repeats=5, seed=1)

    assert first["value"].nunique() == len(first) == 100
    assert first["value"].tolist() == second["value"].tolist()
    assert not set(first["value"]) & set(other["value"])


def test_seeds_are_spawned_from_one_root():
    spawned = np.random.SeedSequence(3).spawn(2)

    seeds = quiet(show_seed, {"a": [1, 2]}, seed=3)["value"].tolist()

    assert seeds == [int(child.generate_state(1, np.uint64)[0]) for child in spawned]


# The frame


def test_the_last_argument_changes_fastest_and_the_repeat_faster_still():
    frame = quiet(lambda a, b, seed: a + b, {"a": ["x", "y"], "b": ["1", "2"]}, repeats=2)

    assert list(frame.columns) == ["a", "b", "repeat", "value"]
    assert frame["repeat"].tolist() == [0, 1] * 4
    assert frame["value"].tolist() == ["x1", "x1", "x2", "x2", "y1", "y1", "y2", "y2"]
    assert frame.attrs == {"failed": []}


@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_a_mapping_is_a_row(kind):
    frame = quiet(lambda a, seed: kind({"double": 2 * a, "half": a / 2}), {"a": [2, 4]})

    assert frame.to_dict("list") == {
        "a": [2, 4],
        "repeat": [0, 0],
        "double": [4, 8],
        "half": [1.0, 2.0],
    }


def test_a_frame_gives_its_rows_and_what_it_says_of_itself():
    frame = quiet(metastable, {"load": [100, 280], "duration": [25, 30]})

    assert list(frame.columns) == [
        *("load", "duration", "repeat", "recovered"),
        *("t", "sent", "goodput"),
    ]
    assert len(frame) == 2 * 25 + 2 * 30
    assert frame.groupby("load")["recovered"].all().tolist() == [True, False]
    assert frame.index.tolist() == list(range(110))


def test_of_what_a_frame_says_of_itself_only_single_values_are_columns():
    def told(seed):
        frame = pd.DataFrame({"x": [1, 2]})
        frame.attrs = {"title": "two", "limits": [1, 2], "x": "hidden"}
        return frame

    assert quiet(told, {}).to_dict("list") == {"repeat": [0, 0], "title": ["two"] * 2, "x": [1, 2]}


def test_a_named_index_becomes_a_column():
    def indexed(a, seed):
        return pd.DataFrame({"value": [a, a]}, index=pd.Index([5, 6], name="t"))

    assert quiet(indexed, {"a": [1]})["t"].tolist() == [5, 6]


def test_a_column_of_the_function_s_own_stays_in_the_place_of_the_argument():
    frame = quiet(adaptive_throttle, {"offered": [(300, 500), (700,)], "k": [2]})

    assert list(frame.columns) == ["offered", "k", "repeat", "sent", "accepted"]
    assert frame["offered"].tolist() == [300, 500, 700]


def test_values_may_be_anything_and_numpy_s_numbers_are_plain_ones():
    grid = {"number": np.arange(2), "values": [[1, 2], None]}

    frame = quiet(lambda number, values, seed: type(number).__name__, grid)

    assert frame["value"].tolist() == ["int"] * 4
    assert frame["values"].tolist() == [[1, 2], None] * 2


def test_without_arguments_there_are_still_repeats():
    assert quiet(show_seed, {}, repeats=3)["repeat"].tolist() == [0, 1, 2]


# Failures


def test_a_failed_cell_is_reported_and_the_others_are_kept():
    with pytest.warns(RuntimeWarning) as caught:
        frame = quiet(fail_on_two, {"number": [1, 2, 3]}, repeats=2)

    assert frame["number"].tolist() == [1, 1, 3, 3]
    first, second = frame.attrs["failed"]
    assert (first["parameters"], first["repeat"]) == ({"number": 2}, 0)
    assert (second["parameters"], second["repeat"]) == ({"number": 2}, 1)
    assert first["error"] == "ConnectionError: two is down"
    assert "in fail_on_two" in first["traceback"]
    assert str(caught[0].message) == (
        "2 of 6 cells failed, see attrs['failed']\n"
        "{'number': 2}, repeat 0: ConnectionError: two is down\n"
        "{'number': 2}, repeat 1: ConnectionError: two is down"
    )
    assert caught[0].filename == __file__


def test_a_report_holds_what_it_takes_to_run_the_cell_again():
    seeds = quiet(show_seed, {"number": [1, 2]})["value"]

    with pytest.warns(RuntimeWarning):
        (failure,) = quiet(fail_on_two, {"number": [1, 2]}).attrs["failed"]

    assert failure["seed"] == seeds[1]
    with pytest.raises(ConnectionError):
        fail_on_two(**failure["parameters"], seed=failure["seed"])


def test_of_many_failures_the_warning_tells_a_few():
    with pytest.warns(RuntimeWarning) as caught:
        frame = quiet(fail_on_two, {"number": [2]}, repeats=5)

    lines = str(caught[0].message).splitlines()
    assert len(lines) == 5
    assert lines[-1] == "and 2 more"
    assert len(frame.attrs["failed"]) == 5


def test_if_all_fail_there_are_columns_and_no_rows():
    with pytest.warns(RuntimeWarning, match="1 of 1 cells failed"):
        frame = quiet(fail_on_two, {"number": [2]})

    assert frame.empty
    assert list(frame.columns) == ["number", "repeat"]


def test_a_result_that_is_no_row_is_a_failure():
    with pytest.warns(RuntimeWarning, match=r"must return a DataFrame, .* got \[1, 2\]"):
        quiet(lambda seed: [1, 2], {})


def test_without_failures_nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet(fail_on_two, {"number": [1, 3]})


# Interrupts


def test_an_interrupt_ends_the_sweep():
    begun = []

    def interrupted(number, seed):
        begun.append(number)
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quiet(interrupted, {"number": [1, 2, 3, 4]})

    assert begun == [1, 2]


def test_an_interrupt_cancels_what_an_executor_has_not_begun():
    class Interrupted(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, func, /, *args):
            self.futures.append(Future())
            if len(self.futures) == 4:
                self.futures[0].set_exception(KeyboardInterrupt())
            return self.futures[-1]

    executor = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        quiet(show_seed, {"number": [1, 2, 3, 4]}, executor=executor)

    assert [future.cancelled() for future in executor.futures] == [False, True, True, True]


def test_an_executor_that_takes_no_more_gets_back_what_it_has_not_begun():
    class Full(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, func, /, *args):
            if len(self.futures) == 2:
                raise RuntimeError("full")
            self.futures.append(Future())
            return self.futures[-1]

    executor = Full()

    with pytest.raises(RuntimeError, match="full"):
        quiet(show_seed, {"number": [1, 2, 3, 4]}, executor=executor)

    assert all(future.cancelled() for future in executor.futures)


# Progress


def test_a_bar_on_the_standard_error_counts_the_cells(capsys):
    sweep(show_seed, {"a": [1, 2], "b": [1, 2]})

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "show_seed: 100%" in captured.err
    assert "4/4" in captured.err


def test_failed_cells_count_too(capsys):
    with pytest.warns(RuntimeWarning):
        sweep(fail_on_two, {"number": [1, 2]})

    assert "2/2" in capsys.readouterr().err


def test_without_progress_nothing_is_printed(capsys):
    quiet(show_seed, {"a": [1, 2]})

    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


# Arguments


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"grid": ["a"]}, TypeError, r"grid must map names of arguments .* got \['a'\]"),
        ({"grid": {"a": 1}}, TypeError, r"grid\['a'\] must be a list of values, got 1"),
        ({"grid": {"a": "xyz"}}, TypeError, r"grid\['a'\] must be a list of values, got 'xyz'"),
        ({"grid": {"a": []}}, ValueError, r"grid\['a'\] must hold at least one value, got \[\]"),
        ({"grid": {"seed": [1]}}, ValueError, "grid must not hold 'seed'"),
        ({"grid": {"repeat": [1]}}, ValueError, "grid must not hold 'repeat'"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"executor": 4}, TypeError, "executor must be a concurrent.futures.Executor, got 4"),
        ({"progress": "no"}, TypeError, "progress must be True or False, got 'no'"),
        ({"function": None}, TypeError, "function must be a plain function, got None"),
    ],
)
def test_bad_arguments_are_refused_by_name(changes, error, message):
    arguments = {"function": show_seed, "grid": {"a": [1]}, "progress": False, **changes}

    with pytest.raises(error, match=message):
        sweep(**arguments)


def test_a_coroutine_function_is_refused_for_nobody_would_await_it():
    async def later(seed):
        return seed

    with pytest.raises(TypeError, match="function must be a plain function, got <function"):
        quiet(later, {})


def test_a_misspelt_argument_is_found_before_anything_runs():
    with pytest.raises(TypeError, match=r"must take the arguments laod, seed: .*'l"):
        quiet(metastable, {"laod": [100]})


def test_a_function_that_takes_no_seed_is_refused():
    with pytest.raises(TypeError, match=r"must take the arguments a, seed: .*'seed'"):
        quiet(lambda a: a, {"a": [1]})
