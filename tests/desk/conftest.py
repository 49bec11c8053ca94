"""A small course, so that laying it is quick, and its notebooks can change."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_course import QUESTION, write


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "used.svg").write_text("<svg/>")
    (folder / "images" / "unused.svg").write_text("<svg/>")
    write(folder / "00_start_here.ipynb", "print(42)", "'![](images/used.svg)'")
    ask = f"%matplotlib inline\nguess = predict({QUESTION!r}, [3, 4])\nguess"
    write(folder / "03_fallback.ipynb", ask, "an unfinished answer (", "predict(name)")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "my_course"
