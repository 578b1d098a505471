"""Agents' phones and what agents ask for by dialling: registration, feature codes, who may call at all."""

import pytest
from tests.calls.call_centre import (
    CLIP_S,
    HOTLINE,
    ORDINARY,
    OURS,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    CallCentre,
    opened,
    password,
)
from tests.calls.phone import Phone

from acdcore.calls.model.commands import AgentCommand, LiveAgentState, UnknownAgent, WrongState
from acdcore.calls.record.event_stream import AgentOfferEnded, ScreenPop, StreamEventKind
from acdcore.calls.scripts.feature_code import is_feature_code
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.events import OutgoingRequest, Transport
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri

pytestmark = pytest.mark.looptime


async def registered(centre: CallCentre, agent: str) -> Phone:
    """An agent's phone that is registered, nobody logged in."""
    phone = centre.employ(agent)
    phone.register(password(agent))
    await centre.pass_time(0.1)
    return phone


async def dial(centre: CallCentre, phone: Phone, code: str) -> None:
    """Dial a feature code and listen to its end."""
    phone.call(code, password=password(phone.number))
    await centre.pass_time(CLIP_S + 0.5)
    assert not phone.is_up


async def test_agent_works_a_day_by_feature_codes() -> None:
    async with opened() as centre:
        phone = await registered(centre, "1001")
        day = []
        for code in ("*11", "*13", "*12", "*132", "*12", "*15"):
            await dial(centre, phone, code)
            agent = centre.operations.agent(AgentId("1001"))
            day.append((agent.state, agent.reason))
        assert day == [
            (LiveAgentState.READY, None),
            (LiveAgentState.NOT_READY, "break"),
            (LiveAgentState.READY, None),
            (LiveAgentState.NOT_READY, "lunch"),
            (LiveAgentState.READY, None),
            (LiveAgentState.LOGGED_OUT, None),
        ]
        assert {row.outcome for row in centre.cdrs()} == {Outcome.FEATURE_CODE}
        assert {row.trunk for row in centre.cdrs()} == {"agents"}


async def test_wrap_up_ends_by_feature_code() -> None:
    async with opened() as centre:
        phone = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(phone, caller)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await dial(centre, phone, "*14")
        assert centre.state("1001") is LiveAgentState.READY


async def test_feature_code_that_does_not_fit_is_refused_by_voice_and_changes_nothing() -> None:
    async with opened() as centre:
        phone = await registered(centre, "1001")
        await dial(centre, phone, "*14")
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT
        assert centre.cdr().outcome is Outcome.FEATURE_CODE


async def test_agent_is_offered_nothing_while_listening_to_a_feature_code() -> None:
    async with opened() as centre:
        phone = await registered(centre, "1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        phone.call("*11", password=password("1001"))
        await centre.pass_time(CLIP_S - 0.1)
        assert centre.state("1001") is LiveAgentState.BUSY
        assert phone.invite is None
        await centre.pass_time(0.5)
        assert phone.rings
        caller.hang_up()


@pytest.mark.parametrize(
    ("dialled", "is_code"),
    [
        ("*11", True),
        ("*13", True),
        ("*131", True),
        ("*134", True),
        ("*135", False),
        ("*121", False),
        ("*1", False),
        ("*16", True),
        ("*161", False),
        ("*17", False),
        ("", False),
        ("95500", False),
        ("*1311", False),
    ],
)
def test_only_the_listed_codes_are_feature_codes(dialled: str, is_code: bool) -> None:
    assert is_feature_code(dialled) is is_code


# --- who may call ---


async def test_agents_phone_may_dial_nothing_but_feature_codes() -> None:
    async with opened() as centre:
        phone = await registered(centre, "1001")
        phone.call("0013800000001", password=password("1001"))
        await centre.pass_time(1)
        assert phone.refused_with == 403
        assert centre.cdrs() == []
        assert centre.switchboard.refusals.counts == {("call", "no right to dial"): 1}


async def test_agent_who_registers_for_another_is_refused_and_named() -> None:
    async with opened() as centre:
        phone = await registered(centre, "1001")
        other = NameAddr(SipUri("sip", "1002", OURS.host))
        own = DigestClient("1001", password("1001"))
        contact = ("Contact", f"<sip:1002@{phone.address}>")
        flow = phone.stack.flow_to(Transport.UDP, OURS)
        phone.stack.request(OutgoingRequest("REGISTER", other.sip_uri, flow, other, other, (contact,), credentials=own))
        await centre.pass_time(1)
        assert phone.statuses()[-1] == 403
        assert centre.switchboard.refusals.counts == {("register", "only one's own address may be registered"): 1}


async def test_trunks_address_is_not_enough_for_a_feature_code() -> None:
    async with opened() as centre:
        centre.employ("1001")
        caller = centre.caller("1001")
        caller.call("*11")
        await centre.pass_time(1)
        assert caller.refused_with == 401
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_stranger_is_challenged_and_an_agents_wrong_password_refused() -> None:
    async with opened() as centre:
        centre.employ("1001")
        stranger, guesser = centre.stranger("1001"), centre.stranger("1001")
        stranger.call(HOTLINE)
        guesser.call("*11", password="guessed")
        await centre.pass_time(1)
        assert (stranger.refused_with, guesser.refused_with) == (401, 403)
        assert centre.cdrs() == []


async def test_trunk_with_the_right_credentials_may_call_from_anywhere() -> None:
    async with opened() as centre:
        roaming = centre.stranger("carrier")
        roaming.call(HOTLINE, password="password of carrier")
        await centre.pass_time(1)
        assert roaming.is_up
        roaming.hang_up()


@pytest.mark.parametrize(("is_active", "secret", "status"), [(True, "guessed", 403), (False, password("1001"), 403)])
async def test_phone_without_the_right_is_not_registered(is_active: bool, secret: str, status: int) -> None:
    async with opened() as centre:
        phone = centre.employ("1001", is_active)
        phone.register(secret)
        await centre.pass_time(0.1)
        assert phone.statuses() == [status]
        assert not centre.operations.agent(AgentId("1001")).is_registered


async def test_trunk_may_not_register_as_anybody() -> None:
    async with opened() as centre:
        roaming = centre.stranger("carrier")
        roaming.register("password of carrier")
        await centre.pass_time(0.1)
        assert roaming.statuses() == [403]


# --- registration and the dispatcher ---


async def test_agent_whose_registration_runs_out_is_unreachable_until_the_phone_comes_back() -> None:
    async with opened() as centre:
        phone = centre.employ("1001")
        phone.register(password("1001"), expires_s=60)
        await centre.pass_time(0.1)
        centre.command("1001", AgentCommand.LOG_IN)
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(59)
        assert centre.state("1001") is LiveAgentState.READY
        await centre.pass_time(2)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        phone.register(password("1001"))
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY


async def test_agent_who_logs_in_without_a_phone_is_unreachable() -> None:
    async with opened() as centre:
        centre.employ("1001")
        centre.command("1001", AgentCommand.LOG_IN)
        centre.command("1001", AgentCommand.READY)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE


async def test_commands_for_unknown_and_inactive_agents_are_refused() -> None:
    async with opened() as centre:
        centre.employ("1001", is_active=False)
        with pytest.raises(UnknownAgent):
            centre.command("9999", AgentCommand.LOG_IN)
        with pytest.raises(WrongState):
            centre.command("1001", AgentCommand.LOG_IN)
        with pytest.raises(UnknownAgent):
            centre.operations.agent(AgentId("9999"))


async def test_command_that_does_not_fit_the_state_is_refused_with_the_reason() -> None:
    async with opened() as centre:
        await centre.seat("1001")
        with pytest.raises(WrongState, match="1001 is ready"):
            centre.command("1001", AgentCommand.END_WRAP_UP)


# --- screens ---


async def test_every_screen_pop_is_taken_back_unless_the_agent_talks() -> None:
    async with opened() as centre:
        centre.customer(VIP)
        subscription = centre.event_stream.subscribe(limit=1000)
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not agent.rings
        subscription.close()
        seen = [event async for event in subscription]
        pops = [event.data for event in seen if event.kind is StreamEventKind.AGENT_OFFERED]
        overs = [event.data for event in seen if event.kind is StreamEventKind.OFFER_ENDED]
        assert [(pop.agent, pop.customer.name) for pop in pops if isinstance(pop, ScreenPop) and pop.customer] == [
            ("1001", "Customer One")
        ]
        assert [(over.agent, over.cause.value) for over in overs if isinstance(over, AgentOfferEnded)] == [
            ("1001", "withdrawn")
        ]


async def test_caller_who_withholds_the_number_is_anonymous_to_the_agent() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller("anonymous")
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert centre.live().view.caller == ""
        assert agent.invite is not None
        assert agent.invite.request.from_.uri.username == "anonymous"
        caller.hang_up()


async def test_number_that_the_trunk_asserts_goes_before_the_one_that_the_caller_claims() -> None:
    async with opened() as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE, fields=(f"<sip:{VIP}@198.51.100.1>",))
        await centre.pass_time(1)
        assert centre.live().view.caller == VIP_KEPT
        caller.hang_up()
