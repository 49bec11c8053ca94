"""`Countdown`: pressed as in a browser, with a clock that the test moves."""

from __future__ import annotations

import pytest

from resilience_lab.practice.interview.clock import Countdown


class Clock:
    """Seconds that pass when the test says so. It begins at an odd number, as real ones do."""

    def __init__(self):
        self.now = 1234.5

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def part(clock):
    return Countdown("Part A: <breaker>", 20, seconds=clock)


def test_before_the_start_no_time_passes(part, clock):
    clock.now += 600

    assert (part.spent, part.remaining, part.running) == (0.0, 1200.0, False)
    assert (part.face.left, part.face.running) == (1200.0, False)
    assert part.status.text == "Not started."
    assert part.toggle.description == "Start"


def test_it_runs_from_the_first_press(part, clock):
    part.toggle.click()
    clock.now += 61.5

    assert (part.spent, part.remaining, part.running) == (61.5, 1138.5, True)
    assert part.toggle.description == "Pause"


def test_a_pause_takes_no_time(part, clock):
    part.toggle.click()
    clock.now += 60
    part.toggle.click()
    clock.now += 600

    assert (part.spent, part.running) == (60.0, False)
    assert (part.face.left, part.face.running) == (1140.0, False)
    assert part.status.text == "Paused."

    part.toggle.click()
    clock.now += 30
    assert part.spent == 90.0


def test_the_page_counts_down_from_what_is_left_at_the_press(part, clock):
    part.toggle.click()
    clock.now += 61.5
    part.toggle.click()
    part.toggle.click()

    assert (part.face.left, part.face.running, part.face.until) == (1138.5, True, 0.0)
    assert part.status.text == "Running: started with 18:59 of 20:00 left."


def test_the_page_is_asked_again_when_it_will_be_over_after_a_pause(part, clock):
    part.toggle.click()
    part.face.until = 1.8e12  # the page has worked it out

    part.toggle.click()
    part.toggle.click()

    assert part.face.until == 0.0


def test_running_the_cell_again_shows_the_same_clock(part, clock):
    part.toggle.click()
    clock.now += 60

    again = Countdown("Part A: <breaker>", 20, seconds=clock)

    assert (again.running, again.spent) == (True, 60.0)
    assert again.toggle.description == "Pause"
    assert (again.face.left, again.face.running) == (1140.0, True)
    again.toggle.click()
    assert not part.running


def test_each_part_has_a_clock_of_its_own(part, clock):
    part.toggle.click()

    assert not Countdown("Part B", 20, seconds=clock).running


def test_while_it_runs_the_kernel_is_left_alone(part, clock):
    part.toggle.click()
    shown = part.face.get_state()
    clock.now += 300

    assert part.remaining == 900.0
    assert part.face.get_state() == shown


@pytest.mark.parametrize("running", [True, False])
def test_reset_gives_all_the_time_back(part, clock, running):
    part.toggle.click()
    clock.now += 60
    if not running:
        part.toggle.click()

    part.again.click()
    clock.now += 60

    assert (part.spent, part.remaining, part.running) == (0.0, 1200.0, False)
    assert part.status.text == "Not started."


def test_an_overrun_is_counted_and_the_clock_stays_at_zero(part, clock):
    part.toggle.click()
    clock.now += 1500
    part.toggle.click()

    assert (part.spent, part.remaining) == (1500.0, 0.0)
    assert (part.face.left, part.face.running) == (0.0, False)


def test_its_text_says_the_same_before_and_after_a_press(part):
    told = "Part A: <breaker>: 20 minutes on a clock with start, pause and reset."
    assert part._repr_mimebundle_()["text/plain"] == told

    part.toggle.click()

    assert part._repr_mimebundle_()["text/plain"] == told


def test_a_screen_reader_hears_of_presses_and_knows_whose_button_it_is(part):
    assert part.toggle.tooltip == "Start Part A: <breaker>"
    part.toggle.click()

    assert part.toggle.tooltip == "Pause Part A: <breaker>"
    assert part.again.tooltip == "Reset Part A: <breaker>"
    assert part.status.text.startswith("Running")
    assert part.face.label == "time left"


def test_the_name_is_escaped(part):
    assert "Part A: &lt;breaker&gt;" in part.children[0].value


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_minutes_must_be_positive(minutes):
    with pytest.raises(ValueError, match="minutes must be a finite number"):
        Countdown("A", minutes)


def test_a_part_needs_a_name():
    with pytest.raises(ValueError, match="part must not be empty"):
        Countdown("", 20)
