"""The examples in the docstrings of the live agents, run against a real server."""

from __future__ import annotations

import doctest
import sys

import pytest

from resilience_lab.live import ChatAgent, FaultyServer, SentimentAgent, parse_retry_after


@pytest.mark.parametrize("thing", [ChatAgent, FaultyServer, SentimentAgent, parse_retry_after])
def test_the_examples_of_its_file_work(thing):
    results = doctest.testmod(sys.modules[thing.__module__])

    assert results.attempted > 0
    assert results.failed == 0
