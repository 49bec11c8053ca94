"""What `resilience_lab` offers at its front door."""

from __future__ import annotations

import pytest

import resilience_lab
from resilience_lab import live


def test_every_name_in_all_is_there_and_documented():
    assert len(set(resilience_lab.__all__)) == len(resilience_lab.__all__)
    for name in resilience_lab.__all__:
        assert name == "JITTERS" or getattr(resilience_lab, name).__doc__


@pytest.mark.parametrize("name", ["ChatAgent", "FaultyServer", "SentimentAgent"])
def test_the_live_agents_come_when_they_are_asked_for(name):
    assert getattr(resilience_lab, name) is getattr(live, name)
    assert name not in resilience_lab.__all__  # `import *` needs no extra


def test_other_names_are_missing_as_usual():
    with pytest.raises(AttributeError, match="module 'resilience_lab' has no attribute 'Chat'"):
        _ = resilience_lab.Chat
