from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lab.live import parse_retry_after

NOON = "Sun, 06 Nov 1994 12:00:00 GMT"
# A header knows whole seconds only, and a year before 100 would be read as one with two digits.
MOMENTS = st.datetimes(min_value=datetime(100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
DATES = MOMENTS.map(lambda moment: format_datetime(moment, usegmt=True))
HEADERS = st.text() | st.text(alphabet=" ,:-+.0123456789GMTSunNov") | DATES


def noon() -> float:
    return datetime(1994, 11, 6, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "seconds"), [("0", 0.0), ("20", 20.0), (" 1.5 ", 1.5), ("3.", 3.0), ("007", 7.0)]
)
def test_a_number_is_seconds(value, seconds):
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 06 Nov 1994 12:00:30 GMT",
        "Sunday, 06-Nov-94 12:00:30 GMT",
        "Sun Nov  6 12:00:30 1994",
    ],
)
def test_each_date_format_of_the_rfc_counts_from_the_servers_own_date(date):
    assert parse_retry_after(date, NOON, now=lambda: math.pi) == 30.0


@pytest.mark.parametrize("server_date", [None, "yesterday"])
def test_a_date_counts_from_our_clock_if_the_server_tells_no_date(server_date):
    assert parse_retry_after("Sun, 06 Nov 1994 12:00:30 GMT", server_date, noon) == 30.0


def test_the_wall_clock_is_ours_by_default():
    assert parse_retry_after(NOON) == 0.0


def test_a_date_in_the_past_means_now():
    assert parse_retry_after("Sun, 06 Nov 1994 11:00:00 GMT", NOON) == 0.0


@pytest.mark.parametrize(
    "value",
    [None, "", "-1", "nan", "inf", "1e3", "1_0", "٣", "+5", "5, 6", "9" * 400, "soon", "Sun, 06"],
)
def test_what_is_neither_a_number_nor_a_date_is_no_hint(value):
    assert parse_retry_after(value) is None


@given(HEADERS, st.none() | HEADERS)
def test_any_header_gives_a_finite_wait_or_none(value, server_date):
    seconds = parse_retry_after(value, server_date)

    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(st.floats(min_value=0, max_value=1e9))
def test_every_number_of_seconds_survives_the_header(seconds):
    assert parse_retry_after(f"{seconds:f}") == pytest.approx(seconds, abs=1e-6)


@given(MOMENTS, MOMENTS)
def test_a_wait_between_two_dates_is_what_the_calendar_says(due, sent):
    seconds = parse_retry_after(
        format_datetime(due, usegmt=True), format_datetime(sent, usegmt=True)
    )

    assert seconds == max(0.0, (due - sent).total_seconds())
