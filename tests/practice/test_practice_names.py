"""The names of the interview room are found, and loaded only when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resilience_lab import practice


@pytest.mark.parametrize("name", practice.__all__)
def test_each_name_is_there(name):
    assert getattr(practice, name).__name__ == name
    assert name in dir(practice)


def test_a_name_that_is_not_there_is_missed():
    with pytest.raises(AttributeError, match=r"practice' has no attribute 'cheat'"):
        practice.cheat()


def test_grading_needs_the_standard_library_only():
    script = (
        "import sys; from resilience_lab.practice import grade_retry\n"
        "from resilience_lab.practice.bug_hunt import reference\n"
        "assert grade_retry(reference.retry_with_backoff).score == 100\n"
        "print(sorted({'numpy', 'pandas', 'matplotlib', 'ipywidgets'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
