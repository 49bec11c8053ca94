"""Only Part B, with equal jitter by default and a cap, as a class behind the function."""

import asyncio
import random


class Retrier:
    def __init__(self, max_retries, base_delay, max_delay):
        self.max_retries = max_retries
        self.base_delay = base_delay
        self.max_delay = max_delay

    def delay(self, attempt, error):
        ceiling = min(self.max_delay, self.base_delay * 2 ** min(attempt, 60))
        wait = ceiling / 2 + random.uniform(0, ceiling / 2)
        hint = getattr(error, "retry_after", None)
        return hint + wait if isinstance(hint, (int, float)) and hint > 0 else wait

    async def run(self, func):
        attempt = 0
        while True:
            try:
                return await func()
            except Exception as error:
                if attempt == self.max_retries:
                    raise
                wait = self.delay(attempt, error)
            attempt += 1
            await asyncio.sleep(wait)


async def retry_with_backoff(func, max_retries=3, base_delay=1.0, max_delay=60.0):
    return await Retrier(max_retries, base_delay, max_delay).run(func)
