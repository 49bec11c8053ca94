from __future__ import annotations

import asyncio

from resilience_lab.errors import AgentTimeoutError, RateLimitedError
from resilience_lab.fallback import FallbackOrchestrator
from resilience_lab.live import ChatAgent, FaultyServer, Hang, RateLimit, SentimentAgent

ANSWER = "Sentiment: Positive (confidence: 0.64)"


def test_the_local_agent_answers_when_one_model_hangs_and_the_next_is_rate_limited():
    async def main():
        script = {"gpt-4": [Hang()], "gpt-3.5": [RateLimit(retry_after=20)]}
        async with FaultyServer(script) as server:
            first = ChatAgent("GPT-4", server.base_url, "gpt-4", timeout=0.05)
            second = ChatAgent("GPT-3.5", server.base_url, "gpt-3.5")
            chain = FallbackOrchestrator()
            rest = [second, SentimentAgent()]
            return await chain.execute_with_fallback("I love this", first, rest)

    result = asyncio.run(main())

    assert result["result"] == ANSWER
    assert (result["agent_used"], result["fallback_level"]) == ("SentimentAgent", 2)
    outcomes = [(a["agent"], a["outcome"], type(a["error"])) for a in result["attempts"]]
    assert outcomes == [
        ("GPT-4", "timeout", AgentTimeoutError),
        ("GPT-3.5", "failed", RateLimitedError),
        ("SentimentAgent", "success", type(None)),
    ]
    assert result["attempts"][1]["error"].retry_after == 20.0


def test_the_chain_may_be_the_one_that_loses_patience():
    async def main():
        async with FaultyServer({"gpt-4": [Hang()]}) as server:
            agent = ChatAgent("GPT-4", server.base_url, "gpt-4")
            chain = FallbackOrchestrator(attempt_timeout=0.05)
            return await chain.execute_with_fallback("I love this", agent, [SentimentAgent()])

    result = asyncio.run(main())

    assert result["result"] == ANSWER
    assert type(result["attempts"][0]["error"]) is AgentTimeoutError
