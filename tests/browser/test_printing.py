"""The saved cheat sheet in a browser: one side of A4, nothing cut off, readable in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from lab import axe_core
from playwright.sync_api import Page, sync_playwright

from resilience_lab.practice.last_hour.cheat_sheet import cheat_sheet

A4_INSIDE = {"width": 718, "height": 1047}  # pixels: 190 mm by 277 mm, within the margins
PAGES = re.compile(rb"/Type\s*/Page\b")
STICKS_OUT = """() => [...document.querySelectorAll("body *")].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.right > innerWidth + 1 || box.bottom > innerHeight + 1
    || (node.localName === "td" && node.scrollWidth > node.clientWidth);
}).map((node) => node.textContent.slice(0, 60))"""


@pytest.fixture(scope="module")
def saved(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The stand-alone page, opened as a file."""
    path = tmp_path_factory.mktemp("sheet") / "sheet.html"
    cheat_sheet().save(path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=A4_INSIDE)
        page.goto(path.as_uri())
        yield page
        browser.close()


def test_it_prints_on_one_side_of_a4(saved: Page):
    assert len(PAGES.findall(saved.pdf(format="A4"))) == 1
    assert len(PAGES.findall(saved.pdf(prefer_css_page_size=True))) == 1


def test_in_print_nothing_sticks_out_of_the_page(saved: Page):
    saved.emulate_media(media="print")

    assert saved.evaluate(STICKS_OUT) == []
    saved.emulate_media(media="screen")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 400])
def test_on_a_screen_it_fits_and_shuts_nobody_out(saved: Page, width: int, scheme: str):
    saved.emulate_media(media="screen", color_scheme=scheme)
    saved.set_viewport_size({"width": width, "height": 4000})

    assert saved.evaluate(STICKS_OUT) == []
    saved.evaluate(axe_core())
    found = saved.evaluate("async () => (await axe.run()).violations.map((v) => v.id)")
    assert found == []
    saved.set_viewport_size(A4_INSIDE)


def test_in_the_dark_it_is_light_on_dark_and_in_print_dark_on_light(saved: Page):
    colours = "(({ color, backgroundColor }) => [color, backgroundColor])"
    of_page = f"{colours}(getComputedStyle(document.documentElement))"
    saved.emulate_media(media="screen", color_scheme="dark")
    dark = saved.evaluate(of_page)
    saved.emulate_media(media="print", color_scheme="dark")
    printed = saved.evaluate(of_page)
    saved.emulate_media(media="screen", color_scheme="light")

    assert dark == ["rgb(238, 238, 238)", "rgb(17, 17, 17)"]
    assert printed == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
