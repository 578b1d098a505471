"""The SIP programs that come with Debian 12 register, are called and call, with nothing set up for them on our side."""

import asyncio
import socket
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Dialled, Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import ORDINARY, PATIENT, PROVIDED, PROVIDER, PROVIDER_PASSWORD, REALM, SERVICE, password_of
from tests.wire.parties import answer, both_talk, dial_in, rung, take_seat
from tests.wire.softphone import agents_phone
from tests.wire.stock_clients import HOST, Baresip, Program, challenging_kamailio, kamailio, linphonec, sipp, sipsak
from tests.wire.test_wire_call import require
from tests.wire.tones import AGENT_HZ, CALLER_HZ
from tests.wire.watch import Operator

from acdcore.kernel.address import Address

pytestmark = pytest.mark.wire

REGISTERED_WITHIN_S = 15.0
"""Starting a program on a busy machine; the exchange itself takes milliseconds."""


async def is_registered(operator: Operator, agent: str) -> bool:
    return (await operator.get(f"/v1/agents/{agent}"))["is_registered"] is True


async def test_debians_baresip_registers_answers_and_talks(
    daemon: Daemon, operator: Operator, caller: Phone, open_directory: Path, tmp_path: Path
) -> None:
    async with Baresip(tmp_path, daemon.sip, "1001", password_of("1001"), AGENT_HZ) as baresip:
        await baresip.until("200 OK", REGISTERED_WITHIN_S)
        await operator.make_ready("1001")
        party = await dial_in(caller, SERVICE)
        assert await party.ear.hear(AGENT_HZ, 10), baresip.said
        assert await baresip.hears(CALLER_HZ, 10), baresip.said
        party.call.hang_up()
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"]) == ("answered", "1001")


async def registers(linphone: Program) -> None:
    """Ask linphonec until it says so; by itself it says nothing."""
    async with asyncio.timeout(REGISTERED_WITHIN_S):
        while "registered, identity=" not in linphone.said:
            linphone.tell("status register")
            await asyncio.sleep(0.2)


async def test_debians_linphonec_registers_rings_and_answers(
    daemon: Daemon, operator: Operator, caller: Phone, tmp_path: Path
) -> None:
    async with linphonec(tmp_path, daemon.sip, "1002", password_of("1002"), REALM) as linphone:
        await registers(linphone)  # a phone of an earlier test may still be registered for the agent, though it is gone
        await operator.make_ready("1002")
        party = await dial_in(caller, PATIENT)
        await linphone.until("Receiving new incoming call", 10)
        linphone.tell("answer")
        await operator.becomes("1002", "talking")
        party.call.hang_up()
        await linphone.until("Call 1 with .* ended", 10)
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"]) == ("answered", "1002")


@pytest.mark.parametrize("program", [sipsak, sipp], ids=["sipsak", "sipp"])
async def test_debians_testers_register_with_credentials_and_not_with_wrong_ones(
    daemon: Daemon, operator: Operator, tmp_path: Path, program: object
) -> None:
    contact = Address(HOST, free_port(socket.SOCK_DGRAM))

    async def status(password: str) -> int:
        if program is sipsak:
            tester = sipsak(tmp_path, daemon.sip, "1003", password, contact)
        else:
            tester = sipp(tmp_path, daemon.sip, "1003", password)
        async with tester:
            return await tester.ended(REGISTERED_WITHIN_S)

    assert await status(password_of("1003")) == 0
    assert await is_registered(operator, "1003")
    assert await status("not the password") != 0


async def test_kamailio_is_a_trunk_by_credentials_at_the_address_of_a_trunk_without(
    daemon: Daemon, operator: Operator, agent_phone: Phone, tmp_path: Path
) -> None:
    proxy = Address(HOST, free_port(socket.SOCK_DGRAM))
    await take_seat(operator, agent_phone, "1004")
    async with (
        kamailio(tmp_path, daemon.sip, proxy.port, (PROVIDER, REALM, PROVIDER_PASSWORD)),
        Phone(PhoneSettings(proxy)) as behind,
    ):
        party = await dial_in(behind, PROVIDED)
        agent = await rung(agent_phone)
        answer(agent)
        assert await both_talk(party, agent)
        agent.call.hang_up()
        assert await party.gone() == "bye"
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["trunk"], ended["dialled"]) == ("answered", PROVIDER, PROVIDED)


async def test_kamailio_with_a_wrong_password_is_no_trunk(daemon: Daemon, operator: Operator, tmp_path: Path) -> None:
    proxy = Address(HOST, free_port(socket.SOCK_DGRAM))
    async with (
        kamailio(tmp_path, daemon.sip, proxy.port, (PROVIDER, REALM, "not-the-password")) as provider,
        Phone(PhoneSettings(proxy)) as behind,
    ):
        with pytest.raises(Dialled) as refused:
            await behind.call(PROVIDED)
        assert refused.value.status in (401, 403), provider.said
    assert operator.events == []


async def test_phone_with_sha_256_of_its_own_registers_beside_those_with_md5(
    daemon: Daemon, operator: Operator
) -> None:
    require("baresip", "baresip-python")
    await operator.client.patch("/v1/agents/1005", json={"digest_algorithms": ["SHA-256"]}, raise_for_status=True)
    try:
        async with agents_phone("baresip_agent.py", daemon, "1005") as newest:
            await newest.do("register")
            assert await is_registered(operator, "1005")
            await newest.do("unregister")
    finally:
        await operator.client.patch("/v1/agents/1005", json={"digest_algorithms": []}, raise_for_status=True)


@pytest.mark.parametrize("form", [("MD5", True), ("SHA-256", True), ("MD5", False), ("SHA-256", False)], ids=str)
async def test_kamailios_challenges_are_answered_with_and_without_qop(tmp_path: Path, form: tuple[str, bool]) -> None:
    server = Address(HOST, free_port(socket.SOCK_DGRAM))
    async with (
        challenging_kamailio(tmp_path, server.port, "kamailio.example", "the-password", form) as kamailio,
        Phone(PhoneSettings(server)) as ours,
    ):
        assert await ours.register("1001", "not-the-password") == 401, kamailio.said
        assert await ours.register("1001", "the-password") == 200, kamailio.said
