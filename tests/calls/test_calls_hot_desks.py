"""Hot desks: one agent at a phone, whoever it belongs to, also by feature code and after a restart."""

import pytest
from tests.calls.house import BOTH_TOLD_S, SERVICE, SERVICE_LINE, VIP, House, opened, password
from tests.calls.phone import Phone

from acdcore.calls.agents.seats import read, written
from acdcore.calls.model.commands import AgentCommand, AgentState, Seat, SeatKind, WrongState
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.inputs import AgentRestored
from acdcore.queues.journal import checkpoint

pytestmark = pytest.mark.looptime

DESK = Seat(SeatKind.PHONE, "1009")
MOBILE = Seat(SeatKind.NUMBER, "02155500")


async def desk_with_guest(house: House) -> Phone:
    """Agent 1001 works at the phone of agent 1009, who is at home."""
    desk = house.employ("1009")
    desk.register(password("1009"))
    house.employ("1001")
    await house.pass_time(0.1)
    sit(house, "1001", DESK)
    house.command("1001", AgentCommand.READY)
    return desk


def sit(house: House, agent: str, seat: Seat | None) -> None:
    """Log in there."""
    house.operations.set_agent_state(AgentId(agent), AgentCommand.LOG_IN, None, seat)


async def test_owner_cannot_log_in_at_a_phone_where_a_guest_works() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        with pytest.raises(WrongState, match="agent 1001 works at phone 1009"):
            sit(house, "1009", None)
        assert house.state("1009") is AgentState.LOGGED_OUT
        house.command("1001", AgentCommand.LOG_OUT)
        sit(house, "1009", None)
        assert house.state("1009") is AgentState.NOT_READY


async def test_guest_cannot_sit_down_at_a_phone_where_its_owner_or_another_guest_works() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        house.employ("1002")
        with pytest.raises(WrongState, match="agent 1001"):
            sit(house, "1002", DESK)
        house.command("1001", AgentCommand.LOG_OUT)
        sit(house, "1009", None)
        with pytest.raises(WrongState, match="agent 1009"):
            sit(house, "1002", DESK)
        sit(house, "1009", MOBILE)  # whose own phone is free now
        sit(house, "1002", DESK)
        assert house.operations.agent(AgentId("1002")).is_registered


async def test_feature_code_is_for_the_agent_who_works_at_the_phone() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        desk.call("*132", password=password("1009"))
        await house.pass_time(0.2)
        assert house.state("1001") is AgentState.NOT_READY
        await house.pass_time(2)
        live = house.operations.agent(AgentId("1001"))
        assert (live.state, live.reason) == (AgentState.NOT_READY, "lunch")
        desk.call("*11", password=password("1009"))
        await house.pass_time(2)
        assert house.state("1001") is AgentState.READY
        assert house.hall.desks.seat(AgentId("1001")) == DESK
        assert house.state("1009") is AgentState.LOGGED_OUT


async def test_guest_listening_to_a_feature_code_is_not_rung_meanwhile() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        desk.call("*12", password=password("1009"))
        await house.pass_time(0.2)
        assert house.state("1001") is AgentState.BUSY
        await house.pass_time(2)
        assert house.state("1001") is AgentState.READY


async def test_guest_is_unreachable_while_the_phone_is_gone_and_its_owner_keeps_the_duty_elsewhere() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        sit(house, "1009", MOBILE)
        desk.register(password("1009"), expires_s=0)
        await house.pass_time(0.1)
        assert house.state("1001") is AgentState.UNREACHABLE
        assert house.state("1009") is AgentState.NOT_READY
        desk.register(password("1009"))
        await house.pass_time(0.1)
        assert house.state("1001") is AgentState.READY


async def test_agents_sit_where_they_sat_after_a_restart() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        sit(house, "1009", MOBILE)
        before = [facts.settings for facts in checkpoint.dump(house.hall.acd.dispatcher).agents]
    async with opened() as house:
        desk = house.employ("1009")
        desk.register(password("1009"))
        house.employ("1001")
        await house.pass_time(0.1)
        assert house.hall.desks.restore(AgentRestored(who, is_ready=who.agent == "1001") for who in before) == 2
        assert house.hall.desks.seat(AgentId("1009")) == MOBILE
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert desk.rings
        assert house.state("1001") is AgentState.RINGING
        caller.hang_up()
        await house.pass_time(1)


# --- outside numbers: a mobile's mailbox picks up too ---


async def mobile_rings(house: House) -> tuple[Phone, Phone]:
    """Agent 1001 is rung at an outside number for a caller; the exchange and the caller."""
    exchange, caller = house.exchange(), house.caller(VIP)
    house.employ("1001")
    sit(house, "1001", MOBILE)
    house.command("1001", AgentCommand.READY)
    caller.call(SERVICE_LINE)
    await house.pass_time(1)
    assert exchange.rings
    return exchange, caller


def press(house: House, key: str) -> None:
    """Whoever picked up at the outside number presses a key."""
    house.engine.press(house.leg(house.live(), "agent").stream, key)


def heard_by(house: House, side: str) -> object:
    """What that side of the one call hears now."""
    return house.engine.hears(house.leg(house.live(), side).stream)


async def test_agent_at_an_outside_number_takes_the_call_by_a_key_and_the_caller_hears_music_until_then() -> None:
    async with opened() as house:
        exchange, caller = await mobile_rings(house)
        exchange.answer()
        await house.pass_time(0.2)
        asked = house.hall.voice.system(SystemPrompt.PRESS_TO_TAKE, Language.MANDARIN)
        assert heard_by(house, "agent") == asked
        press(house, "2")
        await house.pass_time(8)
        assert house.state("1001") is AgentState.RINGING
        assert heard_by(house, "caller") == house.hall.voice.music(SERVICE)
        press(house, "1")
        await house.pass_time(0.1)
        assert house.state("1001") is AgentState.TALKING
        whisper = house.hall.voice.whisper(SERVICE, None, Language.MANDARIN)
        assert heard_by(house, "agent") == whisper
        await house.pass_time(BOTH_TOLD_S + 1)
        assert heard_by(house, "caller") == house.leg(house.live(), "agent").stream
        caller.hang_up()
        await house.pass_time(1)
        assert house.cdr().talk_s == pytest.approx(1.1, abs=0.1)


async def test_mailbox_that_presses_nothing_is_no_answer_after_ten_seconds() -> None:
    async with opened() as house:
        exchange, caller = await mobile_rings(house)
        exchange.answer()
        await house.pass_time(9.9)
        assert house.state("1001") is AgentState.RINGING
        await house.pass_time(0.3)
        assert not exchange.is_up
        assert house.state("1001") is AgentState.NOT_READY
        assert house.hall.lines.taken == 1
        assert house.story()[-1].split()[1:] == ["offer_ended", "1001", "no_answer"]
        caller.hang_up()
        await house.pass_time(1)


async def test_agent_who_is_asked_for_the_key_and_hangs_up_has_refused() -> None:
    async with opened() as house:
        exchange, caller = await mobile_rings(house)
        exchange.answer()
        await house.pass_time(1)
        exchange.hang_up()
        await house.pass_time(0.1)
        assert house.story()[-1].split()[1:] == ["offer_ended", "1001", "refused"]
        caller.hang_up()
        await house.pass_time(1)


async def test_mailbox_is_hung_up_when_the_offer_is_over_or_the_caller_gone() -> None:
    async with opened() as house:
        exchange, caller = await mobile_rings(house)
        await house.pass_time(10)
        exchange.answer()
        await house.pass_time(5)  # of the 15 s that it may ring, asked or not
        assert not exchange.is_up
        house.command("1001", AgentCommand.READY)
        await house.pass_time(31)
        assert exchange.rings
        exchange.answer()
        await house.pass_time(1)
        caller.hang_up()
        await house.pass_time(0.1)
        assert not exchange.is_up
        assert house.cdr().outcome is Outcome.ABANDONED_QUEUE


@pytest.mark.parametrize("seat", [None, DESK, MOBILE])
async def test_seat_is_read_as_it_was_written(seat: Seat | None) -> None:
    assert read(written(seat)) == seat


async def test_word_that_is_no_seat_is_the_own_phone() -> None:
    assert [read(word) for word in ("phone:", "chair:1", "1009")] == [None, None, None]
