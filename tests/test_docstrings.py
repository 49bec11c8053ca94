"""What Shift+Tab shows in a notebook: every parameter by its name, and examples that hold."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

from resilience_lab import desk, plots, run_virtual, simulation, virtual_time, widgets
from resilience_lab.desk.course import lay, lay_again
from resilience_lab.desk.store import Store, store
from resilience_lab.widgets.backoff import BackoffExplorer
from resilience_lab.widgets.breaker import BreakerExplorer
from resilience_lab.widgets.breaker.scenario import tell_story
from resilience_lab.widgets.fallback import FallbackExplorer
from resilience_lab.widgets.fallback.scenario import AgentSpec, tell_fallback
from resilience_lab.widgets.nesting import ChainExplorer
from resilience_lab.widgets.nesting.scenario import Link, tell_composition
from resilience_lab.widgets.replay import Replay
from resilience_lab.widgets.storm import StormExplorer
from resilience_lab.widgets.storm.scenario import Outage, Tactics, tell_storm
from resilience_lab.widgets.whiteboard import whiteboard

ROOMS = (desk, plots, simulation, virtual_time, widgets)
MODULES = [
    module.name
    for room in ROOMS
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
]
FUNCTIONS = [
    *(getattr(simulation, name) for name in simulation.__all__),
    *(getattr(plots, name) for name in plots.__all__ if name != "Table"),
    *(lay, lay_again, store, tell_story, tell_fallback, tell_composition, tell_storm, whiteboard),
]
CLASSES = [
    *(plots.Table, Store, AgentSpec, Link, Outage, Tactics, Replay, BackoffExplorer),
    *(BreakerExplorer, FallbackExplorer, ChainExplorer, StormExplorer),
]
EXAMPLES = [
    *("adaptive_throttle", "amplification", "backoff_load", "collapse", "contention"),
    *("delay_table", "expected_delay", "retry_strategies", "run_virtual", "sample_delays"),
    *(name for name in plots.__all__ if name.endswith("_summary")),
]


def sections(thing):
    """The text of each section of its docstring, by the heading."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.getdoc(thing), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(thing):
    names = re.findall(r"^(\S.*)$", sections(thing).get("Parameters", ""), re.MULTILINE)
    return [name.lstrip("*") for line in names for name in line.split(", ")]


@pytest.mark.parametrize("thing", [*FUNCTIONS, *CLASSES], ids=lambda thing: thing.__name__)
def test_every_parameter_is_documented_and_no_other(thing):
    assert documented(thing) == list(inspect.signature(thing).parameters)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_says_what_it_returns(function):
    assert sections(function)["Returns"].strip()


@pytest.mark.parametrize("name", EXAMPLES)
def test_there_is_an_example(name):
    owner = simulation if name in simulation.__all__ else plots

    assert ">>> " in sections(getattr(owner, name))["Examples"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_hold(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_run_virtual_says_when_it_refuses():
    assert "DeadlockError" in sections(run_virtual)["Raises"]
