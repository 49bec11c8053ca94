"""Each file needs its own library only, and says so if it is missing.

In a new interpreter each, for an import cannot be undone in this one.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from resilience_lab import live
from resilience_lab.live.lab_extra import lab_extra

LIBRARIES = {"ChatAgent": "httpx", "FaultyServer": "tornado", "SentimentAgent": "vaderSentiment"}


def python_without(libraries, code):
    hidden = f"import sys; sys.modules.update(dict.fromkeys({list(libraries)!r}))\n"
    command = [sys.executable, "-c", hidden + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("feature", "library"), LIBRARIES.items())
def test_a_missing_library_is_an_import_error_that_says_what_to_install(feature, library):
    done = python_without([library], f"from resilience_lab.live import {feature}")

    advice = f"ImportError: {feature} needs the 'lab' extra: pip install 'resilience_lab[lab]'"
    assert done.stderr.splitlines()[-1] == advice


def test_the_error_names_the_library_and_keeps_its_cause():
    with pytest.raises(ImportError) as missing, lab_extra("Anything"):
        raise ModuleNotFoundError("No module named 'httpx'", name="httpx")

    assert missing.value.name == "httpx"
    assert isinstance(missing.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(("feature", "library"), LIBRARIES.items())
def test_a_library_that_is_not_needed_is_not_missed(feature, library):
    others = set(LIBRARIES.values()) - {library}

    done = python_without(others, f"from resilience_lab.live import {feature}")

    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_itself_needs_no_library():
    code = "from resilience_lab.live import parse_retry_after; assert parse_retry_after('1') == 1"

    done = python_without(LIBRARIES.values(), code)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", live.__all__)
def test_every_export_is_there(name):
    assert getattr(live, name).__name__ == name
    assert name in dir(live)


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'resilience_lab.live' has no attribute 'Ansver'"):
        _ = live.Ansver
