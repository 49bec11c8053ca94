"""What a block prints and displays, held back until it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOBase
from typing import Any, TypeAlias

from IPython.core.displaypub import DisplayPublisher
from IPython.core.getipython import get_ipython

Output: TypeAlias = dict[str, Any]
"""One output as a notebook file holds it, and as `ipywidgets.Output.outputs` takes it."""


@contextmanager
def held_output() -> Iterator[list[Output]]:
    """Collect, in order, what the block prints and displays (outside a notebook: prints).

    What the block raises passes, after all that was held has been shown.
    """
    held: list[Output] = []
    shell = get_ipython()
    stdout, publisher = sys.stdout, getattr(shell, "display_pub", None)
    sys.stdout = _Printed(held)
    if shell is not None:
        shell.display_pub = _Displayed(held)
    try:
        yield held
    except BaseException:
        _put_back(shell, stdout, publisher)
        show(held)
        raise
    _put_back(shell, stdout, publisher)


def show(outputs: list[Output]) -> None:
    """Print and display now what was held."""
    shell: Any = get_ipython()
    for output in outputs:
        if output["output_type"] == "stream":
            print(output["text"], end="")  # noqa: T201
        else:
            shell.display_pub.publish(output["data"], output["metadata"])


def displayed(bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> Output:
    """The output that displays `bundle`, a text for each media type."""
    return {"output_type": "display_data", "data": bundle, "metadata": metadata or {}}


def _put_back(shell: Any, stdout: Any, publisher: Any) -> None:
    sys.stdout = stdout
    if shell is not None:
        shell.display_pub = publisher


class _Printed(TextIOBase):
    def __init__(self, held: list[Output]) -> None:
        self._held = held

    def write(self, text: str) -> int:
        last = self._held[-1] if self._held else {}
        if last.get("output_type") == "stream":
            last["text"] += text
        else:
            self._held.append({"output_type": "stream", "name": "stdout", "text": text})
        return len(text)


class _Displayed(DisplayPublisher):
    def __init__(self, held: list[Output]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._held = held

    def publish(self, data: Any, metadata: Any = None, *_: Any, **__: Any) -> None:
        self._held.append(displayed(data, metadata))

    def clear_output(self, wait: bool = False) -> None:  # noqa: ARG002 - the base class has it
        self._held.clear()
