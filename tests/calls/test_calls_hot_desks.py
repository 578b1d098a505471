"""Hot desks: one agent at a phone, whoever it belongs to, also by feature code and after a restart."""

import pytest
from tests.calls.call_centre import BOTH_TOLD_S, SERVICE, SERVICE_LINE, VIP, CallCentre, opened, password
from tests.calls.phone import Phone

from acdcore.calls.agents.seats import format_seat, parse_seat
from acdcore.calls.model.commands import AgentCommand, LiveAgentState, Seat, SeatKind, WrongState
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.inputs import AgentRestored
from acdcore.queues.journal import checkpoint

pytestmark = pytest.mark.looptime

DESK = Seat(SeatKind.PHONE, "1009")
MOBILE = Seat(SeatKind.NUMBER, "02155500")


async def phone_with_guest(centre: CallCentre) -> Phone:
    """Agent 1001 works at the phone of agent 1009, who is at home."""
    phone = centre.employ("1009")
    phone.register(password("1009"))
    centre.employ("1001")
    await centre.pass_time(0.1)
    sit(centre, "1001", DESK)
    centre.command("1001", AgentCommand.READY)
    return phone


def sit(centre: CallCentre, agent: str, seat: Seat | None) -> None:
    """Log in there."""
    centre.operations.set_agent_state(AgentId(agent), AgentCommand.LOG_IN, None, seat)


async def test_owner_cannot_log_in_at_a_phone_where_a_guest_works() -> None:
    async with opened() as centre:
        await phone_with_guest(centre)
        with pytest.raises(WrongState, match="agent 1001 works at phone 1009"):
            sit(centre, "1009", None)
        assert centre.state("1009") is LiveAgentState.LOGGED_OUT
        centre.command("1001", AgentCommand.LOG_OUT)
        sit(centre, "1009", None)
        assert centre.state("1009") is LiveAgentState.NOT_READY


async def test_guest_cannot_sit_down_at_a_phone_where_its_owner_or_another_guest_works() -> None:
    async with opened() as centre:
        await phone_with_guest(centre)
        centre.employ("1002")
        with pytest.raises(WrongState, match="agent 1001"):
            sit(centre, "1002", DESK)
        centre.command("1001", AgentCommand.LOG_OUT)
        sit(centre, "1009", None)
        with pytest.raises(WrongState, match="agent 1009"):
            sit(centre, "1002", DESK)
        sit(centre, "1009", MOBILE)  # whose own phone is free now
        sit(centre, "1002", DESK)
        assert centre.operations.agent(AgentId("1002")).is_registered


async def test_feature_code_is_for_the_agent_who_works_at_the_phone() -> None:
    async with opened() as centre:
        phone = await phone_with_guest(centre)
        phone.call("*132", password=password("1009"))
        await centre.pass_time(0.2)
        assert centre.state("1001") is LiveAgentState.NOT_READY
        await centre.pass_time(2)
        live = centre.operations.agent(AgentId("1001"))
        assert (live.state, live.reason) == (LiveAgentState.NOT_READY, "lunch")
        phone.call("*11", password=password("1009"))
        await centre.pass_time(2)
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.context.agents.seat(AgentId("1001")) == DESK
        assert centre.state("1009") is LiveAgentState.LOGGED_OUT


async def test_guest_listening_to_a_feature_code_is_not_rung_meanwhile() -> None:
    async with opened() as centre:
        phone = await phone_with_guest(centre)
        phone.call("*12", password=password("1009"))
        await centre.pass_time(0.2)
        assert centre.state("1001") is LiveAgentState.BUSY
        await centre.pass_time(2)
        assert centre.state("1001") is LiveAgentState.READY


async def test_guest_is_unreachable_while_the_phone_is_gone_and_its_owner_keeps_the_duty_elsewhere() -> None:
    async with opened() as centre:
        phone = await phone_with_guest(centre)
        sit(centre, "1009", MOBILE)
        phone.register(password("1009"), expires_s=0)
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        assert centre.state("1009") is LiveAgentState.NOT_READY
        phone.register(password("1009"))
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY


async def test_agents_sit_where_they_sat_after_a_restart() -> None:
    async with opened() as centre:
        await phone_with_guest(centre)
        sit(centre, "1009", MOBILE)
        before = [facts.settings for facts in checkpoint.dump(centre.context.acd.dispatcher).agents]
    async with opened() as centre:
        phone = centre.employ("1009")
        phone.register(password("1009"))
        centre.employ("1001")
        await centre.pass_time(0.1)
        assert centre.context.agents.restore(AgentRestored(who, is_ready=who.agent == "1001") for who in before) == 2
        assert centre.context.agents.seat(AgentId("1009")) == MOBILE
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert phone.rings
        assert centre.state("1001") is LiveAgentState.RINGING
        caller.hang_up()
        await centre.pass_time(1)


# --- outside numbers: a mobile's mailbox picks up too ---


async def mobile_rings(centre: CallCentre) -> tuple[Phone, Phone]:
    """Agent 1001 is rung at an outside number for a caller; the exchange and the caller."""
    exchange, caller = centre.exchange(), centre.caller(VIP)
    centre.employ("1001")
    sit(centre, "1001", MOBILE)
    centre.command("1001", AgentCommand.READY)
    caller.call(SERVICE_LINE)
    await centre.pass_time(1)
    assert exchange.rings
    return exchange, caller


def press(centre: CallCentre, key: str) -> None:
    """Whoever picked up at the outside number presses a key."""
    centre.engine.press(centre.leg(centre.live(), "agent").stream, key)


def heard_by(centre: CallCentre, side: str) -> object:
    """What that side of the one call hears now."""
    return centre.engine.hears(centre.leg(centre.live(), side).stream)


async def test_agent_at_an_outside_number_takes_the_call_by_a_key_and_the_caller_hears_music_until_then() -> None:
    async with opened() as centre:
        exchange, caller = await mobile_rings(centre)
        exchange.answer()
        await centre.pass_time(0.2)
        asked = centre.context.prompts.system(SystemPrompt.PRESS_TO_TAKE, Language.MANDARIN)
        assert heard_by(centre, "agent") == asked
        press(centre, "2")
        await centre.pass_time(8)
        assert centre.state("1001") is LiveAgentState.RINGING
        assert heard_by(centre, "caller") == centre.context.prompts.music(SERVICE)
        press(centre, "1")
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.TALKING
        whisper = centre.context.prompts.whisper(SERVICE, None, Language.MANDARIN)
        assert heard_by(centre, "agent") == whisper
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert heard_by(centre, "caller") == centre.leg(centre.live(), "agent").stream
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().talk_s == pytest.approx(1.1, abs=0.1)


async def test_mailbox_that_presses_nothing_is_no_answer_after_ten_seconds() -> None:
    async with opened() as centre:
        exchange, caller = await mobile_rings(centre)
        exchange.answer()
        await centre.pass_time(9.9)
        assert centre.state("1001") is LiveAgentState.RINGING
        await centre.pass_time(0.3)
        assert not exchange.is_up
        assert centre.state("1001") is LiveAgentState.NOT_READY
        assert centre.context.trunk_capacity.taken == 1
        assert centre.call_history()[-1].split()[1:] == ["offer_ended", "1001", "no_answer"]
        caller.hang_up()
        await centre.pass_time(1)


async def test_agent_who_is_asked_for_the_key_and_hangs_up_has_refused() -> None:
    async with opened() as centre:
        exchange, caller = await mobile_rings(centre)
        exchange.answer()
        await centre.pass_time(1)
        exchange.hang_up()
        await centre.pass_time(0.1)
        assert centre.call_history()[-1].split()[1:] == ["offer_ended", "1001", "refused"]
        caller.hang_up()
        await centre.pass_time(1)


async def test_mailbox_is_hung_up_when_the_offer_is_over_or_the_caller_gone() -> None:
    async with opened() as centre:
        exchange, caller = await mobile_rings(centre)
        await centre.pass_time(10)
        exchange.answer()
        await centre.pass_time(5)  # of the 15 s that it may ring, asked or not
        assert not exchange.is_up
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(31)
        assert exchange.rings
        exchange.answer()
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not exchange.is_up
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE


@pytest.mark.parametrize("seat", [None, DESK, MOBILE])
async def test_seat_is_read_as_it_was_written(seat: Seat | None) -> None:
    assert parse_seat(format_seat(seat)) == seat


async def test_word_that_is_no_seat_is_the_own_phone() -> None:
    assert [parse_seat(word) for word in ("phone:", "chair:1", "1009")] == [None, None, None]
