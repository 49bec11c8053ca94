"""An agent without a network: it judges a text by a word list, in-process.

The last resort of a chain should have as little in common as possible with what failed before it.
This one is cruder than a language model, and it answers when nothing else does.
"""

from __future__ import annotations

from functools import cache

from resilience_lab.fallback.agents import BaseAgent
from resilience_lab.live.lab_extra import lab_extra

with lab_extra("SentimentAgent"):
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_THRESHOLD = 0.05


class SentimentAgent(BaseAgent):
    """Says whether a text is positive, negative or neutral; the query *is* the text.

    Parameters
    ----------
    name
        Tells the agent from the others of a chain.

    Notes
    -----
    The score is VADER's `compound`, from -1 to 1, and the thresholds are VADER's, too: positive
    from 0.05 up, negative from -0.05 down (Hutto and Gilbert, "VADER: A Parsimonious Rule-based
    Model for Sentiment Analysis of Social Media Text", 2014). The confidence is the strength of
    that score, abs(compound), or 1 - abs(compound) if neutral. It is not a probability: 0.78 does
    not mean that 78 of 100 such texts are positive.

    Examples
    --------
    >>> import asyncio
    >>> asyncio.run(SentimentAgent().run("What a wonderful day!"))
    'Sentiment: Positive (confidence: 0.61)'
    """

    def __init__(self, name: str = "SentimentAgent") -> None:
        super().__init__(name)

    async def run(self, query: str) -> str:
        """For example "Sentiment: Positive (confidence: 0.78)"; a text without words is neutral."""
        label, confidence = _judge(_analyzer().polarity_scores(query)["compound"])
        return f"Sentiment: {label} (confidence: {confidence:.2f})"


def _judge(compound: float) -> tuple[str, float]:
    if compound >= _THRESHOLD:
        return "Positive", compound
    if compound <= -_THRESHOLD:
        return "Negative", -compound
    return "Neutral", 1 - abs(compound)


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    """Reads the word list from disk once, for the first query of the first agent."""
    return SentimentIntensityAnalyzer()
