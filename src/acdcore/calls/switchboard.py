"""The switchboard: admits calls, starts their scripts, and writes their records."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import structlog

from acdcore.calls.admission.admission import AdmissionControl
from acdcore.calls.admission.refusals import Refusals
from acdcore.calls.admission.screening import Blocked, Passed, Repeated, Screen
from acdcore.calls.context import CallContext
from acdcore.calls.core.call import ALWAYS, Call, Ending
from acdcore.calls.core.leg import VANISHED, AtPhone, Leg, Side, warning
from acdcore.calls.media.audio_address import AudioRule
from acdcore.calls.model import history
from acdcore.calls.model.commands import CallState, LiveCall
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.rows import Detail, EndedBy
from acdcore.calls.numbers.caller_id import CHARS_MAX, CallerId, caller_of, dialled_numbers, plain_user
from acdcore.calls.record.cdr import cause_of
from acdcore.calls.record.live import shifted
from acdcore.calls.scripts.callback import CANCELLED, attempt
from acdcore.calls.scripts.dial_out import credentials_of
from acdcore.calls.scripts.feature_code import NAIL_UP, feature_code, is_feature_code
from acdcore.calls.scripts.inbound import inbound, reject_with_prompt
from acdcore.calls.scripts.nailed_up import nailed_up
from acdcore.calls.trunks.capacity import CapacityExhausted, TakenCapacity, WhenFull
from acdcore.calls.trunks.trunks import AGENTS_TRUNK, WORK_TRUNK, InboundRoute, Trunk
from acdcore.ivr.calendars.opening_hours import Moment, flow_for
from acdcore.ivr.model.flow import Language, PromptName
from acdcore.ivr.model.system_prompts import SystemPrompt, system_key
from acdcore.kernel.errors import AcdError, Outcome
from acdcore.kernel.ids import AgentId, CallId
from acdcore.kernel.refusal_log import Refusal
from acdcore.media.model import StreamFigures
from acdcore.numbering.plan import HOME
from acdcore.sdp.model import SdpError
from acdcore.sip.events import (
    Fields,
    FlowClosed,
    InviteArrived,
    RequestArrived,
    RequestFinished,
    RequestRejected,
    SipEvent,
    SipFlow,
)
from acdcore.sip.peers import Peer, PeerKind
from acdcore.sip.registrar import instance_in
from acdcore.sip.syntax.message import Request
from acdcore.work.model import WorkId, WorkItem

CallScript: TypeAlias = Callable[[Call], Coroutine[None, None, Ending]]
"""A call script: returns why the call ends."""

RETRY_AFTER: Fields = (("Retry-After", "5"),)
"""Fields of the 503 when all lines or all audio ports are taken (RFC 3261 section 21.5.4)."""
BRIEF = 423
"""Interval Too Brief: phones then register for a longer time, so it is not logged as a refusal."""
DRAIN_TOLD_EVERY_S = 5.0
"""Seconds between two reports of the calls that remain while the daemon stops."""
CLOSE_S = 5.0
"""Seconds; cancelled scripts end within a turn of the loop, and a fault in one must not keep the daemon up."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Caller and dialled number of a call."""

    trunk: str
    """The trunk's name, or `AGENTS_TRUNK`."""
    caller: CallerId
    dialled: str
    rejected: history.CallRejected | None = None
    """The call is answered only for this announcement; None for calls that are served."""


class Switchboard:
    """All live calls, and the admission of new ones."""

    def __init__(self, context: CallContext, admission: AdmissionControl, screen: Screen) -> None:
        self.calls: dict[CallId, Call] = {}
        self.refusals = Refusals(context.clock, admission.sources, context.bus)
        """Counts and logs refused requests."""
        self._context = context
        self.admission = admission
        """Decides who may call; a reload changes its rules."""
        self._screen = screen
        self._work: dict[WorkId, Call] = {}
        """Calls that are attempts at work items."""
        self._log = structlog.get_logger("calls")
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_draining = False
        """Whether the daemon is stopping: no call is admitted any more."""
        self._serial = 0

    # --- what the SIP stack reports ---

    def on_sip(self, event: SipEvent) -> None:
        """One event of the SIP stack."""
        match event:
            case InviteArrived():
                self._arrive(event)
            case RequestArrived():
                self._register(event)
            case RequestRejected():
                self._rejected(event)
            case RequestFinished():
                self._context.agents.phones.on_request_finished(event)
            case FlowClosed(flow=flow):
                self._context.agents.phones.on_flow_closed(flow)
            case _:
                self._context.event_router.on_session(event)

    def _arrive(self, event: InviteArrived) -> None:
        dialled = plain_user(event.request.uri)
        if self.is_draining:
            self._turn_away(event, 503, RETRY_AFTER, "shutting down")
            return
        match event.peer:
            case Peer(PeerKind.TRUNK, name):
                self._from_trunk(event, self._context.rules.trunks[name])
            case Peer(PeerKind.AGENT, name) if (agent := self._context.directory.agent(AgentId(name))) is not None:
                self._from_agent(event, agent, dialled)
            case _:
                self._turn_away(event, 403, (), "unknown peer")

    def _register(self, event: RequestArrived) -> None:
        stack = self._context.event_router.stack
        match event.peer:
            case Peer(PeerKind.AGENT, name):
                reply = self._context.agents.phones.register(event.request, event.flow, AgentId(name))
                stack.respond(event.transaction, reply.status, reply.headers)
                if reply.refusal and reply.status != BRIEF:
                    whom = event.request.to.uri.username
                    self._refused(event.request, event.flow, reply.refusal, name, whom)
            case _:
                stack.respond(event.transaction, 403)

    def _rejected(self, event: RequestRejected) -> None:
        """A request that the endpoint has refused already."""
        if event.reason:
            self._refused(event.request, event.flow, event.reason, event.user, event.request.uri.username)

    def _refused(self, request: Request, flow: SipFlow, reason: str, user: str, detail: str) -> None:
        """Count and log a request that was refused already; `user`, if not empty, has authenticated."""
        self.refusals.refused(
            Refusal(
                what=request.method.lower(),
                reason=reason,
                source=flow.remote.host,
                port=flow.remote.port,
                is_proven=bool(user) or flow.transport.is_reliable,
                is_known=self.refusals.is_shared(flow.remote.host),
                user=user,
                detail=detail,
            )
        )

    # --- admission ---

    def _from_agent(self, event: InviteArrived, agent: AgentRecord, dialled: str) -> None:
        if not is_feature_code(dialled):
            self._turn_away(event, 403, (), "no right to dial")
            return
        script = nailed_up if dialled == NAIL_UP else feature_code
        parties = Parties(AGENTS_TRUNK, CallerId(agent.agent), dialled[:CHARS_MAX])
        self._begin(event, parties, None, partial(script, context=self._context, agent=agent))

    def _from_trunk(self, event: InviteArrived, trunk: Trunk) -> None:
        self._context.event_router.stack.set_path(event.session, trunk.path, credentials_of(trunk))
        plan = trunk.plan
        found = self._context.rules.trunks.route(trunk.name, dialled_numbers(event.request, trunk.did_from, plan))
        if found is None:
            self._turn_away(event, 404, (), "no such number")
            return
        dialled, route = found
        parties = Parties(trunk.name, caller_of(event.request, plan), dialled)
        caller, clock = parties.caller, self._context.clock
        screened = self._screen.arrived(caller.screened, clock.now(), clock.wall(), is_withheld=caller.is_withheld)
        if not isinstance(screened, Passed):
            self._refuse_caller(event, parties, screened)
            return
        moment = self._moment(route)
        name = flow_for(moment, route.flow, route.closed_flow, route.holiday_flow, route.flows)
        script = partial(inbound, context=self._context, flow=self._context.rules.flows[name])
        try:
            capacity = self._context.trunk_capacity.take(trunk.name)
        except CapacityExhausted as full:
            self._overflow(event, parties, full)
            return
        self._begin(event, parties, capacity, script, moment)

    def _moment(self, route: InboundRoute) -> Moment:
        calendar = self._context.rules.calendars.get(route.calendar)
        return ALWAYS if calendar is None else self._context.hours.moment(calendar)

    def _refuse_caller(self, event: InviteArrived, parties: Parties, screened: Blocked | Repeated) -> None:
        """Screening refuses the caller: by an announcement if the rules and a reserve line allow it, else by status."""
        why = reason = "called too often"
        prompt = SystemPrompt.CALLED_TOO_OFTEN
        if isinstance(screened, Blocked):
            reason = "blocked"
            why, prompt = f"blocked: {screened.reason}", SystemPrompt.BLOCKED
        if self._context.rules.screening.announce:
            name = system_key(prompt, Language.MANDARIN).name
            rejected = history.CallRejected(self._context.clock.now(), Outcome.BLOCKED, why)
            script = partial(
                reject_with_prompt, context=self._context, prompt=name, outcome=Outcome.BLOCKED, detail=why
            )
            with suppress(CapacityExhausted):
                self._begin(
                    event, replace(parties, rejected=rejected), self._context.trunk_capacity.take_reserve(), script
                )
                self._note(event, reason)
                return
        call = self._open(parties)
        self._turn_away(event, 603, (), reason)
        self._close(call, Ending(Outcome.BLOCKED, EndedBy.SYSTEM, why))

    def _overflow(self, event: InviteArrived, parties: Parties, full: CapacityExhausted) -> None:
        """All lines are taken: carry out the rule `when_full`; the call gets a record in any case."""
        settings = self._context.trunk_capacity.settings
        if settings.when_full is WhenFull.ANNOUNCEMENT:
            try:
                capacity = self._context.trunk_capacity.take_reserve()
            except CapacityExhausted as none_left:
                full = none_left
            else:
                prompt = PromptName(settings.announcement)
                rejected = history.CallRejected(self._context.clock.now(), Outcome.REFUSED_CAPACITY, str(full))
                script = partial(
                    reject_with_prompt, context=self._context, prompt=prompt, outcome=Outcome.REFUSED_CAPACITY
                )
                self._begin(event, replace(parties, rejected=rejected), capacity, script)
                return
        call = self._open(parties)
        if settings.when_full is WhenFull.REDIRECT:
            call.log(
                history.CallOverflowed(self._context.clock.now(), "capacity", f"external_number:{settings.redirect_to}")
            )
            self._turn_away(event, 302, (("Contact", f"<{settings.redirect_to}>"),), "capacity exhausted")
        else:
            self._turn_away(event, 503, RETRY_AFTER, "capacity exhausted")
        self._close(call, Ending(Outcome.REFUSED_CAPACITY, EndedBy.SYSTEM, str(full)))

    def _turn_away(self, event: InviteArrived, status: int, headers: Fields, reason: str) -> None:
        self._note(event, reason)
        self._context.event_router.stack.refuse(event.session, status, headers=headers)

    def _note(self, event: InviteArrived, reason: str) -> None:
        """Log that a call of a known peer was refused."""
        remote, peer = event.flow.remote, event.peer
        detail = f"{caller_of(event.request, HOME).number or 'withheld'} to {event.request.uri.username}"
        is_proven = event.flow.transport.is_reliable or (peer is not None and peer.kind is PeerKind.AGENT)
        name = peer.name if peer is not None else ""
        self.refusals.refused(Refusal("call", reason, remote.host, remote.port, is_proven, True, name, detail))

    # --- a call's life ---

    def _begin(
        self,
        event: InviteArrived,
        parties: Parties,
        capacity: TakenCapacity | None,
        script: CallScript,
        moment: Moment = ALWAYS,
    ) -> None:
        context, trunk = self._context, parties.trunk
        call = self._open(parties)
        call.moment = moment
        if capacity is not None:
            call.resources.callback(capacity.give_back)
        try:
            call.caller = leg = Leg(context.event_router, Side.CALLER, call)
            leg.phone = calling_phone(event.request, parties.caller.number) if trunk == AGENTS_TRUNK else None
            if trunk == AGENTS_TRUNK:
                leg.has_nat = context.event_router.audio.phones_nat
            else:
                known = context.rules.trunks[trunk]
                leg.has_nat, leg.is_symmetric = known.nat, known.symmetric_rtp
            leg.take_offer(event.session, event.offer, event.flow.remote, self._audio_of(trunk))
        except Exception as error:
            status = error.sip_status if isinstance(error, AcdError) else AcdError.sip_status
            headers = warning(error) if isinstance(error, SdpError) else RETRY_AFTER if status == 503 else ()
            self._turn_away(event, status, headers, type(error).__name__)
            self._close(call, self._ending_by(error, call))
            return
        self._run(call, script)

    def _audio_of(self, trunk: str) -> AudioRule:
        context = self._context
        return context.event_router.audio.phones if trunk == AGENTS_TRUNK else context.rules.trunks[trunk].audio

    def begin_work(self, item: WorkItem) -> None:
        """A callback or a message is due: begin its call, which waits for an agent without a caller."""
        if self.is_draining:
            return  # the callback queue keeps it for the next start
        context = self._context
        now = context.clock.now()
        at = context.event_log.time.at(now)
        number = (HOME.canonical(item.number) or item.number)[:CHARS_MAX]
        call = self._new_call(LiveCall(self._next_id(), WORK_TRUNK, number, number, CallState.ARRIVING, at))
        call.work, call.priority_s, call.waited_before_s = item.id, item.priority_s, item.waited_s
        self._work[item.id] = call
        call.resources.callback(self._forget_work, item.id, call)
        call.log(history.Arrived(now, WORK_TRUNK, number, number))
        customer = context.directory.customer(item.customer_id) if item.customer_id is not None else None
        customer = customer or (context.directory.customer_by_phone(number) if number else None)
        if customer is not None:
            call.recognise(customer, "phone", now)
        self._run(call, partial(attempt, context=context, item=item))

    def _forget_work(self, work: WorkId, call: Call) -> None:
        if self._work.get(work) is call:
            del self._work[work]

    def end_work(self, item: WorkItem) -> None:
        """The item was closed otherwise, or its customer calls: its call leaves the queue, or the attempt ends."""
        call = self._work.get(item.id)
        if call is not None:
            call.end(CANCELLED.outcome, CANCELLED.by, CANCELLED.detail)

    def _run(self, call: Call, script: CallScript) -> None:
        task = asyncio.get_running_loop().create_task(self._tell(call, script), name=call.id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open(self, parties: Parties) -> Call:
        context = self._context
        now = context.clock.now()
        trunk, caller, dialled = parties.trunk, parties.caller, parties.dialled
        view = LiveCall(
            self._next_id(), trunk, caller.number, dialled, CallState.ARRIVING, context.event_log.time.at(now)
        )
        call = self._new_call(view)
        call.log(history.Arrived(now, trunk, caller.number, dialled))
        if parties.rejected is not None:
            call.log(parties.rejected)
        if caller.trace:
            context.event_log.trace(call.id, caller.trace, now)
        return call

    def _new_call(self, view: LiveCall) -> Call:
        """A call that keeps the settings of this moment until it ends."""
        call = Call(view, self._context.event_log, self._context.take_settings())
        call.resources.callback(lambda: self._context.library.give_back(call.prompts))
        self.calls[call.id] = call
        return call

    async def _tell(self, call: Call, script: CallScript) -> None:
        """Run the script; however it ends, the call is closed and its record written.

        A task that is cancelled before its first step never runs at all, and then nobody would close the call. So the
        task is made known to the call here, and a hang-up that came earlier is seen as `call.ending`.
        """
        call.task = asyncio.current_task()
        ending = Ending(Outcome.SHUTDOWN, EndedBy.SYSTEM)
        try:
            if call.ending is None:
                ending = await script(call)
        except asyncio.CancelledError:
            pass  # by `Call.end`, which has set the ending, or by the end of the event loop
        except Exception as error:
            ending = self._ending_by(error, call)
        finally:
            self._close(call, call.ending or ending)

    def _ending_by(self, error: Exception, call: Call) -> Ending:
        """The ending of a call after an error; an unexpected error is a fault of ours, and logged as such."""
        if isinstance(error, AcdError):
            return Ending(error.outcome, EndedBy.SYSTEM, str(error))
        self._log.exception("call failed", call=call.id)
        return Ending(Outcome.FAILED, EndedBy.SYSTEM, f"{type(error).__name__}: {error}")

    def _close(self, call: Call, ending: Ending) -> None:
        """Give everything back and write the record; nothing here waits, so nothing can interrupt it."""
        call.ending = ending
        try:
            call.resources.close()
        finally:
            ending = call.ending  # a message that ends with the caller's hang-up is known only now
            figures = call.caller.close() if call.caller is not None else None
            now = self._context.clock.now()
            ended_by = None if call.caller is None else call.caller.ended_by
            if ended_by in VANISHED:
                call.log(history.PartyLost(now, Side.CALLER.value, None, ended_by.value))
            outcome, cause = call.outcome(ending), cause_of(ending.outcome, ending.by)
            call.log(history.Ended(now, outcome, ending.by, ending.detail, cause))
            del self.calls[call.id]
            self._context.event_log.close(call.id, call.history, shown_figures(figures))
            call.caller = None  # the two refer to each other, and a cycle lives until a full garbage collection

    def _next_id(self) -> CallId:
        self._serial += 1
        wall = self._context.clock.wall()
        return CallId(f"{wall:%Y%m%dT%H%M%S}{wall.microsecond // 1000:03d}-{self._serial:06d}")

    # --- operations ---

    def hang_up(self, call_id: CallId, by: str) -> bool:
        """End a call for operations staff; False when it is ending already or unknown."""
        call = self.calls.get(call_id)
        if call is None or call.ending is not None:
            return False
        call.end(Outcome.WITHDRAWN, EndedBy.SYSTEM, by)
        return True

    def clock_set(self, by: timedelta) -> None:
        """The machine's clock was set: move the times of live calls in their views."""
        for call in self.calls.values():
            call.view = shifted(call.view, by)

    def end_all(self) -> None:
        """Hang up every call."""
        for call in list(self.calls.values()):
            call.end(Outcome.SHUTDOWN, EndedBy.SYSTEM)

    async def drain(self, within_s: float, on_progress: Callable[[str], None] = lambda _: None) -> None:
        """Take no new calls; end those that are still up after `within_s`.

        Agents' nailed-up legs are not waited for, but stay up until the last caller who may need them is gone.
        `on_progress` is called every few seconds with the calls that remain.
        """
        self.is_draining = True
        for call in list(self._work.values()):
            if call.caller is None and call.view.state is not CallState.TALKING:
                if not call.was_with_somebody:
                    self._context.acd.leave_unrecorded(call)
                call.end(Outcome.SHUTDOWN, EndedBy.SYSTEM)  # the callback queue keeps the item
        standing = {capacity.call.task for capacity in self._context.agents.nailed_up_legs()}
        await self._wait_for(self._tasks - standing, within_s, on_progress)
        self.end_all()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_S)

    async def _wait_for(
        self, tasks: set[asyncio.Task[None]], within_s: float, on_progress: Callable[[str], None]
    ) -> None:
        rest_s = within_s
        while tasks and rest_s > 0:
            calls = [call for call in self.calls.values() if call.task in tasks]
            talks = sum(call.view.state in (CallState.TALKING, CallState.HELD) for call in calls)
            up = f"calls still up: {len(calls)}, talks among them: {talks}"
            on_progress(f"stopping: {up}; they may go on for {rest_s:.0f} s at most")
            step_s = min(rest_s, DRAIN_TOLD_EVERY_S)
            _, tasks = await asyncio.wait(tasks, timeout=step_s)
            rest_s -= step_s


def calling_phone(invite: Request, user: str) -> AtPhone:
    """The registered phone that calls, identified by its registered Contact."""
    contact = invite.contact
    if contact is None:
        return AtPhone(user, "")
    return AtPhone(user, str(contact.uri), instance_in(contact))


def shown_figures(figures: StreamFigures | None) -> Detail:
    """The stream's figures for the record."""
    if figures is None:
        return {}
    return {
        "packets_in": figures.packets_in,
        "packets_out": figures.packets_out,
        "lost": figures.lost,
        "jitter_ms": round(figures.jitter_ms, 1),
        "strangers": figures.strangers,
        "rtt_ms": figures.rtt_ms,
    }
