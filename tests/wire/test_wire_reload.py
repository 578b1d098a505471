"""Reload with calls up, by signal and over HTTP: new settings for the next call, old ones for calls in progress."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import HOTLINE, PATIENT, RING_FOR_S, SERVICE
from tests.wire.parties import Party, answer, both_talk, dial_in, pick_up, rung, take_seat
from tests.wire.tones import GREETING_HZ, SYSTEM_HZ, WELCOME_BACK_HZ
from tests.wire.watch import Facts, Operator

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="session")]

RINGING = "13900000021"
TALKING = "13900000022"


OVERFLOW = 'max_wait_s = 1\noverflow = { wait = { announcement = "system.closed" } }\n'
"""What the patient queue is given: nobody waits there longer than a second any more."""


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    """The file with something else in it, until the block is left."""
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new))
    try:
        yield
    finally:
        file.write_text(text)


async def reload_by_signal(daemon: Daemon, operator: Operator) -> Facts:
    """SIGHUP, and what came of it."""
    before = operator.told().count("reloaded")
    os.kill(daemon.pid, signal.SIGHUP)
    return await operator.nth("reloaded", before + 1)


async def calls_up(operator: Operator, caller: Phone, agent_phone: Phone) -> tuple[Party, Party, Party, Party]:
    """One caller talks to an agent, one rings at another's phone."""
    await take_seat(operator, agent_phone, "1001")
    talker = await dial_in(caller, SERVICE, TALKING)
    talks = await pick_up(agent_phone)
    assert await both_talk(talker, talks)
    await take_seat(operator, agent_phone, "1002")
    waiter = await dial_in(caller, PATIENT, RINGING)
    rings = await rung(agent_phone)
    return talker, talks, waiter, rings


async def greeted(caller: Phone, frequency_hz: float) -> None:
    """The next caller hears that greeting."""
    party = await dial_in(caller, HOTLINE)
    assert await party.ear.hear(frequency_hz, 5)
    party.call.hang_up()


def keys_of(report: Facts) -> list[str]:
    """What the report says has changed."""
    changes = report["changes"]
    assert isinstance(changes, list)
    return sorted(str(change["key"]) for change in changes)


async def test_next_caller_meets_the_new_settings_and_calls_that_are_up_go_on(own_daemon: Daemon) -> None:
    config, phones = own_daemon.settings.directory / "config", PhoneSettings(own_daemon.sip)
    async with Operator(own_daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
        talker, talks, waiter, rings = await calls_up(operator, caller, agent_phone)
        flow = config / "ivr" / "hotline.toml"
        queues = "[queues.patient]\nskills = { service = 1 }\n"
        with (
            changed(flow, 'wav = "greeting.wav"', 'wav = "welcome-back.wav"'),
            changed(config / "acdcore.toml", queues, queues + OVERFLOW),
        ):
            report = await reload_by_signal(own_daemon, operator)
            assert (report["is_applied"], report["problems"]) == (True, [])
            assert "queues.patient.max_wait_s" in keys_of(report), keys_of(report)
            await greeted(caller, WELCOME_BACK_HZ)
            new = await dial_in(caller, PATIENT)
            assert await new.ear.hear(SYSTEM_HZ["closed"], 5), "the queue's new rule holds for those who come now"
            await new.gone()
            assert not waiter.call.ended.is_set(), "who came before keeps the rules of then"
            answer(rings)
            assert await both_talk(waiter, rings)
            talker.ear.forget()
            talks.ear.forget()
            assert await both_talk(talker, talks)
        report = await operator.tell("POST", "/v1/reload")
        assert report["is_applied"]
        await greeted(caller, GREETING_HZ)
        for party in (talker, waiter):
            party.call.hang_up()
        for number, agent in ((TALKING, "1001"), (RINGING, "1002")):
            ended = await operator.ended(caller=number)
            assert (ended["outcome"], ended["agent"], ended["ended_by"]) == ("answered", agent, "caller")
        assert await operator.settle() == {}


async def test_broken_file_changes_nothing_and_is_named_with_its_key(own_daemon: Daemon) -> None:
    config, phones = own_daemon.settings.directory / "config", PhoneSettings(own_daemon.sip)
    async with Operator(own_daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
        talker, talks, waiter, rings = await calls_up(operator, caller, agent_phone)
        file, flow = config / "acdcore.toml", config / "ivr" / "hotline.toml"
        with (
            changed(flow, 'wav = "greeting.wav"', 'wav = "welcome-back.wav"'),
            changed(file, f"ring_for_s = {RING_FOR_S}", 'ring_for_s = "soon"'),
        ):
            for report in (
                await operator.tell("POST", "/v1/reload", 409),
                await reload_by_signal(own_daemon, operator),
            ):
                (problem,) = as_texts(report["problems"])
                assert str(file) in problem
                assert "queues.service.ring_for_s" in problem
                assert report["is_applied"] is False
            await greeted(caller, GREETING_HZ)
        with changed(flow, 'next = "menu"', 'next = "nowhere"'):
            (problem,) = as_texts((await operator.tell("POST", "/v1/reload", 409))["problems"])
            assert str(flow) in problem
            assert "nodes.greeting" in problem
            await greeted(caller, GREETING_HZ)
        answer(rings)
        assert await both_talk(waiter, rings)
        talks.ear.forget()
        assert await both_talk(talker, talks)
        waiter.call.hang_up()
        talker.call.hang_up()
        assert await operator.settle() == {}


def as_texts(rows: object) -> list[str]:
    """The problems of a report."""
    assert isinstance(rows, list)
    return [str(row) for row in rows]
