"""Every promise in PROMISES.md has a test that bears its number, and no test claims another."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE / "PROMISES.md").read_text(encoding="utf-8")


def test_every_promise_is_tested_by_number():
    promised = set(re.findall(r"^- \*\*([\d.]+)\*\*", PAGE, re.MULTILINE))
    sources = "".join(path.read_text("utf-8") for path in HERE.rglob("test_*.py"))
    tested = set(re.findall(r"def test_promise_(\d(?:_\d+)?)_[a-z]", sources))

    assert len(promised) == 52
    assert {number.replace(".", "_") for number in promised} == tested
