"""Every numbered promise of the contract has a test that bears its number."""

from __future__ import annotations

import re
from pathlib import Path

PROMISES = {
    *(f"3_{n}" for n in range(1, 12)),
    *(f"4_{n}" for n in range(1, 7)),
    *(f"6_{n}" for n in range(1, 6)),
    *("2", "7", "8"),
}


def test_every_promise_is_tested_by_number():
    sources = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert set(re.findall(r"def test_promise_(\d(?:_\d+)?)_[a-z]", sources)) == PROMISES
