"""The defects of a fallback chain."""

from __future__ import annotations

from resilience_lab.practice.bug_hunt.mutant import Mutant

FALLBACK = (
    Mutant(
        "stops at the first fallback",
        "fallback",
        "Two of three providers are down, and the third, which is well, is never asked.",
        "Let the primary and the first fallback fail.",
        "[primary_agent, *fallback_agents]",
        "[primary_agent, *fallback_agents[:1]]",
    ),
    Mutant(
        "asks the fallbacks in the wrong order",
        "fallback",
        "The cheap last resort answers while the better one was free.",
        "Use two fallbacks that are both well, and look which one answered.",
        "[primary_agent, *fallback_agents]",
        "[primary_agent, *reversed(fallback_agents)]",
    ),
    Mutant(
        "counts the levels from one",
        "fallback",
        "The dashboard says that the fallback answered when the primary did.",
        "Look at fallback_level when the primary answers.",
        "enumerate([primary_agent, *fallback_agents])",
        "enumerate([primary_agent, *fallback_agents], start=1)",
    ),
    Mutant(
        "always names the primary",
        "fallback",
        "Bills and quality are booked on the wrong model.",
        "Look at agent_used when a fallback answers.",
        '"agent_used": agent.name',
        '"agent_used": primary_agent.name',
    ),
    Mutant(
        "asks everybody at once",
        "fallback",
        "Fast, and each query is paid for three times.",
        "Count the calls of the fallbacks when the primary answers.",
        "                    result = await agent.run(query)\n",
        "                    everybody = [agent, *fallback_agents[level:]]\n"
        "                    result, *_ = await asyncio.gather(\n"
        "                        *(one.run(query) for one in everybody), return_exceptions=True\n"
        "                    )\n"
        "                    if isinstance(result, Exception):\n"
        "                        raise result\n",
    ),
    Mutant(
        "falls back when it is cancelled",
        "fallback",
        "The user closes the page, and the next model is asked for nobody.",
        "Cancel while the primary is running, and count the calls of the fallback.",
        "            except Exception as error:  # not CancelledError: the caller has gone\n",
        "            except BaseException as error:\n",
    ),
    Mutant(
        "waits for a hung agent for ever",
        "fallback",
        "The primary accepts the connection and says nothing; healthy fallbacks stand by.",
        "Let the primary hang: a fallback should answer in the end.",
        "asyncio.timeout(self.attempt_timeout)",
        "asyncio.timeout(None)",
    ),
    Mutant(
        "falls back from connection errors only",
        "fallback",
        "A rate limit, or any error that nobody thought of, goes straight to the user.",
        "Let the primary raise an exception of your own.",
        "            except Exception as error:  # not CancelledError: the caller has gone\n",
        "            except (ConnectionError, TimeoutError) as error:\n",
    ),
    Mutant(
        "loses the first error",
        "fallback",
        "Only the last resort's complaint is left, and the cause of it all is gone.",
        "Let all agents fail, and look for the primary's error in what comes out.",
        "                errors.append(error)\n",
        "                errors = [error]\n",
    ),
    Mutant(
        "says only that all have failed",
        "fallback",
        "An alert at night that says nothing but 'all agents failed'.",
        "Let all agents fail, and look for their errors in what comes out.",
        '        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)\n',
        '        raise RuntimeError("no agent answered")\n',
    ),
    Mutant(
        "returns an empty answer when all fail",
        "fallback",
        "The user sees a blank page, the monitoring sees a success.",
        "Let all agents fail: an error must come out.",
        '        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)\n',
        '        return {"result": "", "agent_used": agent.name, "fallback_level": level}\n',
    ),
    Mutant(
        "tells the next agent of the error",
        "fallback",
        "The fallback answers a question about a stack trace, and an internal address leaks.",
        "Look at the query that reaches the fallback.",
        "                errors.append(error)\n",
        "                errors.append(error)\n"
        '                query = f"{query} (the agent before you failed: {error})"\n',
    ),
    Mutant(
        "changes the caller's list",
        "fallback",
        "The list of fallbacks is configuration, and it changes with every query.",
        "Ask twice with the same list.",
        "        for level, agent in enumerate([primary_agent, *fallback_agents]):\n",
        "        fallback_agents.insert(0, primary_agent)\n"
        "        for level, agent in enumerate(fallback_agents):\n",
        "LiteLLM, until BerriAI/litellm pull request 30624",
    ),
)
