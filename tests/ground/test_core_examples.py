"""What Shift+Tab shows of ground, retry and breaker is complete, and its examples are true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

from resilience_lab import breaker, ground, retry

FILES = [
    f"{folder.__name__}.{file.name}"
    for folder in (ground, retry, breaker)
    for file in pkgutil.iter_modules(folder.__path__)
]
CLASSES_AND_FUNCTIONS = {
    name: thing
    for folder in (retry, breaker)
    for name, thing in vars(folder).items()
    if name in folder.__all__ and callable(thing)
}
TAKE_NO_ARGUMENTS = {"State", "TripRule"}


@pytest.mark.parametrize("file", FILES)
def test_the_examples_of_a_file_work(file):
    assert doctest.testmod(importlib.import_module(file)).failed == 0


@pytest.mark.parametrize("name", sorted(CLASSES_AND_FUNCTIONS.keys() - TAKE_NO_ARGUMENTS))
def test_what_takes_arguments_says_what_each_means(name):
    thing = CLASSES_AND_FUNCTIONS[name]
    text = inspect.getdoc(thing)

    assert all(f"\n{section}\n---" in text for section in ("Parameters", "Examples"))
    described = text.split("Parameters\n")[1].split("\n\n")[0].replace("*", "").replace(",", "")
    missing = set(inspect.signature(thing).parameters) - set(described.split())
    assert missing == set()
