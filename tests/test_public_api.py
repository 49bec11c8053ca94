"""What `resilience_lab` offers at its front door, and what opening that door costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import resilience_lab
from resilience_lab import errors, live, practice, simulation

LIVE = {"ChatAgent", "FaultyServer", "SentimentAgent"}


def in_a_new_interpreter(code):
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return ran.stdout.split()


@pytest.mark.parametrize("name", resilience_lab.__all__)
def test_every_name_in_all_is_there_and_documented(name):
    assert name == "JITTERS" or getattr(resilience_lab, name).__doc__


def test_every_name_is_listed_before_it_is_used():
    listed = in_a_new_interpreter("import resilience_lab; print(*dir(resilience_lab))")

    assert {*resilience_lab.__all__} | LIVE <= set(listed)


@pytest.mark.parametrize("package", [resilience_lab, live, practice, simulation])
def test_a_name_loads_no_module_before_it_is_used(package):
    name = package.__all__[0]
    code = f"import sys, {package.__name__} as p; before = len(sys.modules); p.{name}; "

    assert in_a_new_interpreter(f"{code}print(len(sys.modules) > before, '{name}' in vars(p))") == [
        "True",
        "True",
    ]


def test_every_error_can_be_caught_by_a_name_of_the_front_door():
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    raised = {name for name in kinds if issubclass(getattr(errors, name), Exception)}

    assert len(raised) > 15
    assert raised <= {*resilience_lab.__all__}


@pytest.mark.parametrize("name", sorted(LIVE))
def test_the_live_agents_come_when_they_are_asked_for(name):
    assert getattr(resilience_lab, name) is getattr(live, name)
    assert name not in resilience_lab.__all__


def test_other_names_are_missing_as_usual():
    with pytest.raises(AttributeError, match="module 'resilience_lab' has no attribute 'Chat'"):
        _ = resilience_lab.Chat


def test_importing_it_loads_hardly_anything():
    loaded = in_a_new_interpreter(
        "import sys, resilience_lab; print(*(m for m in sys.modules if 'resilience_lab' in m))"
    )

    assert len(loaded) < 7
    assert "resilience_lab.breaker" not in loaded


def test_the_functions_win_over_the_modules_of_their_name():
    code = "import resilience_lab.retry, resilience_lab as r; print(callable(r.deadline))"

    assert in_a_new_interpreter(code) == ["True"]


def test_importing_everything_needs_no_extra():
    code = (
        "import sys; from resilience_lab import *; "
        "print(*({'httpx', 'tornado', 'pandas', 'numpy', 'ipywidgets'} & set(sys.modules)), 'ok')"
    )

    assert in_a_new_interpreter(code) == ["ok"]
