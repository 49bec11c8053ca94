"""The picture of load over time has the data of its frames."""

from __future__ import annotations

import pandas as pd
import pytest

from resilience_lab.plots import load_over_time, load_summary


def frame(tactics, offered, answered):
    seconds = range(len(offered))
    return pd.DataFrame(
        {"t": seconds, "offered": offered, "answered": answered, "tactics": tactics}
    )


PLAIN = frame("no jitter", [1, 9, 2], [1, 2, 2])
SPREAD = frame("full jitter", [1, 4, 4], [1, 3, 3])


def test_each_panel_has_a_line_for_each_frame_a_capacity_and_an_outage():
    figure = load_over_time([PLAIN, SPREAD], 3.0, (1.0, 1.5), "A storm")
    above, below = figure.axes

    for axes, column in ((above, "offered"), (below, "answered")):
        capacity, *lines = axes.lines
        assert set(capacity.get_ydata()) == {3.0}
        assert [list(line.get_ydata()) for line in lines] == [
            list(PLAIN[column]),
            list(SPREAD[column]),
        ]
        assert len({line.get_linestyle() for line in lines}) == 2
        assert axes.get_ylabel() == f"{column} per second"
        assert axes.patches[0].get_extents().width > 0
    assert above.get_title(loc="left") == "A storm"
    assert [text.get_text() for text in above.get_legend().texts] == ["no jitter", "full jitter"]


def test_the_summary_says_how_much_and_when_it_was_most():
    assert load_summary(PLAIN) == (
        "no jitter: 12 calls, 5 answered; at most 9 in a second, at 1 s."
    )


def test_there_are_only_so_many_kinds_of_line():
    with pytest.raises(ValueError, match="frames must be at most 4, got 5"):
        load_over_time([PLAIN] * 5, 3.0, (1.0, 2.0))
