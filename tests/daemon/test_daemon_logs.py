"""Writing to stderr never blocks, even if its reader is slow, stops reading, or is gone."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from acdcore.daemon import logs
from acdcore.daemon.logs import LineWriter, queued_stderr

WITHIN_S = 5.0


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + WITHIN_S
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A thread that outlived its test would write into the pipe of the next one."""
    yield
    assert eventually(lambda: not any(thread.name == "log" for thread in threading.enumerate()))


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Read and write end; closing one of them early is fine."""
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for descriptor in (reader, writer):
            try:
                os.close(descriptor)
            except OSError:
                continue


def read_all(reader: int) -> bytes:
    """What comes until the other end is closed."""
    return b"".join(iter(lambda: os.read(reader, 65_536), b""))


def test_lines_come_out_in_order_and_whole() -> None:
    with pipe() as (reader, descriptor):
        writer = LineWriter(descriptor)
        writer.start()
        for number in range(1_000):
            writer.put(b"line %d" % number)
        writer.close()
        os.close(descriptor)
        assert read_all(reader) == b"".join(b"line %d\n" % number for number in range(1_000))
    assert (writer.dropped, writer.problem()) == (0, "")


def test_pipe_that_nobody_reads_holds_up_nobody_and_is_reported_with_what_was_dropped() -> None:
    with pipe() as (_, descriptor):
        writer = LineWriter(descriptor, waiting_bytes_max=100_000)
        writer.start()
        began = time.monotonic()
        for _ in range(20_000):
            writer.put(b"x" * 99)
        assert time.monotonic() - began < 2.0
        assert writer.dropped > 10_000
        assert "nobody reads stderr" in writer.problem() and f"{writer.dropped} lines" in writer.problem()
        writer.close()


def test_line_says_how_many_were_dropped_once_they_flow_again() -> None:
    with pipe() as (reader, descriptor):
        writer = LineWriter(descriptor, waiting_bytes_max=100_000)
        writer.start()
        for _ in range(5_000):
            writer.put(b"x" * 99)
        taken = b""
        while b"log_lines_dropped" not in taken:
            taken += os.read(reader, 65_536)
        assert eventually(lambda: writer.problem() == "")
        writer.put(b"and on")
        while not taken.endswith(b"and on\n"):
            taken += os.read(reader, 65_536)
        writer.close()
        assert writer.dropped == sum(int(count) for count in re.findall(rb'"count":(\d+)', taken)) > 1_000
        assert taken.count(b"x" * 99 + b"\n") == 5_000 - writer.dropped


def test_reader_who_is_gone_raises_nothing_and_holds_up_no_end() -> None:
    with pipe() as (reader, descriptor):
        os.close(reader)
        writer = LineWriter(descriptor)
        writer.start()
        writer.put(b"to nobody")
        assert eventually(lambda: "Broken pipe" in writer.problem())
        began = time.monotonic()
        writer.close()
        assert time.monotonic() - began < 0.5


def test_end_does_not_wait_for_a_reader_who_sleeps() -> None:
    with pipe() as (_, descriptor):
        writer = LineWriter(descriptor)
        writer.start()
        for _ in range(2_000):
            writer.put(b"x" * 99)
        began = time.monotonic()
        writer.close()
        assert time.monotonic() - began < logs.LAST_LINES_WITHIN_S + 1.0


def test_absurdly_long_line_is_cut_and_takes_no_more_than_its_room() -> None:
    with pipe() as (reader, descriptor):
        writer = LineWriter(descriptor)
        writer.put(b"x" * 10_000_000)
        writer.start()
        os.set_blocking(reader, True)
        taken = b""
        while not taken.endswith(b"\n"):
            taken += os.read(reader, 65_536)
        assert len(taken) == logs.LINE_BYTES_MAX + 1
        writer.close()


def test_everything_that_python_says_goes_through_the_queue(capfd: pytest.CaptureFixture[str]) -> None:
    former = sys.stderr
    with queued_stderr() as writer:
        print("one", "and", "two", file=sys.stderr)
        sys.stderr.write("no end")
    assert sys.stderr is former
    assert capfd.readouterr().err == "one and two\nno end\n"
    assert writer.dropped == 0
