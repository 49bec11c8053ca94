from __future__ import annotations

import asyncio

import pytest

from resilience_lab.live import SentimentAgent, sentiment_agent


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("I love this", "Sentiment: Positive (confidence: 0.64)"),
        ("I hate this", "Sentiment: Negative (confidence: 0.57)"),
        ("This is a table", "Sentiment: Neutral (confidence: 1.00)"),
        ("", "Sentiment: Neutral (confidence: 1.00)"),
    ],
)
def test_the_query_is_the_text_that_is_judged(text, answer):
    assert asyncio.run(SentimentAgent().run(text)) == answer


@pytest.mark.parametrize(
    ("compound", "judgement"),
    [
        (0.05, ("Positive", 0.05)),
        (0.0499, ("Neutral", 0.9501)),
        (0.0, ("Neutral", 1.0)),
        (-0.0499, ("Neutral", 0.9501)),
        (-0.05, ("Negative", 0.05)),
        (-1.0, ("Negative", 1.0)),
    ],
)
def test_the_thresholds_are_those_of_the_paper(compound, judgement):
    label, confidence = sentiment_agent._judge(compound)

    assert (label, confidence) == (judgement[0], pytest.approx(judgement[1]))


def test_it_is_called_after_its_class_unless_told_otherwise():
    assert SentimentAgent().name == "SentimentAgent"
    assert SentimentAgent("Last resort").name == "Last resort"


def test_the_word_list_is_read_once_and_not_before_the_first_query():
    sentiment_agent._analyzer.cache_clear()
    agents = [SentimentAgent("a"), SentimentAgent("b")]
    assert sentiment_agent._analyzer.cache_info().misses == 0

    for agent in agents:
        asyncio.run(agent.run("fine"))

    assert sentiment_agent._analyzer.cache_info().misses == 1
