"""Promises 1.3 and 1.4: what the virtual loop does not have, and how a run ends."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from resilience_lab import DeadlockError, run_virtual
from resilience_lab.virtual_time import threads
from resilience_lab.virtual_time.no_network import NotInVirtualTimeError


async def now():
    return asyncio.get_running_loop().time()


# What there is not


async def serve(*_):
    pass


class Protocol(asyncio.Protocol):
    pass


NETWORK = {
    "create_connection": lambda loop: asyncio.open_connection("localhost", 80),
    "create_server": lambda loop: asyncio.start_server(serve, "localhost", 0),
    "create_unix_connection": lambda loop: loop.create_unix_connection(Protocol, "path"),
    "create_unix_server": lambda loop: loop.create_unix_server(Protocol, "path"),
    "create_datagram_endpoint": lambda loop: loop.create_datagram_endpoint(Protocol),
    "connect_accepted_socket": lambda loop: loop.connect_accepted_socket(Protocol, None),
    "connect_read_pipe": lambda loop: loop.connect_read_pipe(Protocol, sys.stdin),
    "connect_write_pipe": lambda loop: loop.connect_write_pipe(Protocol, sys.stdout),
    "start_tls": lambda loop: loop.start_tls(None, None, None),
    "sendfile": lambda loop: loop.sendfile(None, None),
    "sock_accept": lambda loop: loop.sock_accept(None),
    "sock_connect": lambda loop: loop.sock_connect(socket.socket(), ("localhost", 80)),
    "sock_recv": lambda loop: loop.sock_recv(None, 1),
    "sock_recv_into": lambda loop: loop.sock_recv_into(None, bytearray()),
    "sock_recvfrom": lambda loop: loop.sock_recvfrom(None, 1),
    "sock_recvfrom_into": lambda loop: loop.sock_recvfrom_into(None, bytearray()),
    "sock_sendall": lambda loop: loop.sock_sendall(None, b""),
    "sock_sendto": lambda loop: loop.sock_sendto(None, b"", None),
    "sock_sendfile": lambda loop: loop.sock_sendfile(None, None),
    "add_reader": lambda loop: loop.add_reader(0, print),
    "add_writer": lambda loop: loop.add_writer(0, print),
}


@pytest.mark.parametrize("method", NETWORK)
def test_promise_1_3_a_network_is_refused_with_a_sentence_that_says_what_to_use(method):
    async def main():
        refused = NETWORK[method](asyncio.get_running_loop())
        await refused

    with pytest.raises(NotInVirtualTimeError, match="virtual time has no network") as error:
        run_virtual(main)

    assert error.value.method == method
    assert "FaultyServer" in str(error.value)
    assert isinstance(error.value, NotImplementedError)


@pytest.mark.parametrize("run", [asyncio.create_subprocess_exec, asyncio.create_subprocess_shell])
def test_promise_1_3_subprocesses_are_refused_with_a_sentence(run):
    with pytest.raises(NotInVirtualTimeError, match="virtual time has no subprocesses") as error:
        run_virtual(run, "echo")

    assert "asyncio.to_thread(subprocess.run, ...)" in str(error.value)


def test_promise_1_3_signal_handlers_are_refused_with_a_sentence():
    async def main():
        asyncio.get_running_loop().add_signal_handler(2, print)

    with pytest.raises(NotInVirtualTimeError, match="virtual time has no signal handlers"):
        run_virtual(main)


async def test_there_is_nothing_to_remove():
    loop = asyncio.get_running_loop()

    assert not loop.remove_reader(0)
    assert not loop.remove_writer(0)
    assert not loop.remove_signal_handler(2)


def test_the_refusal_pickles():
    error = NotInVirtualTimeError("add_reader", "virtual time has no network")

    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# Tasks made by others


class Counted(asyncio.Task):
    made = 0

    def __init__(self, *args, **kwargs):
        Counted.made += 1
        super().__init__(*args, **kwargs)


def test_a_task_factory_is_honoured():
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **options: Counted(coro, loop=loop, **options))
        named = asyncio.create_task(asyncio.sleep(1), name="mine")
        context = contextvars.copy_context()
        unnamed = asyncio.create_task(asyncio.sleep(2), context=context)
        await asyncio.gather(named, unnamed)
        return type(named), named.get_name(), type(unnamed), unnamed.get_name(), await now()

    assert run_virtual(main) == (Counted, "mine", Counted, "task-3", 2.0)


def test_what_a_task_factory_made_is_cancelled_in_order_too():
    fate = []

    async def worker(number):
        try:
            await asyncio.sleep(100)
        finally:
            fate.append(number)

    async def main():
        loop = asyncio.get_running_loop()
        for number in range(30):
            make = None if number % 2 else lambda loop, coro, **kw: Counted(coro, loop=loop, **kw)
            loop.set_task_factory(make)
            tasks.append(loop.create_task(worker(number)))
        await asyncio.sleep(1)

    tasks = []
    run_virtual(main)

    assert fate == list(range(30))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_begin_at_once():
    async def work(log):
        log.append("begun")
        await asyncio.sleep(3)
        return "done"

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        log = []
        task = asyncio.create_task(work(log))
        left_over = asyncio.create_task(work(log))
        begun = list(log)
        assert not left_over.done()
        return begun, await task, await now()

    assert run_virtual(main) == (["begun", "begun"], "done", 3.0)


# Clean-up that does not end


async def waits_for_ever():
    try:
        yield 1
    finally:
        await asyncio.Event().wait()


async def sleeps_for_ever():
    try:
        yield 1
    finally:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(1)


async def goes_on():
    try:
        yield 1
    finally:
        yield 2


async def raises():
    try:
        yield 1
    finally:
        raise ZeroDivisionError


@pytest.mark.parametrize("generator", [waits_for_ever, sleeps_for_ever, goes_on, raises])
def test_promise_1_4_a_generator_that_will_not_close_does_not_cost_the_result(generator):
    async def main():
        kept.append(generator())
        return await anext(kept[0])

    kept = []

    assert run_virtual(main) == 1


def test_promise_1_4_a_generator_has_the_time_to_clean_up():
    ends = []

    async def generator():
        try:
            yield 1
        finally:
            await asyncio.sleep(60)
            ends.append(await now())

    async def main():
        kept.append(generator())
        return await anext(kept[0])

    kept = []
    run_virtual(main)

    assert ends == [60.0]


def test_promise_1_4_a_left_over_task_that_goes_on_for_ever_does_not_cost_the_result():
    async def stubborn():
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main():
        tasks.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(1)
        return "the result"

    tasks = []

    assert run_virtual(main) == "the result"


def test_two_runs_in_two_threads_at_the_same_time_do_not_disturb_each_other():
    async def main():
        for _ in range(100):
            await asyncio.to_thread(int)
            await asyncio.sleep(1)
        return await now()

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_virtual, main) for _ in range(2)]
        assert [run.result() for run in runs] == [100.0, 100.0]


def test_a_great_heap_of_objects_is_not_searched_to_its_end(monkeypatch):
    monkeypatch.setattr(threads, "REACH", 10)
    stop = threading.Event()

    def holds(heap):
        stop.wait()
        return heap

    async def main():
        heap = [[n] for n in range(1000)]
        heap.append([asyncio.get_running_loop()])
        threading.Thread(target=holds, args=(heap,), daemon=True).start()
        await asyncio.Event().wait()

    try:
        with pytest.raises(DeadlockError):
            run_virtual(main)
    finally:
        stop.set()
