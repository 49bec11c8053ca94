"""JupyterLab, or Notebook 7, for the tests: a server of its own, a notebook open in a browser."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, Page

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
IN_PAGE = Path(__file__).with_name("in_page.js")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDTH, HEIGHT = 1280, 900
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # a train without a network
)
NARROW = (1024, 768)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
TIMING, NO_EFFECT, SCREENSHOTS = "timing", "no effect", "screenshots"  # in a test's report
START_LIMIT = 60  # seconds until the server answers
RUN_LIMIT = 120  # seconds for all cells of a notebook
ANSWER_LIMIT = 10  # seconds until a key press has to show; far above what is normal
WARM_UP, PRESSES = 2, 20
# Seconds for the timings of a notebook: once over, the controls that are left are pressed twice.
MEASURING = float(os.environ.get("MEASURING_SECONDS", "8"))
QUIET = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # every output in the page
}
# By the module that is run: the application's name in its settings, and where a notebook opens.
APPS = {"jupyterlab": ("LabApp", "lab/tree"), "notebook": ("JupyterNotebookApp", "notebooks")}


@dataclass(frozen=True)
class Lab:
    """A running server; `folder` is what it shows as its root, `opens` where a notebook opens."""

    url: str
    token: str
    folder: Path
    opens: str

    def address(self, path: str) -> str:
        """Where a browser finds a notebook, by its path from the root, in a tidy workspace."""
        return f"{self.url}{self.opens}/{path}?reset&token={self.token}"


def axe_core() -> str:
    """The source of axe-core, as the package for Playwright carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@contextmanager
def running_lab(folder: Path, private: Path, app: str = "jupyterlab") -> Iterator[Lab]:
    """One of `APPS` on a free port of this machine, with settings and state in `private` alone."""
    name, opens = APPS[app]
    settings = private / "config" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(QUIET), encoding="utf-8")
    token = secrets.token_hex(16)
    environment = {name: value for name, value in os.environ.items() if "JUPYTER" not in name}
    environment |= {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "IPYTHONDIR": str(private / "ipython"),
    }
    command = [sys.executable, "-m", app, "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    command += [f"--{name}.expose_app_in_browser=True"]
    log = private / "server.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        url = _url_when_it_answers(server, private / "runtime" / f"jpserver-{server.pid}.json", log)
        yield Lab(url, token, folder, opens)
    finally:
        server.terminate()  # it ends its kernels, too
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


def _url_when_it_answers(server: subprocess.Popen[bytes], info: Path, log: Path) -> str:
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and server.poll() is None:
        try:
            url = str(json.loads(info.read_text(encoding="utf-8"))["url"])
            with urlopen(f"{url}login", timeout=5):  # noqa: S310 - it is ours
                return url
        except (OSError, ValueError, URLError):
            time.sleep(0.1)
    raise RuntimeError(f"The server does not start:\n{log.read_text(errors='replace')}")


class Control(NamedTuple):
    """A control of a widget; a group of radio buttons is one, with as many options."""

    kind: str
    name: str
    options: int

    @property
    def title(self) -> str:
        """What a reader would call it."""
        return f"{self.kind} '{self.name}'"


@dataclass
class Timing:
    """How long after a key press the first and the last change were in the page, in ms."""

    control: str
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    presses: int = 0
    effect: bool = False  # something else in the widget has changed, a warm-up included

    def row(self) -> list[str]:
        """The cells of a table: control, changes of presses, then p50 and p95 of both."""
        cells = [self.control, f"{len(self.last)}/{self.presses}"]
        for values in (self.first, self.last):
            many = len(values) >= 5
            cuts = quantiles(values, n=20, method="inclusive") if many else []
            cells += [f"{cuts[9]:.0f}", f"{cuts[18]:.0f}"] if many else ["-", "-"]
        return cells


class OpenNotebook:
    """A notebook in a browser, all cells run. `complaints` is what went wrong on the way."""

    def __init__(self, context: BrowserContext, lab: Lab, path: str) -> None:
        self.page: Page = context.new_page()
        self._console: list[str] = []
        self._deadline = 0.0
        self.page.on("console", lambda m: m.type == "error" and self._console.append(m.text))
        self.page.on("pageerror", lambda error: self._console.append(str(error)))
        self.page.add_init_script(path=IN_PAGE)
        self.page.set_default_timeout(RUN_LIMIT * 1000)
        self.page.goto(lab.address(path))
        self.page.wait_for_function("path => inPage.opened(path)", arg=path)
        written = json.loads((lab.folder / path).read_text(encoding="utf-8"))["cells"]
        self._code = sum(cell["cell_type"] == "code" for cell in written)
        self._run()

    def again(self) -> None:
        """Run all cells in a kernel that has run nothing."""
        self.page.evaluate("inPage.restart()")
        self._run()

    def _run(self) -> None:
        self.cells: list[dict[str, Any]] = self._ask("run")
        assert len(self.cells) == self._code
        outputs = [output for cell in self.cells for output in cell["outputs"]]
        self.widgets = range(sum(WIDGET_VIEW in output.get("data", {}) for output in outputs))
        self.page.wait_for_function("n => inPage.drawn(n)", arg=len(self.widgets))
        self.complaints = [*self._of_cells(), *self.news()]

    def _ask(self, function: str, *arguments: Any) -> Any:
        return self.page.evaluate(f"arguments => inPage.{function}(...arguments)", list(arguments))

    def _of_cells(self) -> Iterator[str]:
        for number, cell in enumerate(self.cells, start=1):
            if cell["count"] is None and cell["source"].strip():
                yield f"code cell {number} did not run"
            for output in cell["outputs"]:
                kind = output["output_type"]
                if kind == "error" and "raises-exception" not in cell["tags"]:
                    yield f"code cell {number}: {output['ename']}: {output['evalue']}"
                if output.get("name") == "stderr":
                    yield f"code cell {number}: stderr: {''.join(output['text'])}"

    def news(self) -> list[str]:
        """Errors in the console or from a callback in the kernel, since the last time."""
        console = [f"console: {text}" for text in self._console]
        self._console.clear()
        callbacks = dict.fromkeys(self.page.evaluate("inPage.complaints.splice(0)"))
        return [*console, *(f"callback: {text}" for text in callbacks)]

    def misfits(self) -> list[str]:
        """What is wider than its output, scrolls sideways or is cut off."""
        return [
            f"widget {w + 1}: {misfit}" for w in self.widgets for misfit in self._ask("misfits", w)
        ]

    def violations(self, theme: str) -> list[str]:
        """What shuts people out of the outputs under one of `THEMES`, as axe-core sees it."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            THEMES[theme],
        )
        light = json.dumps(theme == "light")
        self.page.wait_for_selector(f"body[data-jp-theme-light={light!r}]", state="attached")
        self.page.evaluate(axe_core())
        return list(self._ask("violations"))

    def resize(self, width: int) -> None:
        """Make the window so many pixels wide, and wait until the page has followed."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def texts(self, widget: int, selector: str) -> list[str]:
        """What the elements in a widget that match `selector` say."""
        return list(self._ask("texts", widget, selector))

    def controls(self, widget: int) -> list[Control]:
        """The controls that can be used now."""
        return [Control(*known) for known in self._ask("known", widget)]

    def press(self, widget: int, control: int, turn: int = 0) -> dict[str, Any]:
        """Focus a control, press its keys, wait for the answer; odd turns go back."""
        for key in self._ask("arm", widget, control, turn):
            self.page.keyboard.press(key)
        return dict(self._ask("settled", ANSWER_LIMIT * 1000))

    def tabbed(self, widget: int) -> set[int]:
        """The controls that the Tab key stops at, from above the widget to below it."""
        stops: set[int] = set()
        self._ask("enter", widget)
        for _ in range(200):
            self.page.keyboard.press("Tab")
            stop = self._ask("tabStop", widget)
            if stop is None:
                break
            stops.add(stop)
        return stops

    def operate(self, measuring: float = MEASURING) -> tuple[list[str], list[Timing]]:
        """Use every control by keyboard: what does not work, and how long it took."""
        problems: list[str] = []
        timings: list[Timing] = []
        self._deadline = time.monotonic() + measuring
        for widget in self.widgets:
            stops = self.tabbed(widget)
            for number, control in enumerate(self.controls(widget)):
                if number not in stops:
                    problems.append(f"widget {widget + 1}: {control.title}: not reached by Tab")
            before, number = len(timings), 0
            # Counted anew each time: a control may add or remove others.
            while number < len(known := self.controls(widget)):
                if known[number].kind != "field":
                    timing = Timing(f"widget {widget + 1}: {known[number].title}")
                    problem = self._try(widget, number, timing)
                    problems += [f"{timing.control}: {problem}"] if problem else []
                    timings.append(timing)
                number += 1
            if timings[before:] and not any(timing.effect for timing in timings[before:]):
                problems.append(f"widget {widget + 1}: no control changes anything but itself")
        return [*problems, *self.news()], timings

    def _try(self, widget: int, control: int, timing: Timing) -> str:
        """Press a control again and again, while there is time to measure; say what is wrong."""
        known = self.controls(widget)
        for turn in range(WARM_UP + PRESSES):
            if turn >= WARM_UP and time.monotonic() > self._deadline:
                break
            answer = self.press(widget, control, turn)
            if not answer["operated"]:
                return "the key does nothing"
            if not answer["keeps_focus"]:
                return "loses the focus"
            timing.effect = timing.effect or answer["last"] is not None
            if answer["last"] is not None and not answer["together"]:
                return "what it changes is on another screen"
            if turn >= WARM_UP:
                timing.presses += 1
                if answer["last"] is not None:
                    timing.first.append(answer["first"])
                    timing.last.append(answer["last"])
            if self.controls(widget) != known:
                break
        return ""

    def far_apart(self, widget: int) -> list[str]:
        """The sliders and lists of which all that they change is on another screen."""
        found, number = [], 0
        while number < len(known := self.controls(widget)):  # counted anew: see `operate`
            if known[number].kind in ("slider", "select"):
                answer = self.press(widget, number)
                if answer["last"] is not None and not answer["together"]:
                    found.append(f"widget {widget + 1}: {known[number].title}")
            number += 1
        return found

    def screenshot(self, widget: int, path: Path) -> None:
        """The page as a reader sees it, as high as the widget needs."""
        height = self._ask("show", widget) + 200
        self.page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, height)})
        self._ask("show", widget)
        self.page.screenshot(path=path)
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
