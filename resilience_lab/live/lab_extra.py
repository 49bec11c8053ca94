"""One sentence for every missing library: what was asked for, and how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lab_extra(feature: str) -> Iterator[None]:
    """Around the imports that `feature` needs: an `ImportError` there says what to install."""
    try:
        yield
    except ImportError as error:
        advice = "pip install 'resilience_lab[lab]'"
        raise ImportError(f"{feature} needs the 'lab' extra: {advice}", name=error.name) from error
