"""What call control publishes on the event bus, and that a broken listener costs no call anything."""

import dataclasses

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tests.calls.call_centre import SERVICE_LINE, VIP, CallCentre, opened, password
from tests.calls.phone import Phone

from acdcore.calls.model import history
from acdcore.calls.model.events import CallEventLogged, PhoneReachabilityChanged, RegistrationsChanged
from acdcore.daemon.prometheus import DaemonCollector
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import AgentState, AgentStateChanged, Offered

pytestmark = pytest.mark.looptime


async def one_talk(centre: CallCentre, agent: Phone) -> None:
    """A caller talks to the agent and hangs up."""
    caller = centre.caller(VIP)
    await centre.talk(agent, caller)
    caller.hang_up()
    await centre.pass_time(1)


def metrics(centre: CallCentre) -> str:
    """What Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(DaemonCollector(centre.context, centre.switchboard, centre.operations))
    return generate_latest(registry).decode()


async def test_every_event_that_somebody_hears_is_a_frozen_dataclass_with_slots() -> None:
    async with opened() as centre:
        kinds = centre.bus.kinds()
        assert len(kinds) > 5
        for kind in kinds:
            assert dataclasses.is_dataclass(kind)
            assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]
            assert "__slots__" in vars(kind), kind


async def test_every_event_of_a_call_is_published_in_order_with_the_call_after_it() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        logged: list[CallEventLogged] = []
        leave = centre.bus.subscribe(CallEventLogged, logged.append)
        await one_talk(centre, agent)
        leave()
        rows = [row for _, row in sorted(centre.history.call_events.items())]
        assert [history.KINDS[type(one.event)] for one in logged] == [row.kind for row in rows]
        assert {one.view.call_id for one in logged} == {centre.cdr().call_id}
        assert logged[-1].view.state.value == "ending"


async def test_decisions_of_the_dispatcher_are_published_as_they_are() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        offered: list[Offered] = []
        states: list[AgentState] = []
        leaves = (
            centre.bus.subscribe(Offered, offered.append),
            centre.bus.subscribe(AgentStateChanged, lambda change: states.append(change.state)),
        )
        await one_talk(centre, agent)
        for leave in leaves:
            leave()
        assert [offer.agent for offer in offered] == ["1001"]
        assert states == [AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP]


async def test_registration_is_published_for_those_who_keep_it_and_those_who_ring() -> None:
    async with opened() as centre:
        happened: list[object] = []
        leaves = [
            centre.bus.subscribe(kind, happened.append) for kind in (PhoneReachabilityChanged, RegistrationsChanged)
        ]
        phone = centre.employ("1001")
        phone.register(password("1001"))
        await centre.pass_time(0.1)
        for leave in leaves:
            leave()
        assert happened == [PhoneReachabilityChanged(AgentId("1001")), RegistrationsChanged()]


async def test_listener_that_raises_costs_no_call_anything() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")

        def broken(event: object) -> None:
            raise ValueError("a plug-in's fault")

        leaves = [centre.bus.subscribe(kind, broken) for kind in centre.bus.kinds()]
        await one_talk(centre, agent)
        for leave in leaves:
            leave()
        assert centre.cdr().outcome is Outcome.ANSWERED
        assert {fault.handler for fault in centre.handler_faults} == {broken.__qualname__}
        assert f'acdcore_event_faults_total{{event="Offered",handler="{broken.__qualname__}"}} 1.0' in metrics(centre)
        centre.handler_faults.clear()


async def test_call_that_leaves_a_subscription_behind_is_found_by_the_ledger() -> None:
    async with opened() as centre:
        leave = centre.bus.subscribe(Offered, lambda offered: None)
        assert centre.ledger() == {"subscriptions of events": 1}
        leave()
        assert centre.ledger() == {}


async def test_listener_may_end_the_call_of_which_it_hears() -> None:
    async with opened() as centre:
        await centre.seat("1001")

        def hang_up(logged: CallEventLogged) -> None:
            if isinstance(logged.event, history.CallOffered):
                centre.switchboard.hang_up(logged.view.call_id, "a plug-in")

        leave = centre.bus.subscribe(CallEventLogged, hang_up)
        centre.caller(VIP).call(SERVICE_LINE)
        await centre.pass_time(5)
        leave()
        assert centre.cdr().outcome is Outcome.WITHDRAWN
