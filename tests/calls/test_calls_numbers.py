"""One number is one caller from the trunk to the record, and what a caller withholds is nowhere but in the trace."""

from dataclasses import replace

import pytest
from tests.calls.call_centre import (
    EXCHANGE,
    OUTSIDE_LINE,
    SERVICE,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    CallCentre,
    Plan,
    opened,
)
from tests.calls.call_centre import OURS as OUR_ADDRESS
from tests.calls.phone import Phone
from tests.calls.test_calls_work import end_work, items, plan

from acdcore.calls.admission.screening import RepeatLimit, ScreeningSettings
from acdcore.calls.model.commands import AgentCommand, Seat, SeatKind, WrongState
from acdcore.calls.model.ports import Screening, ScreeningVerdict
from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.calls.numbers.trunk_numbers import AssertBy, ForwardedShows, Redirection, TrunkNumbers
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.model.flow import NodeName
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.numbering.plan import NumberForm
from acdcore.sip.events import InviteArrived
from acdcore.work.model import WorkKind, WorkState

pytestmark = pytest.mark.looptime

WAYS = ["13800000001", "013800000001", "+8613800000001", "008613800000001", "8613800000001", "+86-138.0000.0001"]
WITH_PARAMETERS = [f"{VIP};npdi;rn=+8613900000002", f"{VIP};isub=1", f"{VIP};phone-context=+86", f"{VIP};cpc=payphone"]
PRIVATE = (("Privacy", "id"),)
OURS = "+862088880000"
HIDDEN = [
    PRIVATE,
    (("Privacy", "user;critical"),),
    (("Remote-Party-ID", f"<sip:{VIP}@x>;privacy=full"),),
]


def number_of(invited: Phone) -> str:
    """The user of the From of the INVITE that a phone was sent."""
    assert invited.invite is not None
    return invited.invite.request.from_.uri.username


async def block(centre: CallCentre, number: str) -> None:
    await centre.screening.put(Screening(number, ScreeningVerdict.BLOCK, "nuisance", None, "test", centre.clock.wall()))


@pytest.mark.parametrize("number", [*WAYS, *WITH_PARAMETERS])
async def test_blocked_caller_stays_blocked_however_the_trunk_writes_the_number(number: str) -> None:
    async with opened() as centre:
        await block(centre, VIP)
        caller = centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert caller.refused_with == 603
        assert (centre.cdr().outcome, centre.cdr().caller) == (Outcome.BLOCKED, VIP_KEPT)


@pytest.mark.parametrize("number", [*WAYS, *WITH_PARAMETERS])
async def test_customer_is_known_however_the_trunk_writes_the_number(number: str) -> None:
    async with opened() as centre:
        centre.customer(VIP)
        agent = await centre.seat("1001")
        caller = centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert (centre.live().view.caller, centre.live().view.customer_name) == (VIP_KEPT, "Customer One")
        assert number_of(agent) == VIP  # as people here read it
        caller.hang_up()


@pytest.mark.parametrize("dialled", ["02088880000", "+862088880000", "862088880000;npdi", "(020)8888-0000"])
async def test_route_is_found_however_the_trunk_writes_the_number_called(dialled: str) -> None:
    async with opened(Plan(routes=(InboundRoute("carrier", "020 8888 0000", "service"),))) as centre:
        caller = centre.caller(VIP)
        caller.call(dialled)
        await centre.pass_time(1)
        assert centre.live().view.dialled == OURS
        caller.hang_up()


async def test_route_of_the_number_that_sent_the_call_on_goes_before_that_of_the_request() -> None:
    rules = TrunkNumbers(did_from=DidFrom.DIVERSION)
    async with opened(Plan(routes=(InboundRoute("carrier", OURS, "service"),), numbers=rules)) as centre:
        caller = centre.caller(VIP)
        caller.call("9", headers=(("Diversion", "<sip:02088880000@198.51.100.1>;reason=unconditional"),))
        await centre.pass_time(1)
        assert centre.live().view.dialled == OURS
        caller.hang_up()


async def test_number_that_calls_too_often_is_counted_however_it_is_written() -> None:
    screening = ScreeningSettings(repeats=RepeatLimit(calls=2, within_s=60, block_for_s=60))
    async with opened(Plan(screening=screening)) as centre:
        calls = [centre.caller(number) for number in (*WAYS[:2], WITH_PARAMETERS[0])]
        for caller in calls:
            caller.call(SERVICE_LINE)
            await centre.pass_time(1)
        assert [caller.refused_with for caller in calls] == [None, None, 603]
        for caller in calls[:2]:
            caller.hang_up()
        await centre.pass_time(1)


async def test_callback_is_settled_by_a_talk_with_the_same_number_in_another_spelling() -> None:
    async with opened(plan(abandoned=True)) as centre:
        centre.exchange()
        first, again = centre.caller("013800000001"), centre.caller(f"+86{VIP};npdi")
        first.call(SERVICE_LINE)
        await centre.pass_time(60)
        first.hang_up()
        await centre.pass_time(1)
        await centre.talk(await centre.seat("1001"), again)
        assert [item.state for item in items(centre)] == [WorkState.MERGED]
        again.hang_up()
        await centre.pass_time(1)
        await end_work(centre)


# --- withheld ---


@pytest.mark.parametrize("headers", HIDDEN)
async def test_withheld_number_is_kept_for_tracing_and_shown_nowhere(headers: tuple[tuple[str, str], ...]) -> None:
    rules = TrunkNumbers(caller_id=OURS, forwarded_shows=ForwardedShows.CALLER, assert_by=AssertBy.P_ASSERTED_IDENTITY)
    async with opened(Plan(numbers=rules)) as centre:
        centre.customer(VIP)
        listener = centre.event_stream.subscribe(1000)
        agent, exchange = await centre.seat("1001"), centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, fields=(f"<tel:{VIP_KEPT}>",), headers=headers)
        await centre.pass_time(1)
        call = centre.live()
        assert (call.view.caller, call.customer, number_of(agent)) == ("", None, "anonymous")
        caller.hang_up()
        await centre.pass_time(1)
        caller.call(OUTSIDE_LINE, fields=(f"<tel:{VIP_KEPT}>",), headers=headers)
        await centre.pass_time(2)
        assert exchange.invite is not None
        request = exchange.invite.request
        caller.hang_up()
        await centre.pass_time(1)
        listener.close()
        shown = [repr([event async for event in listener]), repr(centre.history.call_events), repr(centre.cdrs())]
        ours = [one for one in centre.cable.seen if one.sender == OUR_ADDRESS and one.receiver != caller.address]
        shown += [one.data.decode() for one in ours]
        assert [text for text in shown if VIP in text] == []
        assert {row.number for row in centre.history.trace_rows.values()} == {VIP_KEPT}
        assert request.headers.get("P-Asserted-Identity") == "<sip:02088880000@192.0.2.1>"
        assert request.headers.get("Privacy") == "id"
        assert str(request.from_.uri) == "sip:anonymous@anonymous.invalid"


async def test_blocked_caller_who_withholds_the_number_stays_blocked_without_showing_it() -> None:
    async with opened() as centre:
        await block(centre, VIP)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, headers=PRIVATE)
        await centre.pass_time(1)
        assert caller.refused_with == 603
        assert (centre.cdr().outcome, centre.cdr().caller) == (Outcome.BLOCKED, "")


async def test_caller_who_withholds_the_number_and_hangs_up_is_not_called_back() -> None:
    async with opened(plan(abandoned=True)) as centre:
        centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, headers=PRIVATE)
        await centre.pass_time(60)
        caller.hang_up()
        await centre.pass_time(1)
        assert items(centre) == []


# --- who may be called ---


def asking() -> Plan:
    """A flow that asks everybody for a number, as an operator's own may: what is typed is checked all the same."""
    made = plan()
    flow = replace(made.flows["callback"], start=NodeName("other-number"))
    return replace(made, flows={**made.flows, "callback": flow})


async def typed(centre: CallCentre, shown: str, number: str) -> None:
    """A waiting caller who shows one number asks to be called at another."""
    caller = centre.caller(shown)
    caller.call(SERVICE_LINE)
    await centre.pass_time(5)
    for key in f"1{number}#1":
        centre.press(key)
        await centre.pass_time(1)
    await centre.pass_time(1)
    if caller.is_up:
        caller.hang_up()
    await centre.pass_time(1)


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("21234567", "0037121234567"),
        ("21234567", "02121234567"),
        ("13800000001", "00113800000001"),
        ("+37121234567", "21234567"),
        ("8001", "13800008001"),
        ("anonymous", "13800000001"),
    ],
)
async def test_number_that_only_ends_like_the_callers_own_is_not_called(shown: str, number: str) -> None:
    async with opened(asking()) as centre:
        await typed(centre, shown, number)
        assert [item for item in items(centre) if item.kind is WorkKind.CALLBACK] == []


NOT_CALLED_BACK = ["+37121234567", "0088213000000", "+85291234567", "110", "95588", "4008001234", "02088880000"]
"""Abroad, a satellite, another country's code, codes, a number whose owner pays, and one of ours."""


@pytest.mark.parametrize("number", NOT_CALLED_BACK)
async def test_forged_number_of_ones_own_abroad_is_not_called_back_without_a_rule(number: str) -> None:
    async with opened(replace(asking(), numbers=TrunkNumbers(caller_id=OURS))) as centre:
        await typed(centre, number, number.replace("+", "00"))
        assert [item for item in items(centre) if item.kind is WorkKind.CALLBACK] == []


@pytest.mark.parametrize("number", NOT_CALLED_BACK)
async def test_forged_number_of_who_hangs_up_waiting_is_not_called_back_without_a_rule(number: str) -> None:
    async with opened(replace(plan(abandoned=True), numbers=TrunkNumbers(caller_id=OURS))) as centre:
        centre.exchange()
        caller = centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(60)
        caller.hang_up()
        await centre.pass_time(1)
        assert items(centre) == []


async def test_own_number_abroad_is_called_back_where_a_rule_names_it() -> None:
    async with opened(replace(asking(), callback_numbers=("86", "+852"))) as centre:
        await typed(centre, "+85291234567", "0085291234567")
        assert [item.number for item in items(centre)] == ["+85291234567"]
        await end_work(centre)


@pytest.mark.parametrize(("number", "is_called"), [("020 7946 0000", True), ("+8613800000001", False)])
async def test_home_is_the_country_of_the_trunk(number: str, is_called: bool) -> None:
    rules = TrunkNumbers(country="GB")
    async with opened(replace(asking(), numbers=rules)) as centre:
        await typed(centre, number.replace(" ", ""), number.replace(" ", "").replace("+", "00"))
        assert bool(items(centre)) is is_called
        if is_called:
            await end_work(centre)


@pytest.mark.parametrize("shown", WAYS[:5])
@pytest.mark.parametrize("number", ["13800000001", "013800000001", "008613800000001", "8613800000001"])
async def test_own_number_is_called_however_it_is_shown_and_typed(shown: str, number: str) -> None:
    async with opened(asking()) as centre:
        await typed(centre, shown, number)
        assert [item.number for item in items(centre)] == [VIP_KEPT]
        await end_work(centre)


@pytest.mark.parametrize(
    ("rules", "number", "kept"),
    [
        (("138",), "008613800000001", VIP_KEPT),
        (("+86138",), "013800000001", VIP_KEPT),
        (("0086",), "02088880000", OURS),
        (("138",), "0013800000001", ""),
        (("1",), "110", ""),
        (("86",), "0037121234567", ""),
    ],
)
async def test_rules_of_beginnings_are_compared_with_canonical_numbers(
    rules: tuple[str, ...], number: str, kept: str
) -> None:
    async with opened(replace(asking(), callback_numbers=rules)) as centre:
        await typed(centre, "13900000009", number)
        assert [item.number for item in items(centre)] == ([kept] if kept else [])
        await end_work(centre)


async def test_subscribers_number_is_whole_on_a_trunk_with_an_area_code() -> None:
    rules = TrunkNumbers(area_code="0757")
    async with opened(replace(asking(), numbers=rules)) as centre:
        await typed(centre, "26331234", "075726331234")
        assert [item.number for item in items(centre)] == ["+8675726331234"]
        await end_work(centre)


@pytest.mark.parametrize("where", ["12345678901", "sales", "1795113800138000"])
async def test_what_is_no_number_is_never_dialled(where: str) -> None:
    async with opened() as centre:
        exchange = centre.exchange()
        centre.employ("1001")
        seat = Seat(SeatKind.NUMBER, where)
        with pytest.raises(WrongState, match="is no telephone number"):
            centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, seat)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert not exchange.rings
        caller.hang_up()
        await centre.pass_time(1)


# --- shown on calls out ---


@pytest.mark.parametrize(
    ("by_agent", "by_queue", "shown"),
    [
        ("+862088880001", "+862088880002", "+862088880001"),
        ("", "+862088880002", "+862088880002"),
        ("", "", OURS),
    ],
)
async def test_customer_called_back_sees_the_number_of_the_agent_else_the_queues_else_the_trunks(
    by_agent: str, by_queue: str, shown: str
) -> None:
    rules = TrunkNumbers(caller_id=OURS, number_form=NumberForm.PLUS_E164)
    wanted = plan(abandoned=True)
    around = {SERVICE: replace(wanted.around[SERVICE], caller_id=by_queue)}
    async with opened(replace(wanted, numbers=rules, around=around)) as centre:
        exchange = centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(60)
        caller.hang_up()
        agent = await centre.seat("1001")
        record = centre.directory.agent(AgentId("1001"))
        assert record is not None
        centre.directory.put_agent(replace(record, caller_id=by_agent))
        await centre.pass_time(60)
        agent.answer()
        await centre.pass_time(5)
        assert exchange.invite is not None
        assert str(exchange.invite.request.uri) == f"sip:{VIP_KEPT}@{EXCHANGE}"
        assert number_of(exchange) == shown
        exchange.refuse(486)
        await centre.pass_time(20)
        await end_work(centre)


async def test_agents_outside_seat_sees_our_number() -> None:
    async with opened(Plan(numbers=TrunkNumbers(caller_id=OURS), around={SERVICE: QueueRules()})) as centre:
        exchange = centre.exchange()
        centre.employ("1001")
        seat = Seat(SeatKind.NUMBER, "13900000001")
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, seat)
        centre.command("1001", AgentCommand.READY)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert number_of(exchange) == "02088880000"
        caller.hang_up()
        await centre.pass_time(1)


async def test_forwarded_call_tells_by_which_number_it_was_sent_on() -> None:
    rules = TrunkNumbers(caller_id=OURS, redirection=Redirection.DIVERSION)
    async with opened(Plan(numbers=rules)) as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        assert exchange.invite is not None
        diversion = exchange.invite.request.headers.get("Diversion")
        assert diversion == f"<sip:{OUTSIDE_LINE}@192.0.2.1>;reason=unconditional;counter=1"
        caller.hang_up()


async def test_every_address_of_ours_names_the_advertised_one() -> None:
    async with opened(Plan(advertised="203.0.113.7")) as centre:
        agent, exchange, caller = await centre.seat("1001"), centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        caller.call("95501")
        await centre.pass_time(1)
        for phone in (exchange, agent):
            request = next(event.request for event in phone.heard if isinstance(event, InviteArrived))
            assert request.from_.sip_uri.host == "203.0.113.7"
            assert request.via.host == "203.0.113.7"
            assert request.contact is not None
            assert request.contact.sip_uri.host == "203.0.113.7"
        caller.hang_up()
        await centre.pass_time(1)
