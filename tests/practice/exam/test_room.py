"""The room: hostile code comes to an end there, and everything is put back at the door."""

# ruff: noqa: ASYNC110, ASYNC250, ASYNC251, N818, RUF006, S110, SIM105 - code that a learner might write

from __future__ import annotations

import asyncio
import builtins
import datetime
import gc
import logging
import random
import sys
import threading
import time
import warnings
from datetime import datetime as datetime_itself
from time import monotonic, perf_counter_ns, sleep

import pytest

from resilience_lab.practice.exam.room import START, Room
from resilience_lab.practice.exam.stand_ins import BlockedError
from resilience_lab.practice.exam.wording import shown
from resilience_lab.virtual_time.clocks import EPOCH

lock_of_the_module = threading.Lock()


def ran(learners, *, subject=None):
    """How a trial ends that awaits `learners()`."""
    with Room(subject or learners) as room:

        async def trial():
            return await room.drive(learners())

        return room.run(trial)


def world():
    """What the room changes while an answer is in it."""
    return (
        time.time, time.time_ns, time.monotonic, time.perf_counter, time.sleep,
        datetime.datetime, threading.Lock, threading.Thread.start, builtins.input,
        sys.stdout, sys.stderr, sys.unraisablehook, sys.gettrace(), warnings.filters[:],
        logging.root.manager.disable, random.getstate(), threading.active_count(),
        monotonic, sleep, datetime_itself, lock_of_the_module,
    )  # fmt: skip


async def spins():
    while True:
        pass


async def spins_and_catches_everything():
    while True:
        try:
            await asyncio.sleep(0)
            while True:
                pass
        except BaseException:
            pass


async def awaits_for_ever():
    while True:
        await asyncio.sleep(1)


async def refuses_to_end():
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            pass


async def waits_for_ever():
    await asyncio.Event().wait()


async def locks_twice():
    with lock_of_the_module, lock_of_the_module:
        pass


async def waits_for_a_thread():
    threading.Event().wait()


async def starts_a_thread():
    threading.Timer(30, print).start()


async def asks():
    input("Continue? ")


async def exits():
    sys.exit(3)


async def interrupts():
    raise KeyboardInterrupt


async def recurs():
    return await recurs()


async def fails():
    raise ValueError(f"no  {object()}\nway {'x' * 200}")


async def fails_without_words():
    raise ValueError


async def fails_in_every_way():
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError

    raise Unprintable


async def leaves_a_task_that_spins():
    async def background():
        try:
            await asyncio.sleep(1000)
        finally:
            while True:
                pass

    asyncio.ensure_future(background())
    await asyncio.sleep(0)


async def leaves_a_callback_that_spins():
    def callback():
        while True:
            pass

    asyncio.get_running_loop().call_later(1, callback)
    await asyncio.sleep(2)


RAN_ON = "it never came to an end: it went round and round without awaiting anything"
ENDLESS = "it never came to an end: it went on and on, awaiting one thing after another"
ALONE = "it waited for a lock that nobody else could release"


@pytest.mark.parametrize(
    ("learners", "verdict"),
    [
        (spins, RAN_ON),
        (spins_and_catches_everything, RAN_ON),
        (awaits_for_ever, ENDLESS),
        (refuses_to_end, ENDLESS),
        (waits_for_ever, "it waited for ever: nothing was left that could wake it"),
        (locks_twice, ALONE),
        (waits_for_a_thread, ALONE),
        (starts_a_thread, "it started a thread, and asyncio code needs none"),
        (asks, "it asked for input, and nobody is there"),
        (exits, "it raised SystemExit: 3 (line "),
        (interrupts, "it raised KeyboardInterrupt (line "),
        (recurs, "it called itself without end"),
        (fails, "it raised ValueError: no <object object> way xxx"),
        (fails_without_words, "it raised ValueError (line "),
        (fails_in_every_way, "it raised Unprintable (line "),
        (leaves_a_task_that_spins, RAN_ON),
        (leaves_a_callback_that_spins, RAN_ON),
    ],
)
def test_a_verdict_whatever_happens(learners, verdict, capfd):
    before = world()

    seen = ran(learners)

    assert seen.startswith(verdict)
    assert ran(learners) == seen
    assert world() == before
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_nobody_is_there_to_be_asked():
    with Room(asks) as room:
        assert room.run(asks).startswith("it asked for input, and nobody is there (line ")


async def test_the_room_can_be_entered_while_a_loop_is_running():
    outer = asyncio.get_running_loop()

    assert ran(spins) == RAN_ON

    assert asyncio.get_running_loop() is outer
    await asyncio.sleep(0)


def test_what_is_printed_logged_or_warned_of_goes_nowhere(capfd):
    async def noisy():
        print("hello")
        print("hello", file=sys.stderr)
        logging.getLogger("learner").critical("hello")
        warnings.warn("hello", stacklevel=1)
        asyncio.sleep(1)  # never awaited
        asyncio.ensure_future(fails())  # nobody looks at the error
        await asyncio.sleep(0)

    assert ran(noisy) is None
    gc.collect()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("enabled", [True, False])
def test_a_task_that_hangs_is_not_collected(enabled):
    ended = []

    async def hangs():
        try:
            await asyncio.sleep(float("inf"))
        finally:
            ended.append(True)

    async def learners():
        asyncio.ensure_future(hangs())
        await asyncio.sleep(0)
        _ = [*map(list, [()] * 100_000)]  # enough to begin a collection, were there any
        return str(ended)

    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        assert ran(learners) == "[]"
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_chance_is_the_same_in_each_trial_and_goes_on_afterwards():
    with Room() as room:

        async def trial():
            return str(random.random())

        state = random.getstate()
        first, second = room.run(trial), room.run(trial)

        assert first == second
        assert random.getstate() == state


class Clocks:
    """Every way to get hold of a clock."""

    attribute = monotonic
    static = staticmethod(time.time)
    lock = threading.Lock()

    def __init__(self, default=time.perf_counter, *, keyword=time.monotonic_ns):
        enclosed = time.time

        self.read = {
            "attribute": lambda: self.attribute(),
            "static": lambda: self.static() - EPOCH,
            "default": default,
            "keyword": lambda: keyword() / 1e9,
            "enclosed": lambda: enclosed() - EPOCH,
            "imported": monotonic,
            "imported_ns": lambda: perf_counter_ns() / 1e9,
            "module": lambda: time.time() - EPOCH,
            "ns": lambda: time.time_ns() / 1e9 - EPOCH,
            "now": lambda: datetime_itself.now().timestamp() - EPOCH,
            "today": lambda: datetime_itself.today().timestamp() - EPOCH,
            "aware": lambda: datetime.datetime.now(datetime.UTC).timestamp() - EPOCH,
            "utcnow": lambda: (
                datetime_itself.utcnow().replace(tzinfo=datetime.UTC).timestamp() - EPOCH
            ),
            "loop": lambda: asyncio.get_running_loop().time(),
        }


def test_every_clock_follows_virtual_time():
    shown = {}
    with Room(Clocks) as room:

        async def trial():
            clocks = Clocks()
            await asyncio.sleep(30)
            shown.update({name: read() for name, read in clocks.read.items()})

        assert room.run(trial) is None

    assert len(shown) == 14
    for name, seconds in shown.items():
        assert seconds == pytest.approx(START + 30, abs=1e-5), name


def test_only_the_wall_clock_jumps():
    shown = {}
    with Room(Clocks) as room:

        async def trial():
            room.wall_offset = -3600.0
            shown.update({name: read() for name, read in Clocks().read.items()})

        room.run(trial)
        assert room.run(trial) is None

    jumped = {name for name, seconds in shown.items() if seconds < 0}
    assert jumped == {"static", "enclosed", "module", "ns", "now", "today", "aware", "utcnow"}


def test_a_clock_in_an_enclosing_function_is_found():
    clock = time.monotonic

    class Reads:
        def time(self):
            return clock()

    with Room(Reads) as room:
        assert Reads().time() == START
        assert room.now() == START
    assert clock is time.monotonic


def test_a_variable_without_a_value_is_no_obstacle():
    class Reads:
        def time(self):
            return later()

    with Room(Reads):
        pass

    def later():
        return time.monotonic()

    assert Reads().time() == later() or Reads().time() > 0


def test_properties_methods_and_bases_are_searched():
    class Base:
        @classmethod
        def kind(cls, clock=time.monotonic):
            return clock()

    class Reads(Base):
        @property
        def time(self, clock=time.monotonic):
            return clock()

    with Room(Reads().kind, Reads):
        assert (Reads().time, Reads.kind()) == (START, START)
    assert Reads.kind() != START


def test_datetimes_are_datetimes_inside_and_outside():
    async def learners():
        now = datetime_itself.now()
        assert isinstance(now, datetime_itself)
        assert issubclass(type(now), datetime_itself)
        assert datetime_itself(2020, 1, 1) + datetime.timedelta(1) == datetime_itself(2020, 1, 2)
        assert datetime_itself.__name__ == "datetime"

    with Room(learners) as room:
        assert room.run(learners) is None


def test_time_sleep_passes_the_time_and_is_remembered():
    with Room(sleep) as room:

        async def trial():
            time.sleep(2)
            room.call(sleep, 3)
            return str((room.slept, room.now()))

        assert room.run(trial) == str((5.0, START + 5))
        assert room.run(trial) == str((5.0, START + 5))
        sleep(1000)  # between two trials no time passes

        async def nonsense():
            time.sleep(-1)

        assert "sleep length must be a number >= 0, got -1" in room.run(nonsense)


def test_a_lock_still_locks():
    async def learners():
        lock = threading.Lock()
        assert lock.acquire()
        assert lock.locked()
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=5)
        with pytest.raises(BlockedError):
            lock.acquire()
        lock.release()
        with lock:
            pass
        assert not lock.locked()
        assert asyncio.get_running_loop().time() == START + 5

    with Room(learners) as room:
        assert room.run(learners) is None
        assert room.now() == START


def test_stand_ins_that_were_kept_do_as_the_real_ones_once_the_room_is_left(monkeypatch):
    kept = {}

    async def keeps():
        kept.update(
            clock=time.monotonic, sleep=time.sleep, lock=threading.Lock(), factory=threading.Lock,
            start=threading.Thread.start, now=datetime.datetime.now,
        )  # fmt: skip

    with Room(keeps) as room:
        assert room.run(keeps) is None

    assert kept["clock"]() == pytest.approx(time.monotonic(), abs=60)
    assert kept["now"]().timestamp() == pytest.approx(time.time(), abs=60)
    kept["sleep"](0)
    with kept["lock"]:
        assert kept["lock"].locked()
    assert type(kept["factory"]()) is type(threading.Lock())
    thread = threading.Thread(target=int)
    kept["start"](thread)
    thread.join()


def test_other_threads_keep_their_real_clock():
    seen = []
    real = time.monotonic

    with Room():
        go, done = threading.RLock(), []
        reader = _Reader(seen, done)
        reader.run_in_a_real_thread()
        assert go is not None

    assert seen[0] == pytest.approx(real(), abs=60)
    assert seen[0] != START


class _Reader:
    def __init__(self, seen, done):
        self.seen = seen
        self.done = done

    def run_in_a_real_thread(self):
        import _thread

        def read():
            self.seen.append(time.monotonic())
            self.done.append(True)

        _thread.start_new_thread(read, ())
        while not self.done:
            pass


def test_a_blocked_error_is_told_in_its_own_words():
    async def learners():
        raise BlockedError("it is stuck")

    assert ran(learners).startswith("it is stuck (line ")


def test_what_has_no_repr_is_shown_by_its_type():
    class Secretive:
        def __repr__(self):
            raise RuntimeError

    assert shown(Secretive()) == "a Secretive"
    assert shown("x" * 200) == f"'{'x' * 96}..."


def test_after_one_trial_that_ran_on_the_others_get_less():
    with Room(spins, awaits_for_ever) as room:
        lines = []

        async def counted():
            while True:
                lines.append(1)

        assert room.run(lambda: room.drive(counted())) == RAN_ON
        first = len(lines)
        lines.clear()
        assert room.run(lambda: room.drive(counted())) == RAN_ON

    assert len(lines) < first / 10
