"""Phones that send no audio: those that live are left alone, those that are gone are found."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import ORDINARY, PATIENT, hotline
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.tones import CALLER_HZ, SYSTEM_HZ
from tests.wire.watch import Facts, Operator

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

LOST_AFTER_S = 5
SILENT_FOR_S = 2 * LOST_AFTER_S
FOUND_WITHIN_S = 3.0 * LOST_AFTER_S
"""The limit, the question that a lost phone does not answer, and a busy machine."""
HELD_FOUND_WITHIN_S = 50.0
"""Who holds is asked every 30 s."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(open_directory: Path) -> AsyncIterator[Daemon]:
    """A daemon that misses its peers soon."""
    environment = {"ACDCORE_MEDIA__LOST_AFTER_S": str(LOST_AFTER_S)}
    settings = hotline(open_directory / "silence", free_port(socket.SOCK_DGRAM), environment=environment)
    async with Daemon(settings) as daemon:
        yield daemon


def listed(told: Facts, key: str) -> list[Facts]:
    rows = told[key]
    assert isinstance(rows, list)
    return rows


async def test_talk_of_two_muted_phones_goes_on(strict: Daemon) -> None:
    async with (
        Operator(strict) as operator,
        Phone(PhoneSettings(strict.sip)) as caller,
        Phone(PhoneSettings(strict.sip)) as agent_phone,
    ):
        await take_seat(operator, agent_phone, "1001")
        party = await dial_in(caller, PATIENT)
        agent = await pick_up(agent_phone)
        await both_talk(party, agent)
        for each in (party, agent):
            each.call.sound.mute(True)
        await asyncio.sleep(SILENT_FOR_S)
        for each in (party, agent):
            each.call.sound.mute(False)
        await both_talk(party, agent)
        party.call.hang_up()
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["ended_by"], ended["served_by"]) == ("answered", "caller", "1001")
        await agent.gone()
        await agent_phone.unregister("1001")


async def test_caller_whose_agent_drops_off_the_network_hears_so_and_is_served_by_the_next(strict: Daemon) -> None:
    async with (
        Operator(strict) as operator,
        Phone(PhoneSettings(strict.sip)) as caller,
        Phone(PhoneSettings(strict.sip)) as lost,
        Phone(PhoneSettings(strict.sip)) as agent_phone,
    ):
        await take_seat(operator, lost, "1001")
        party = await dial_in(caller, PATIENT)
        await both_talk(party, await pick_up(lost))
        await take_seat(operator, agent_phone, "1002")
        await lost.unplug()
        assert await party.ear.hear(SYSTEM_HZ["agent-lost"], FOUND_WITHIN_S)
        second = await pick_up(agent_phone, FOUND_WITHIN_S)
        await both_talk(party, second)
        assert (await operator.get("/v1/agents/1001"))["state"] not in ("ready", "talking")
        party.call.hang_up()
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["served_by"]) == ("answered", "1002")
        assert [each["agent"] for each in listed(ended, "segments") if each["agent"]] == ["1001", "1002"]
        stored = await operator.stored(ended["call_id"])
        (gone,) = [event["detail"] for event in listed(stored, "events") if event["kind"] == "media_lost"]
        assert isinstance(gone, dict)
        assert (gone["whose"], gone["agent"]) == ("agent", "1001")
        await second.gone()
        await agent_phone.unregister("1002")


async def test_caller_who_drops_off_the_network_is_found_and_the_agent_is_free(strict: Daemon) -> None:
    async with Operator(strict) as operator, Phone(PhoneSettings(strict.sip)) as agent_phone:
        await take_seat(operator, agent_phone, "1001")
        async with Phone(PhoneSettings(strict.sip)) as caller:
            await both_talk(await dial_in(caller, PATIENT), agent := await pick_up(agent_phone))
            await caller.unplug()
            assert await agent.gone(FOUND_WITHIN_S) == "bye"
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["end_cause"], ended["served_by"]) == ("media_lost", "1001")
        await operator.becomes("1001", "ready")
        await agent_phone.unregister("1001")


async def test_phone_that_died_while_it_held_is_found(strict: Daemon) -> None:
    async with Operator(strict) as operator, Phone(PhoneSettings(strict.sip)) as agent_phone:
        await take_seat(operator, agent_phone, "1001")
        async with Phone(PhoneSettings(strict.sip)) as caller:
            party = await dial_in(caller, PATIENT)
            agent = await pick_up(agent_phone)
            await both_talk(party, agent)
            await party.call.hold()
            assert not await agent.ear.hear(CALLER_HZ, 1.0)
            await caller.unplug()
            assert await agent.gone(HELD_FOUND_WITHIN_S) == "bye"
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["end_cause"], ended["served_by"]) == ("media_lost", "1001")
        await agent_phone.unregister("1001")
