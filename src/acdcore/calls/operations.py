"""Operations: what staff, boards and CRMs may see and do by the control plane."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

import structlog

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, SentTo
from acdcore.calls.model import history
from acdcore.calls.model.commands import (
    AgentCommand,
    AlarmReport,
    CallState,
    CandidateAgent,
    EngineFigures,
    HealthReport,
    LiveAgent,
    LiveAlarm,
    LiveCall,
    LiveHours,
    LiveQueue,
    LiveWork,
    PartHealth,
    ReloadReport,
    RetentionReport,
    RunningTimer,
    Seat,
    SeatKind,
    UnknownCall,
    UnknownName,
    Why,
    WrongState,
)
from acdcore.calls.model.rows import QueueVisitRow
from acdcore.calls.record.call_segments import AGENT_TARGET
from acdcore.calls.routing_rules import unasked
from acdcore.calls.switchboard import Switchboard
from acdcore.ivr.flow.actions import EnterFlow, EnterQueue
from acdcore.ivr.model.flow import FlowName
from acdcore.kernel.alarms import Alarm, Severity
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId, CallId, QueueName, SkillName
from acdcore.kernel.mistakes import near
from acdcore.numbering.plan import HOME
from acdcore.queues.decisions import RefusalReason
from acdcore.queues.inputs import Channel
from acdcore.queues.live_figures import QueueFigures
from acdcore.queues.views import Explanation, QueueView
from acdcore.work.model import Cancelled, Changed, Closed, Input, InputRejected, WorkId, WorkItem, WorkState

SENDABLE = frozenset({CallState.WAITING, CallState.RINGING, CallState.TALKING, CallState.HELD})
"""States in which a caller can be sent to another queue or flow."""
ASSIGNABLE = frozenset({CallState.WAITING, CallState.RINGING})
"""States in which a caller can be assigned to an agent by staff."""
NEEDED = frozenset({"sip", "media"})
"""Parts without which no call can be taken."""


class Operations:
    """The `Commands` of the control plane."""

    def __init__(
        self,
        context: CallContext,
        switchboard: Switchboard,
        ports: int,
        health: Callable[[], tuple[PartHealth, ...]],
        reload: Callable[[str, bool], Awaitable[ReloadReport]],
        retain: Callable[[str, bool], Awaitable[RetentionReport]] | None = None,
    ) -> None:
        """Keep what the commands use.

        `ports` is the number of port pairs that the engine may open. `health` returns the state of every part. `reload`
        and `retain` get the name of who asks, and whether it is a dry run.
        """
        self._reload = reload
        self._retain = retain
        self._context = context
        self._switchboard = switchboard
        self._ports = ports
        self._health = health

    # --- calls ---

    def live_calls(self) -> tuple[LiveCall, ...]:
        """Every call that is up, oldest first."""
        positions = self._context.acd.positions()
        return tuple(self._placed(call, positions) for call in self._switchboard.calls.values())

    def live_call(self, call_id: CallId) -> LiveCall:
        """One call that is up; raises UnknownCall."""
        return self._placed(self._call(call_id), self._context.acd.positions())

    def hang_up(self, call_id: CallId, by: str) -> None:
        """End a call; raises UnknownCall, WrongState."""
        call = self._call(call_id)
        if not self._switchboard.hang_up(call_id, by):
            raise WrongState(f"call {call_id} is {call.view.state.value} already")

    def why(self, call_id: CallId) -> Why:
        """Why a caller still waits; raises UnknownCall, WrongState."""
        call = self._call(call_id)
        explanation = self._context.acd.why(call)
        if explanation is None:
            raise WrongState(f"call {call_id} is {call.view.state.value}: it waits in no queue")
        queued_at = call.view.queued_at or call.view.arrived_at
        waited_s = (self._context.clock.wall() - queued_at).total_seconds()
        names = {record.agent: record.name for record in self._context.directory.agents()}
        return shown_why(call_id, explanation, round(waited_s, 1), names, self._context.clock.now())

    def assign(self, call_id: CallId, agent: AgentId, by: str) -> None:
        """Offer a waiting caller to this agent now; raises UnknownCall, UnknownAgent, WrongState."""
        call = self._call(call_id)
        who = self._context.agents.agent(agent)
        if call.view.state not in ASSIGNABLE:
            raise WrongState(f"call {call_id} is {call.view.state.value}: only a waiting caller can be assigned")
        refusal = self._context.acd.assign(call, agent)
        if refusal is RefusalReason.UNKNOWN_ENTRY:
            raise WrongState(f"call {call_id} is {call.view.state.value}: it waits in no queue")
        if refusal is not None:
            raise WrongState(f"agent {agent} is {who.state.value}: only a ready agent can be assigned a caller")
        call.log(history.Sent(self._context.clock.now(), f"{AGENT_TARGET}{agent}", by))

    def requeue(self, call_id: CallId, queue: QueueName, by: str) -> None:
        """Send a waiting or talking caller to another queue; raises UnknownCall, UnknownName, WrongState."""
        if queue not in self._context.rules.queues:
            raise UnknownName(f"there is no queue {queue}")
        call = self._call(call_id)
        self._send(call, EnterQueue(queue, call.priority_s), by)

    def send_to_flow(self, call_id: CallId, flow: str, by: str) -> None:
        """Send a waiting or talking caller into a flow; raises UnknownCall, UnknownName, WrongState."""
        if flow not in self._context.rules.flows:
            raise UnknownName(f"there is no flow {flow}; there are {', '.join(sorted(self._context.rules.flows))}")
        self._send(self._call(call_id), EnterFlow(FlowName(flow)), by)

    def _send(self, call: Call, where: EnterQueue | EnterFlow, by: str) -> None:
        if call.view.state not in SENDABLE or call.caller is None:
            raise WrongState(
                f"call {call.id} is {call.view.state.value}: only a caller who waits or talks can be sent elsewhere"
            )
        call.mailbox.post(SentTo(where, by))

    def _call(self, call_id: CallId) -> Call:
        call = self._switchboard.calls.get(call_id)
        if call is None:
            raise UnknownCall(f"no call {call_id} is up")
        return call

    @staticmethod
    def _placed(call: Call, positions: dict[CallId, int]) -> LiveCall:
        position = positions.get(call.id)
        return call.view if position is None else replace(call.view, position=position)

    # --- queues and agents ---

    def queues(self) -> tuple[LiveQueue, ...]:
        """Every queue, by name."""
        talking: dict[str, int] = {}
        for call in self._switchboard.calls.values():
            if call.view.state in (CallState.TALKING, CallState.HELD) and call.view.queue is not None:
                talking[call.view.queue] = talking.get(call.view.queue, 0) + 1
        views = sorted(self._context.acd.queues(), key=lambda view: view.queue)
        return tuple(live_queue(view, talking.get(view.queue, 0)) for view in views)

    def running_queue_visits(self) -> Sequence[QueueVisitRow]:
        """The queue visits that are not over, as they stand, and those that ended within the last seconds."""
        return self._context.queue_visits.running()

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent, by number."""
        return self._context.agents.agents()

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        return self._context.agents.agent(agent)

    def set_agent_state(
        self, agent: AgentId, command: AgentCommand, reason: str | None, seat: Seat | None = None
    ) -> LiveAgent:
        """Carry out `command`; raises UnknownAgent, WrongState."""
        if command is AgentCommand.LOG_IN and seat is not None and seat.kind is SeatKind.NUMBER:
            self._check_outbound_trunk(seat)
        done = self._context.agents.command(agent, command, reason, seat)
        if command is AgentCommand.LOG_IN:
            self._tell_of_skills(agent)
        return done

    def _check_outbound_trunk(self, seat: Seat) -> None:
        """Raises WrongState for an external number that can never be rung."""
        trunk = self._context.rules.trunks.outbound_trunk()
        if trunk is None:
            raise WrongState(f"no trunk may dial out, so {seat.where} cannot be rung; set may_dial_out on one")
        if not HOME.canonical(seat.where):
            raise WrongState(f"{seat.where} is no telephone number; write it as in +8613800138000 or 13800138000")

    def _tell_of_skills(self, agent: AgentId) -> None:
        record = self._context.directory.agent(agent)
        warnings = self.skill_warnings(record.skills) if record is not None else ()
        if warnings:
            structlog.get_logger("agents").warning("skills_nobody_asks_for", agent=agent, warnings=warnings)

    def skill_warnings(self, skills: Collection[SkillName]) -> tuple[str, ...]:
        """A warning for each of these skills that no queue, rule or flow asks for."""
        asked = self._context.rules.skills_asked
        if not asked:
            return ()
        return tuple(f"no queue, rule or flow asks for {skill}{near(skill, asked)}" for skill in unasked(skills, asked))

    def agent_changed(self, agent: AgentId) -> None:
        """Take over an agent's changed record; raises UnknownAgent."""
        self._context.agents.agent_changed(agent)

    # --- hours, work, settings ---

    def hours(self) -> tuple[LiveHours, ...]:
        """Every calendar now, by name."""
        return self._context.hours.live()

    def hours_forced(self) -> None:
        """Take over changed entries of the store of forced hours."""
        self._context.hours.look()

    def request_callback(self, item: WorkItem) -> WorkItem:
        """Put a callback into the callback queue; raises UnknownName, WrongState."""
        if item.queue not in self._context.acd.dispatcher.queue_names():
            raise UnknownName(f"there is no queue {item.queue}")
        if self._context.rules.trunks.outbound_trunk() is None:
            raise WrongState("no trunk may dial out, so nobody can be called back; set may_dial_out on one")
        return self._context.callback_scheduler.request(item)

    def end_work(self, work: WorkId, state: WorkState, by: str) -> WorkItem:
        """Close or cancel an open item; raises UnknownName, WrongState."""
        item = self._context.callback_scheduler.item(work)
        if item is None:
            raise UnknownName(f"no open work item is called {work}")
        wanted: Input = Closed(work, by) if state is WorkState.DONE else Cancelled(work, by)
        outputs = self._context.callback_scheduler.handle(wanted)
        for output in outputs:
            match output:
                case Changed(item=changed) if changed.id == work:
                    return changed
                case InputRejected(why=why):
                    raise WrongState(f"work item {work}: {why}")
                case _:
                    pass
        return item

    async def reload(self, by: str, *, is_dry_run: bool) -> ReloadReport:
        """Read the settings again and apply them as a whole, or report what would change."""
        return await self._reload(by, is_dry_run)

    async def retain(self, by: str, *, is_dry_run: bool) -> RetentionReport:
        """Delete what retention says, or only count it; raises Unavailable."""
        if self._retain is None:
            raise Unavailable("this process has no retention; ask the daemon")
        return await self._retain(by, is_dry_run)

    # --- the machine ---

    def engine(self) -> EngineFigures:
        """The media engine's counters."""
        census = self._context.event_router.engine.census()
        carried = self._context.event_router.so_far()
        return EngineFigures(
            streams=census.streams,
            ports_free=self._ports - census.streams,
            packets_received=carried.packets_in,
            packets_sent=carried.packets_out,
            packets_lost=carried.lost,
            packets_refused=carried.refused,
            tap_samples_dropped=census.dropped_blocks * 8000,
        )

    def health(self) -> HealthReport:
        """Every part; ready when the parts that calls need work and the daemon is not stopping."""
        parts = self._health()
        is_well = all(part.is_ok for part in parts if part.name in NEEDED)
        is_degraded = any(
            alarm.kind.severity is not Severity.MINOR for alarm in self._context.event_log.alarms.raised()
        )
        return HealthReport(is_well and not self._switchboard.is_draining, parts, is_degraded)

    def alarms(self) -> AlarmReport:
        """The alarms that are raised, and those of late."""
        alarms = self._context.event_log.alarms
        return AlarmReport(tuple(map(live_alarm, alarms.raised())), tuple(map(live_alarm, alarms.past())))


def live_alarm(alarm: Alarm) -> LiveAlarm:
    """An alarm as the control plane shows it."""
    return LiveAlarm(
        name=alarm.kind.name,
        about=alarm.about,
        severity=alarm.kind.severity,
        detail=alarm.detail,
        remedy=alarm.kind.remedy,
        raised_at=alarm.raised_at,
        ended_at=alarm.ended_at,
        times=alarm.times,
    )


def shown_why(
    call_id: CallId, explanation: Explanation, waited_s: float, names: Mapping[AgentId, str], now: float
) -> Why:
    """The dispatcher's explanation as the control plane shows it."""
    candidates = tuple(
        CandidateAgent(
            agent=each.agent,
            name=names.get(each.agent, ""),
            removed_by=each.exclusion.value if each.exclusion else None,
            detail=each.detail,
            key=str(each.key) if each.key is not None else "",
        )
        for each in explanation.candidates
    )
    blocked_by = explanation.blocked_by.value if explanation.blocked_by else None
    if explanation.ringing:
        blocked_by = f"agent {explanation.ringing} is being rung"
    needs = " ".join(f"{skill}>={level}" for skill, level in explanation.needs.items()) or "nothing"
    return Why(
        call_id=call_id,
        queue=explanation.queue,
        position=explanation.position,
        waited_s=waited_s,
        blocked_by=blocked_by,
        candidates=candidates,
        needs=f"{needs} (widening step {explanation.widening_step})" if explanation.widening_step else needs,
        key=str(explanation.key),
        timers=tuple(RunningTimer(timer.name.value, round(timer.at - now, 1)) for timer in explanation.timers),
        would_change=explanation.would_change,
    )


def live_queue(view: QueueView, talking: int) -> LiveQueue:
    """A queue as boards show it: callers, and apart from them callbacks and messages."""
    callers = [waiting for waiting in view.waiting if waiting.channel is Channel.CALL]
    figures = view.figures
    ringing = sum(waiting.agent is not None for waiting in callers)
    return LiveQueue(
        name=view.queue,
        waiting=len(callers) - ringing,
        ringing=ringing,
        talking=talking,
        agents_logged_in=view.agents_on_duty,
        agents_ready=view.agents_ready,
        offered=figures.offered,
        answered=figures.answered,
        abandoned_long=figures.abandoned,
        abandoned_short=figures.abandoned_short,
        overflowed=figures.overflowed,
        service_level=figures.service_level,
        longest_wait_s=max((waiting.waited_s for waiting in callers), default=0.0),
        asa_s=figures.average_speed_of_answer_s,
        callbacks=live_work(view, Channel.CALLBACK),
        messages=live_work(view, Channel.VOICEMAIL),
    )


def live_work(view: QueueView, channel: Channel) -> LiveWork:
    """The work items of one kind in a queue."""
    items = [waiting for waiting in view.waiting if waiting.channel is channel]
    ringing = sum(item.agent is not None for item in items)
    figures = view.work_figures.get(channel, QueueFigures())
    return LiveWork(
        waiting=len(items) - ringing,
        ringing=ringing,
        offered=figures.offered,
        answered=figures.answered,
        longest_wait_s=max((item.waited_s for item in items), default=0.0),
    )
