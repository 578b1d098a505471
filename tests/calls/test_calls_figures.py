"""One day counted three times: by the live view, by the reports and by the records of its calls, which must agree."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from tests.calls.call_centre import (
    HOTLINE,
    ORDINARY,
    ORDINARY_KEPT,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
    opened,
)
from tests.calls.phone import Phone
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentCommand, LiveQueue
from acdcore.calls.model.rows import CallDirection, CdrRow
from acdcore.calls.queueing.queue_visits import UNDELIVERED_S
from acdcore.calls.record.recovery import end_duties
from acdcore.calls.routing_rules import QueueRules
from acdcore.control.reports import ReportChoice, ReportRoutes
from acdcore.control.route import ApiRequest, Encoded, Reply
from acdcore.control.schemas import Nothing
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue

pytestmark = pytest.mark.looptime

AGENT = AgentId("1001")
PLAN = Plan(
    queues=(
        QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0, service_level_within_s=20.0, short_abandon_s=5.0),
        QueueSettings(
            SALES,
            ring_for_s=15.0,
            max_wait_s=40.0,
            overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(SERVICE)),),
        ),
    ),
    flows=packaged_flows("callback"),
    around={SERVICE: QueueRules(keys={"1": "callback"})},
)


@dataclass
class Day:
    """A call centre and its figures through the hours."""

    centre: CallCentre
    agent: Phone
    exchange: Phone

    async def answered(self, number: str, after_s: float) -> None:
        """A caller is answered, talks for half a minute and hangs up; the wrap-up ends."""
        caller = self.centre.caller(number)
        caller.call(SERVICE_LINE)
        await self.centre.pass_time(after_s)
        self.agent.answer()
        await self.centre.pass_time(30)
        caller.hang_up()
        await self.centre.pass_time(11)

    async def hangs_up(self, number: str, after_s: float) -> None:
        """A caller has enough of waiting."""
        caller = self.centre.caller(number)
        caller.call(SERVICE_LINE)
        await self.centre.pass_time(after_s)
        caller.hang_up()
        await self.centre.pass_time(1)

    async def sent_on_from_sales(self, number: str) -> Phone:
        """A caller is sent from one queue to the other, and waits there."""
        caller = self.centre.caller(number)
        caller.call(HOTLINE)
        await self.centre.pass_time(2)
        self.centre.press("2")
        await self.centre.pass_time(45)
        return caller

    async def asks_for_a_callback(self, number: str) -> None:
        """A caller presses 1 in the queue and has the number confirmed."""
        caller = self.centre.caller(number)
        caller.call(SERVICE_LINE)
        await self.centre.pass_time(30)
        for key in "111":
            self.centre.press(key)
            await self.centre.pass_time(1)
        await self.centre.pass_time(10)
        assert not caller.is_up

    async def called_back(self) -> None:
        """The agent takes the callback, the customer answers; they talk, and the wrap-up ends."""
        self.agent.answer()
        await self.centre.pass_time(5)
        self.exchange.answer()
        await self.centre.pass_time(20)
        self.agent.hang_up()
        await self.centre.pass_time(11)


async def morning(centre: CallCentre) -> Day:
    """Two answered, two hung up, one sent on, one called back; then nobody is inside."""
    day = Day(centre, await centre.seat(AGENT), centre.exchange())
    await day.answered(VIP, 3)
    await day.answered(ORDINARY, 12)
    centre.command(AGENT, AgentCommand.NOT_READY)
    await day.hangs_up("13800000011", 3)
    await day.hangs_up("13800000012", 25)
    sent_on = await day.sent_on_from_sales("13800000013")
    centre.command(AGENT, AgentCommand.READY)
    await centre.pass_time(1)
    day.agent.answer()
    await centre.pass_time(30)
    sent_on.hang_up()
    await centre.pass_time(11)
    centre.command(AGENT, AgentCommand.NOT_READY)
    await day.asks_for_a_callback("13800000014")
    centre.command(AGENT, AgentCommand.READY)
    await centre.pass_time(1)
    await day.called_back()
    return day


async def report(centre: CallCentre, about: str, **choice: str) -> Any:
    """The answer of `/v1/reports/...` as a client reads it."""
    routes = ReportRoutes(centre.operations, centre.history, centre.clock, lambda: {SERVICE: 20.0, SALES: 20.0})
    asked = ApiRequest(
        ReportChoice.model_validate({"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z", **choice}),
        Nothing(),
        "",
        make_mocked_request("GET", f"/v1/reports/{about}"),
    )
    reply: Reply = await (routes.queues(asked) if about == "queues" else routes.agents(asked))
    assert isinstance(reply.value, Encoded)
    return json.loads(reply.value.body)


def counts(found: Any, queue: QueueName) -> Mapping[str, int]:
    """A queue's counts in a report."""
    (line,) = [line for line in found["rows"] if line["queue"] == queue]
    counted: Mapping[str, int] = line["counts"]
    return counted


def board(centre: CallCentre) -> dict[str, LiveQueue]:
    """The live board."""
    return {queue.name: queue for queue in centre.operations.queues()}


def waits(records: list[CdrRow], direction: CallDirection) -> dict[str, float]:
    """How long each call waited, by its record."""
    return {row.call_id: row.wait_s for row in records if row.direction is direction}


async def test_live_board_report_and_records_agree_on_a_day() -> None:
    async with opened(PLAN) as centre:
        await morning(centre)
        live, records = board(centre), centre.cdrs()
        found, queue_visits = await report(centre, "queues"), list(centre.history.queue_visit_rows.values())
        service, sales = counts(found, SERVICE), counts(found, SALES)
        for queue, counted in ((live[SERVICE], service), (live[SALES], sales)):
            assert counted["offered"] == queue.offered
            assert counted["answered"] == queue.answered
            assert counted["abandoned"] == queue.abandoned_long
            assert counted["abandoned_short"] == queue.abandoned_short
            assert counted["overflowed"] == queue.overflowed
            assert counted["waiting"] == queue.waiting + queue.ringing == 0
        line = next(line for line in found["rows"] if line["queue"] == SERVICE)
        assert line["figures"]["service_level"] == live[SERVICE].service_level
        assert line["figures"]["average_speed_of_answer_s"] == pytest.approx(live[SERVICE].asa_s, abs=0.001)
        assert (service["offered"], service["answered"], service["answered_in_time"]) == (6, 3, 3)
        assert (sales["offered"], sales["overflowed"]) == (1, 1)

        inbound = Counter(row.outcome for row in records if row.direction is CallDirection.INBOUND)
        assert inbound[Outcome.ANSWERED] == service["answered"] + sales["answered"]
        assert inbound[Outcome.ABANDONED_QUEUE] == service["abandoned"] + service["abandoned_short"] == 2
        assert inbound[Outcome.CALLBACK] == service["callbacks"] == 1
        for call_id, wait_s in waits(records, CallDirection.INBOUND).items():
            waited_s = sum(row.waited_s for row in queue_visits if row.call_id == call_id)
            assert waited_s == pytest.approx(wait_s, abs=0.01), call_id


async def test_callbacks_are_in_nobodys_service_level_and_in_the_agents_work() -> None:
    async with opened(PLAN) as centre:
        await morning(centre)
        callbacks, messages = board(centre)[SERVICE].callbacks, board(centre)[SERVICE].messages
        assert (callbacks.offered, callbacks.answered, callbacks.waiting, messages.offered) == (1, 1, 0, 0)
        of_callbacks = counts(await report(centre, "queues", channel="callback"), SERVICE)
        assert (of_callbacks["offered"], of_callbacks["answered"]) == (1, 1)
        answered = centre.operations.agent(AGENT).answered
        found = await report(centre, "agents")
        (line,) = [line for line in found["rows"] if line["agent"]]
        assert line["counts"]["answered"] == answered == 4
        with_callers = [part for row in centre.cdrs() for part in row.segments if part.agent == AGENT]
        with_callers_s = sum((part.ended_at - part.began_at).total_seconds() for part in with_callers)
        assert line["state_s"]["talking"] == pytest.approx(with_callers_s, abs=0.01)
        assert 0 < sum(row.talk_s for row in centre.cdrs()) < with_callers_s, "no whisper, no announcement"
        assert line["state_s"]["wrap_up"] == pytest.approx(4 * 10.0, abs=0.01)
        assert line["not_ready_s"]["break"] > 60
        assert found["total"]["figures"]["occupancy"] == line["figures"]["occupancy"] > 0.3


async def test_report_in_the_middle_of_a_day_says_what_the_board_says() -> None:
    async with opened(PLAN) as centre:
        day = await morning(centre)
        talking, waiting = centre.caller("13800000021"), centre.caller("13800000022")
        talking.call(SERVICE_LINE)
        await centre.pass_time(2)
        day.agent.answer()
        await centre.pass_time(10)
        waiting.call(SERVICE_LINE)
        await centre.pass_time(7)
        live = board(centre)[SERVICE]
        service = counts(await report(centre, "queues"), SERVICE)
        assert (service["waiting"], service["answered"] - service["handled"]) == (live.waiting, live.talking) == (1, 1)
        assert (service["offered"], service["answered"]) == (live.offered, live.answered)
        waiting.hang_up()
        talking.hang_up()


async def test_stay_that_is_just_over_is_told_before_the_history_has_it() -> None:
    async with opened(PLAN) as centre:
        waiting = centre.caller(ORDINARY)
        waiting.call(SERVICE_LINE)
        await centre.pass_time(9)
        (running,) = centre.operations.running_queue_visits()
        assert (running.how, round(running.waited_s), running.caller) == ("waiting", 9, ORDINARY_KEPT)
        waiting.hang_up()
        await centre.pass_time(UNDELIVERED_S - 1)
        (over,) = centre.operations.running_queue_visits()
        assert over == centre.history.queue_visit_rows[over.entry, 1]
        assert (over.how, over.entry) == ("abandoned", running.entry)
        await centre.pass_time(2)
        assert centre.operations.running_queue_visits() == []


# --- the daemon stops, and starts again ---


async def test_agents_are_logged_out_when_the_daemon_stops_and_nothing_is_left_for_the_next_start() -> None:
    async with opened(PLAN) as centre:
        await centre.seat(AGENT)
        await centre.pass_time(60)
        centre.queue_visits.close()
        last = centre.history.agent_events[-1]
        assert (last.agent, last.state, last.reason) == (AGENT, "logged_out", "shutdown")
        assert last.at == centre.clock.wall()
        events = len(centre.history.agent_events)
        await centre.pass_time(600)
        await end_duties(centre.history, centre.history, centre.clock.wall())
        assert len(centre.history.agent_events) == events


async def test_time_after_a_crash_is_nobodys_time_on_duty() -> None:
    async with opened(PLAN) as centre:
        await centre.seat(AGENT)
        await centre.pass_time(60)
        await centre.seat("1002")
        crashed = centre.history.agent_events[-1].at
        await centre.pass_time(600)
        for _ in range(2):  # the second time there is nothing left to end
            await end_duties(centre.history, centre.history, centre.clock.wall())
        ended = [row for row in centre.history.agent_events if row.reason == "restart"]
        assert [(row.agent, row.at) for row in ended] == [(AGENT, crashed), ("1002", crashed)]
        found = await report(centre, "agents")
        assert found["total"]["state_s"]["ready"] == pytest.approx(60.1, abs=0.01)
