"""The examples in the docstrings of the fallback agents, as Shift+Tab shows them."""

from __future__ import annotations

import doctest
import sys

import pytest

from resilience_lab import Agent, FallbackOrchestrator


@pytest.mark.parametrize("kind", [Agent, FallbackOrchestrator])
def test_the_examples_of_its_file_work(kind):
    results = doctest.testmod(sys.modules[kind.__module__])

    assert results.attempted > 0
    assert results.failed == 0
