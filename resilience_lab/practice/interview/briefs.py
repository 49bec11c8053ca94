"""What the interviewer says at the beginning of each part, as HTML.

The notebook shows a brief folded, for one part alone and for readers without a kernel; in the full
mock interview it comes when its part begins.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of the interview: its `pattern` as in reports, its `title`, minutes and `brief`."""

    pattern: str
    title: str
    minutes: int
    brief: str


BREAKER = Part(
    "circuit breaker",
    "Part A: circuit breaker",
    20,
    """\
<p><b>The interviewer says:</b> "Our agents call a model's API. When the API goes down, every caller
sits through a timeout, and the API gets no rest. Put a circuit breaker in between, in asyncio.</p>
<ul>
<li><i>CLOSED</i>: calls pass. After <code>failure_threshold</code> failures in a row it opens.</li>
<li><i>OPEN</i>: nothing is called, and the caller gets an error at once, of whatever type you like.
When <code>recovery_timeout</code> seconds have passed, the next call is let through to see whether
the API is well again.</li>
<li><i>HALF_OPEN</i>: that is the state from then on. After <code>success_threshold</code> successes
it closes; one failure opens it for another break.</li>
</ul>
<p><code>await breaker.call(func, *args, **kwargs)</code> returns what the async function returns
and raises what it raises. <code>breaker.state</code> is a string or an Enum. Make the simple story
work first. Then tell me what happens when fifty calls arrive just as the break is over, when the
call that is let through hangs or is cancelled, and when a call that began before it opened ends
after it."</p>""",
)

RETRY = Part(
    "retry with backoff",
    "Part B: retry with backoff",
    15,
    """\
<p><b>The interviewer says:</b> "Some failures are over in a second. Write
<code>retry_with_backoff(func, max_retries=3, base_delay=1.0)</code>. It awaits
<code>func()</code>; if that raises, it waits and tries again. The waits double: 1, 2, 4 seconds for
a <code>base_delay</code> of one. <code>max_retries</code> counts the <i>re</i>-tries, so three of
them are up to four calls. When the last one fails, the caller wants that error itself, and wants it
at once.</p>
<p>Then tell me what you do for a caller who cancels, and for a service that says when to come back:
its error has an attribute <code>retry_after</code>, in seconds. And if a thousand clients run your
code against the same outage?"</p>""",
)

FALLBACK = Part(
    "fallback agents",
    "Part C: fallback agents",
    15,
    """\
<p><b>The interviewer says:</b> "When the best model cannot answer, ask the next best. An agent has
a <code>name</code> and an async method <code>run(query)</code>. Write a class
<code>FallbackOrchestrator</code> with <code>execute_with_fallback(query, primary_agent,
fallback_agents)</code>. It asks the primary agent, then the fallbacks in order, and returns a dict:
the answer, who gave it, and at which level, 0 for the primary. If nobody answers, it raises, and
the log has to show what went wrong with each.</p>
<p>Then tell me what you do about an agent that hangs, and about a user who leaves while the first
agent is still thinking."</p>""",
)

TESTS = Part(
    "tests",
    "Testing",
    10,
    """\
<p><b>The interviewer says:</b> "Now we change seats. I have written all three, and each time I have
made a mistake, of a kind that has been shipped before, some by libraries that you may be using.
Write tests that find them. A test must pass on code that is right: a false alarm costs you the
test."</p>
<p>A test is a function, async or not, that takes what it tests by name:
<code>CircuitBreaker</code>, <code>retry_with_backoff</code> or <code>FallbackOrchestrator</code>.
It says with <code>assert</code> what should be so. It runs in virtual time, on our model solution
first and then on each of our mutants.</p>
<p>What our versions can do beyond the brief: <code>retry_with_backoff</code> takes the keywords
<code>max_delay</code> (seconds, no wait is longer) and <code>jitter</code> (0 to 1, the share of a
wait that is random), and when all agents fail, the orchestrator raises an
<code>ExceptionGroup</code> of their errors, in order.</p>""",
)

PARTS = (BREAKER, RETRY, FALLBACK, TESTS)
"""In the order of the hour."""
