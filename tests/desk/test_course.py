"""Laying the learner's copy: what is missing is laid, what is there is never written over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from small_course import QUESTION, write

from resilience_lab.desk import course as module
from resilience_lab.desk.course import DeskError, course_folder, lay, lay_again, questions
from resilience_lab.desk.store import DESK, PROGRESS, Store

START, FALLBACK = "00_start_here.ipynb", "03_fallback.ipynb"


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_the_copy_has_no_outputs_and_the_pictures_that_it_shows(course: Path, folder: Path):
    laid = lay(folder, course)

    assert laid.new == (START, FALLBACK, "images/used.svg")
    assert laid.beside == ()
    assert names(folder) == [START, FALLBACK, DESK, "images/used.svg"]
    for name in (START, FALLBACK):
        copy, original = (json.loads((place / name).read_text()) for place in (folder, course))
        assert all(cell.get("outputs", []) == [] for cell in copy["cells"])
        assert all(cell.get("execution_count") is None for cell in copy["cells"])
        sources = ([cell["source"] for cell in book["cells"]] for book in (copy, original))
        assert next(sources) == next(sources)


def test_what_the_learner_wrote_is_never_written_over(course: Path, folder: Path):
    lay(folder, course)
    (folder / START).write_text("mine")

    assert lay(folder, course).new == ()
    assert (folder / START).read_text() == "mine"


def test_a_notebook_that_was_deleted_is_laid_again(course: Path, folder: Path):
    lay(folder, course)
    (folder / START).unlink()

    assert lay(folder, course).new == (START,)


def test_a_notebook_that_changed_in_the_course_is_laid_beside_the_copy_once(
    course: Path, folder: Path
):
    lay(folder, course)
    (folder / FALLBACK).write_text("mine")
    write(course / FALLBACK, "print('better')")

    first, second = lay(folder, course), lay(folder, course)

    assert first.beside == ("03_fallback.updated.ipynb",)
    assert "better" in (folder / "03_fallback.updated.ipynb").read_text()
    assert (folder / FALLBACK).read_text() == "mine"
    assert second.beside == ()
    write(course / FALLBACK, "print('better still')")
    assert lay(folder, course).beside == ("03_fallback.updated-2.ipynb",)


def test_a_new_notebook_of_the_course_is_laid(course: Path, folder: Path):
    lay(folder, course)
    write(course / "08_new.ipynb", "print('new')")

    assert lay(folder, course).new == ("08_new.ipynb",)


def test_a_notebook_laid_again_keeps_the_old_copy_and_asks_its_questions_anew(
    course: Path, folder: Path
):
    lay(folder, course)
    (folder / FALLBACK).write_text("mine")
    Store(folder / PROGRESS).put("guesses", QUESTION, {"guess": "3", "answer": "4"})
    Store(folder / PROGRESS).put("guesses", "Another?", {"guess": "5"})

    laid = lay_again(folder, "03", course)

    assert laid.new == (FALLBACK,)
    assert (folder / "03_fallback.before.ipynb").read_text() == "mine"
    kept = Store(folder / PROGRESS).section("guesses")
    assert kept == {
        QUESTION: {"earlier": [{"guess": "3", "answer": "4"}]},
        "Another?": {"guess": "5"},
    }
    lay_again(folder, "03_fall", course)
    assert (folder / "03_fallback.before-2.ipynb").exists()


def test_a_notebook_can_be_laid_anew_on_a_desk_that_is_not_there_yet(course: Path, folder: Path):
    assert START in lay_again(folder, "03", course).new


@pytest.mark.parametrize("which", ["99", "", "3", "fallback"])
def test_a_notebook_that_does_not_exist_is_named(course: Path, folder: Path, which: str):
    with pytest.raises(DeskError, match=f"no notebook begins with '{which}'; there are 00, 03"):
        lay_again(folder, which, course)

    assert not folder.exists()


def test_a_folder_that_is_something_else_is_left_alone(course: Path, folder: Path):
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")

    with pytest.raises(DeskError, match=r"my_course holds something else: choose another folder"):
        lay(folder, course)

    assert names(folder) == ["thesis.tex"]


def test_a_file_in_the_folders_place_is_left_alone(course: Path, folder: Path):
    folder.write_text("mine")

    with pytest.raises(DeskError, match="my_course is a file: choose another folder"):
        lay(folder, course)

    assert folder.read_text() == "mine"


@pytest.mark.parametrize("damaged", [b"", b"[]", b"\xff", b'{"laid": 3}'])
def test_a_desk_whose_mark_is_damaged_is_still_a_desk(course: Path, folder: Path, damaged: bytes):
    lay(folder, course)
    (folder / DESK).write_bytes(damaged)
    (folder / START).write_text("mine")

    assert lay(folder, course).beside == ()
    assert (folder / START).read_text() == "mine"


def test_a_desk_whose_mark_was_deleted_is_known_by_its_progress(course: Path, folder: Path):
    lay(folder, course)
    Store(folder / PROGRESS).put("cards", "a", 1)
    (folder / DESK).unlink()

    lay(folder, course)

    assert Store(folder / PROGRESS).get("cards", "a") == 1
    assert (folder / DESK).exists()


def test_a_disk_that_fills_up_leaves_no_half_of_a_notebook(course: Path, folder: Path, monkeypatch):
    lay(folder, course)
    (folder / FALLBACK).unlink()
    before = names(folder)
    real = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, text):
            self.file.write(text[:10])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: Full(real(path, mode)))
    with pytest.raises(DeskError, match="my_course cannot be written: No space left on device"):
        lay(folder, course)

    assert names(folder) == before


def test_a_copy_that_cannot_be_moved_is_said_and_stays(course: Path, folder: Path, monkeypatch):
    lay(folder, course)

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DeskError, match="cannot be written: Permission denied"):
        lay_again(folder, "03", course)

    assert (folder / FALLBACK).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder_is_said(course: Path, tmp_path: Path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)

    with pytest.raises(DeskError, match="cannot be written: Permission denied"):
        lay(locked / "my_course", course)


def test_the_questions_of_a_notebook_are_read_from_its_source(course: Path):
    assert questions((course / FALLBACK).read_text()) == (QUESTION,)


def test_a_clone_and_a_wheel_both_know_their_course(tmp_path: Path, monkeypatch):
    assert (course_folder() / START).is_file()

    package = tmp_path / "resilience_lab" / "desk"
    monkeypatch.setattr(module, "__file__", str(package / "course.py"))
    with pytest.raises(DeskError, match="this installation has no notebooks"):
        course_folder()
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / START).touch()
    assert course_folder() == package / "notebooks"
