"""A desk for the tests: progress in a file of a folder that is thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resilience_lab.desk.store import DESK, PROGRESS, store


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The progress file of a desk in which this kernel was started."""
    (tmp_path / DESK).touch()
    monkeypatch.chdir(tmp_path)
    store.cache_clear()
    yield tmp_path / PROGRESS
    store.cache_clear()


@pytest.fixture
def off_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is no desk, in which a kernel was started, such as that of the notebooks."""
    monkeypatch.chdir(tmp_path)
    store.cache_clear()
    yield tmp_path
    store.cache_clear()
