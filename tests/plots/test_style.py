"""A picture for who sees it, and words for who does not."""

from __future__ import annotations

from base64 import b64decode

from matplotlib.colors import to_hex

from resilience_lab.plots.style import CARD, Picture
from resilience_lab.widgets.breaker import BreakerExplorer


def test_a_picture_is_shown_as_an_image_with_alternative_text():
    picture = Picture((2, 1), "A & B", "2 calls.")

    bundle = picture._repr_mimebundle_()

    assert picture.words == bundle["text/plain"] == "A & B. 2 calls."
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_picture_without_a_title_has_its_words():
    assert Picture((2, 1), "", "2 calls.").words == "2 calls."


def test_every_picture_is_drawn_on_the_same_card():
    picture = BreakerExplorer("fail").picture()

    assert to_hex(picture.get_facecolor()) == CARD.lower()
    assert [axes.get_facecolor()[3] for axes in picture.axes] == [0.0]
