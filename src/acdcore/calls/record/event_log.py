"""The call event log: writes each event once, for the spool, the event stream and the live views."""

from collections.abc import Sequence
from dataclasses import fields

from acdcore.calls.model import history as events
from acdcore.calls.model.commands import LiveAgent, LiveAgentState, LiveCall, ReloadReport
from acdcore.calls.model.directory import Customer, PastContact
from acdcore.calls.model.events import CallEventLogged, OpeningHoursChanged, WorkItemChanged
from acdcore.calls.model.ports import Directory, Spool
from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEventRow,
    CdrRow,
    Detail,
    QueueVisitRow,
    RecordingRow,
    TraceRow,
    WorkRow,
)
from acdcore.calls.record import live
from acdcore.calls.record.cdr import WallTime, cdr, is_on_record
from acdcore.calls.record.event_stream import (
    AgentOfferEnded,
    AlarmChange,
    CallEventStream,
    OfferEndedCause,
    ScreenPop,
    ScreenPopExtras,
    StreamEventKind,
)
from acdcore.kernel import alarms
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.work.model import WorkItem

CONTACTS_SHOWN = 5
"""Earlier contacts in a screen pop: as many as an agent can read while the phone rings."""

SHUTDOWN_REASON = "shutdown"
"""Reason of the log-out of agents when the daemon stops."""

STREAM_KINDS: dict[type[events.Event], StreamEventKind] = {
    events.Arrived: StreamEventKind.CALL_ARRIVED,
    events.CallAnswered: StreamEventKind.CALL_ANSWERED,
    events.CallQueued: StreamEventKind.CALL_QUEUED,
    events.CallConnected: StreamEventKind.CALL_CONNECTED,
    events.CallHeld: StreamEventKind.CALL_HELD,
    events.CallResumed: StreamEventKind.CALL_RESUMED,
    events.CallOverflowed: StreamEventKind.CALL_MOVED,
    events.Sent: StreamEventKind.CALL_MOVED,
    events.Returned: StreamEventKind.CALL_MOVED,
    events.CallTalkEnded: StreamEventKind.CALL_MOVED,
}
"""Events that the stream shows as the call's new state. The others have kinds of their own, or are not streamed."""

DETAILS: dict[type[events.Event], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.name != "at") for kind in events.KINDS
}
"""The fields of each event that go into its row."""


class CallEventLog:
    """One for the daemon; every event of calls and agents goes through it."""

    def __init__(
        self,
        clock: Clock,
        spool: Spool,
        stream: CallEventStream,
        directory: Directory,
        bus: EventBus,
        alarms: Alarms | None = None,
    ) -> None:
        """`alarms` may have been raised before the event log exists; the stream has those too."""
        self.stream = stream
        self.alarms = alarms or Alarms(clock)
        """Where lasting faults are raised as alarms."""
        self._clock = clock
        self._time = WallTime(clock.now(), clock.wall())
        self._spool = spool
        self._directory = directory
        self._bus = bus
        self._agent_events = 0
        self.alarms.listen(self._publish_alarm)
        bus.subscribe(OpeningHoursChanged, self._hours_changed)

    @property
    def time(self) -> WallTime:
        """From monotonic seconds to UTC."""
        return self._time

    def clock_set(self) -> None:
        """The machine's clock was set: times that are written from here on follow it."""
        self._time.set(self._clock.now(), self._clock.wall())

    def append(self, view: LiveCall, serial: int, event: events.Event) -> LiveCall:
        """Write the event with number `serial` of the call; returns the call's view after it."""
        kind = type(event)
        at = self._time.at(event.at)
        detail: Detail = {name: getattr(event, name) for name in DETAILS[kind]}
        self._spool.append(CallEventRow(view.call_id, serial, at, events.KINDS[kind], detail))
        former, view = view, live.apply(view, event, self._time)
        stream_kind = STREAM_KINDS.get(kind)
        if stream_kind is StreamEventKind.CALL_MOVED and view.state is former.state:
            stream_kind = None  # to another queue, for which `CALL_QUEUED` follows
        if stream_kind is not None:
            self.stream.publish(stream_kind, view, at)
        self._bus.publish(CallEventLogged(view, event))
        return view

    def trace(self, call_id: CallId, number: str, now: float) -> None:
        """Write the number that the caller of a new call withholds; no other row or event of the call has it."""
        self._spool.append(TraceRow(call_id, self._time.at(now), number))

    def screen_pop(
        self,
        view: LiveCall,
        event: events.CallOffered,
        ring_for_s: float,
        customer: Customer | None,
        beside: ScreenPopExtras,
    ) -> None:
        """Publish the screen pop, at the moment when the agent's phone begins to ring."""
        contacts = self._directory.last_contacts(customer.id if customer else view.caller, CONTACTS_SHOWN)
        pop = ScreenPop(
            agent=event.agent,
            queue=event.queue,
            ring_for_s=ring_for_s,
            call=view,
            customer=customer,
            last_contacts=tuple(contacts),
            place=beside.place,
            region=beside.region,
            work=beside.work,
            open_work=beside.open_work,
        )
        self.stream.publish(StreamEventKind.AGENT_OFFERED, pop, self._time.at(event.at))

    def offer_ended(
        self, view: LiveCall, queue: QueueName, event: events.CallOfferEnded, ending: OfferEndedCause, phone: str = ""
    ) -> None:
        """Publish that the offer has ended, and at which `phone` it was accepted."""
        over = AgentOfferEnded(view.call_id, event.agent, queue, ending, phone)
        self.stream.publish(StreamEventKind.OFFER_ENDED, over, self._time.at(event.at))

    def close(self, call_id: CallId, history: Sequence[events.Event], figures: Detail) -> CdrRow:
        """Fold the finished history into the call's record and write it."""
        row = cdr(call_id, history, self._time, figures)
        if not is_on_record(history):
            self.stream.publish(StreamEventKind.CALL_ENDED, row, row.ended_at)
            return row
        self._spool.append(row)
        contact = PastContact(call_id, row.arrived_at, row.queue, row.served_by, row.outcome, row.direction)
        self._directory.note_contact(row.caller, row.customer_id, contact)
        self.stream.publish(StreamEventKind.CALL_ENDED, row, row.ended_at)
        return row

    def work(self, item: WorkItem) -> None:
        """A work item has changed."""
        at = item.changed_at or item.created_at
        self._spool.append(WorkRow(item.id, item.changes, at, item))
        self.stream.publish(StreamEventKind.WORK_CHANGED, item, at)
        self._bus.publish(WorkItemChanged(item))

    def answer(self, view: LiveCall, agent: AgentId | None, number: int, event: events.QuestionAnswered) -> None:
        """The caller has answered a question; `agent` is the one of the talk before, None when there was none."""
        row = AnswerRow(
            call_id=view.call_id,
            n=number,
            at=self._time.at(event.at),
            flow=event.flow,
            question=event.question,
            kind=event.kind,
            value=event.value,
            agent=agent,
            queue=view.queue,
            customer_id=view.customer_id,
        )
        self._spool.append(row)
        self.stream.publish(StreamEventKind.QUESTION_ANSWERED, row, row.at)

    def queue_visit(self, row: QueueVisitRow) -> None:
        """A visit to a queue has ended."""
        self._spool.append(row)

    def reloaded(self, report: ReloadReport) -> None:
        """A reload has taken effect."""
        self.stream.publish(StreamEventKind.RELOADED, report, self._clock.wall())

    def recording(self, row: RecordingRow) -> None:
        """A recording is complete."""
        self._spool.append(row)
        self.stream.publish(StreamEventKind.RECORDING_FINISHED, row, self._clock.wall())

    def agent_state(self, agent: LiveAgent) -> None:
        """An agent's state changed."""
        self._agent_events += 1
        row = AgentEventRow(
            agent.agent, agent.since, self._agent_events, agent.state.value, agent.reason or "", agent.call_id
        )
        self._spool.append(row)
        self.stream.publish(StreamEventKind.AGENT_STATE, agent, agent.since)

    def agent_cut_off(self, agent: AgentId, now: float) -> None:
        """The daemon stops while an agent is logged in: the time until the next start is not time on duty."""
        self._agent_events += 1
        row = AgentEventRow(
            agent, self._time.at(now), self._agent_events, LiveAgentState.LOGGED_OUT.value, SHUTDOWN_REASON
        )
        self._spool.append(row)

    def _hours_changed(self, event: OpeningHoursChanged) -> None:
        self.stream.publish(StreamEventKind.HOURS_CHANGED, event.hours, self._clock.wall())

    def _publish_alarm(self, alarm: alarms.Alarm) -> None:
        change = AlarmChange(alarm.kind.name, alarm.is_raised, alarm.detail, alarm.about, alarm.kind.severity)
        self.stream.publish(StreamEventKind.ALARM, change, alarm.ended_at or alarm.raised_at)
