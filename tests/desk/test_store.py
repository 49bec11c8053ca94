"""The progress file: nothing is lost, nothing is swallowed, nothing is written elsewhere."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from resilience_lab.desk import store as module
from resilience_lab.desk.store import DESK, PROGRESS, ProgressWarning, Store, store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / PROGRESS


def test_an_entry_outlives_the_kernel(path: Path):
    Store(path).put("guesses", "How many?", {"guess": "5"})

    assert Store(path).get("guesses", "How many?") == {"guess": "5"}
    assert Store(path).get("guesses", "How long?") is None
    assert Store(path).section("quizzes") == {}


def test_none_removes_an_entry(path: Path):
    kept = Store(path)
    kept.put("cards", "a", 1)
    kept.put("cards", "a", None)

    assert Store(path).section("cards") == {}


def test_a_kernel_that_is_not_on_a_desk_writes_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.cache_clear()

    kept = store()
    kept.put("guesses", "How many?", "5")

    assert not kept.on_a_desk
    assert store().get("guesses", "How many?") == "5"
    assert list(tmp_path.iterdir()) == []
    store.cache_clear()


def test_the_desk_is_the_folder_in_which_the_kernel_was_started(tmp_path: Path, monkeypatch):
    (tmp_path / DESK).touch()
    monkeypatch.chdir(tmp_path)
    store.cache_clear()
    kept = store()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    kept.put("cards", "a", 1)

    assert store() is kept
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [DESK, "elsewhere", PROGRESS]
    store.cache_clear()


def test_two_tabs_do_not_lose_each_others_entries(path: Path):
    tabs = [Store(path) for _ in range(4)]

    def answer(number: int) -> None:
        for turn in range(20):
            tabs[number].put("guesses", f"{number}.{turn}", turn)
            tabs[number].change("cards", "shared", lambda count: (count or 0) + 1)

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(Store(path).section("guesses")) == 80
    assert Store(path).get("cards", "shared") == 80


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"format": "1"}',
        b'{"format": 1, "guesses": []}',
    ],
)
def test_a_damaged_file_is_kept_aside_and_said_so(path: Path, damaged: bytes):
    path.write_bytes(damaged)

    with pytest.warns(ProgressWarning, match=r"damaged: it is kept as progress.damaged-1.json"):
        Store(path).put("guesses", "a", "b")

    assert path.with_name("progress.damaged-1.json").read_bytes() == damaged
    assert Store(path).get("guesses", "a") == "b"


def test_a_second_damaged_file_does_not_replace_the_first(path: Path):
    for text in ("one", "two"):
        path.write_text(text)
        with pytest.warns(ProgressWarning):
            Store(path).put("guesses", "a", "b")

    kept = [path.with_name(f"progress.damaged-{number}.json").read_text() for number in (1, 2)]
    assert kept == ["one", "two"]


def test_a_newer_file_is_kept_aside_and_said_so(path: Path):
    path.write_text('{"format": 2}')

    with pytest.warns(ProgressWarning, match=r"newer version: it is kept as progress.newer-1"):
        assert Store(path).section("guesses") == {}

    assert path.with_name("progress.newer-1.json").exists()


def test_a_full_disk_loses_nothing_and_the_next_write_brings_all(path: Path, monkeypatch):
    kept = Store(path)
    kept.put("guesses", "before", 1)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(ProgressWarning, match="No space left on device"):
            kept.put("guesses", "during", 2)
        with pytest.warns(ProgressWarning, match="kept until the kernel ends"):
            kept.put("guesses", "before", None)
        with pytest.warns(ProgressWarning):
            assert kept.change("cards", "count", lambda count: (count or 0) + 1) == 1

    assert kept.section("guesses") == {"during": 2}
    assert kept.get("cards", "count") == 1
    assert json.loads(path.read_text())["guesses"] == {"before": 1}
    assert [entry.name for entry in path.parent.iterdir()] == [PROGRESS]
    kept.put("guesses", "after", 3)
    assert Store(path).section("guesses") == {"during": 2, "after": 3}


def test_a_file_that_cannot_be_read_is_left_where_it_is(path: Path):
    path.mkdir()

    with pytest.warns(ProgressWarning, match="cannot be read"):
        assert Store(path).section("guesses") == {}

    assert path.is_dir()


def test_a_lock_that_is_held_is_waited_for_and_given_up_with_a_word(path: Path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_PATIENCE", 0.0)
    lock = path.with_name(f"{PROGRESS}.lock")
    lock.touch()

    with pytest.warns(ProgressWarning, match="is held by another process"):
        Store(path).put("guesses", "a", 1)

    assert lock.exists()
    assert not path.exists()


def test_the_lock_of_a_process_that_died_is_taken_over(path: Path):
    lock = path.with_name(f"{PROGRESS}.lock")
    lock.touch()
    os.utime(lock, (0, 0))

    Store(path).put("guesses", "a", 1)

    assert Store(path).get("guesses", "a") == 1
    assert not lock.exists()


def test_an_unknown_section_is_named(path: Path):
    with pytest.raises(ValueError, match=r"section must be one of .* got 'gueses'"):
        Store(path).put("gueses", "a", 1)  # type: ignore[arg-type]
