"""A small call centre held in memory, for the control plane to serve: two calls, two agents, three customers."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acdcore.calls.model.commands import (
    AgentCommand,
    AlarmReport,
    CallState,
    CandidateAgent,
    EngineFigures,
    HealthReport,
    LiveAgent,
    LiveAgentState,
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
    SettingChange,
    UnknownAgent,
    UnknownCall,
    UnknownName,
    Why,
    WrongState,
)
from acdcore.calls.model.directory import AgentRecord, Customer, CustomerChange, NewCustomer, PastContact, Tier
from acdcore.calls.model.ports import (
    AnswerFilter,
    CallFilter,
    CallHistory,
    ForcedHours,
    IdTaken,
    QueueVisitFilter,
    RecordingFilter,
    Screening,
    Transcribed,
    TranscriptFilter,
    UnknownRecord,
    VersionConflict,
    WorkFilter,
)
from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEnd,
    CallEventRow,
    CallSegment,
    CdrRow,
    EndedBy,
    QueueVisitRow,
    RecordingRow,
    SegmentEnd,
    SegmentKind,
    TraceRow,
    WorkRow,
)
from acdcore.calls.record.event_stream import CallEventStream
from acdcore.kernel.alarms import Severity
from acdcore.kernel.errors import Outcome, Refused, Unavailable
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.work.model import ENDED as ENDED_STATES
from acdcore.work.model import DialFirst, WorkId, WorkItem, WorkKind, WorkState

MORNING = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
WAITING = CallId("20261121T083000000-000001")
TALKING = CallId("20261121T083005000-000002")
ENDED = CallId("20261121T080000000-000009")
SERVICE = QueueName("service")
OPEN_WORK = WorkId("20261121T082000000-w1")
NEW_WORK = WorkId("20261121T083000000-w2")

STATES = {
    AgentCommand.LOG_IN: LiveAgentState.NOT_READY,
    AgentCommand.READY: LiveAgentState.READY,
    AgentCommand.NOT_READY: LiveAgentState.NOT_READY,
    AgentCommand.END_WRAP_UP: LiveAgentState.READY,
    AgentCommand.LOG_OUT: LiveAgentState.LOGGED_OUT,
}


def live_calls() -> dict[CallId, LiveCall]:
    """One caller who waits and one who talks to 1001."""
    later = MORNING + timedelta(seconds=5)
    waiting = LiveCall(
        call_id=WAITING,
        trunk="carrier",
        caller="+862155550101",
        dialled="4008000000",
        state=CallState.WAITING,
        arrived_at=MORNING,
        answered_at=MORNING,
        queued_at=later,
        queue=SERVICE,
        position=1,
        customer_id=CustomerId(1),
        customer_name="Harbour Machines",
        tier=Tier.VIP,
        language="cmn",
    )
    talking = replace(
        waiting,
        call_id=TALKING,
        caller="02155550102",
        state=CallState.TALKING,
        arrived_at=later,
        answered_at=later,
        connected_at=later,
        position=None,
        agent=AgentId("1001"),
        customer_id=None,
        customer_name=None,
        tier=None,
    )
    return {waiting.call_id: waiting, talking.call_id: talking}


def own_phone(agent: str) -> Seat:
    return Seat(SeatKind.PHONE, agent)


def live_agents() -> dict[AgentId, LiveAgent]:
    """1001 talks, 1002 is logged out."""
    talking = LiveAgent(
        AgentId("1001"), "Agent One", LiveAgentState.TALKING, None, MORNING, TALKING, True, 4, 0, own_phone("1001")
    )
    away = LiveAgent(
        AgentId("1002"), "Agent Two", LiveAgentState.LOGGED_OUT, None, MORNING, None, False, 0, 0, own_phone("1002")
    )
    return {talking.agent: talking, away.agent: away}


def agent_records() -> dict[AgentId, AgentRecord]:
    """1001 and 1002 as configured."""
    one = AgentRecord(AgentId("1001"), "Agent One", "md5", "sha256", {SkillName("service"): 9}, ("cmn", "yue"))
    two = replace(one, agent=AgentId("1002"), name="Agent Two", skills={SkillName("service"): 6}, languages=("cmn",))
    return {one.agent: one, two.agent: two}


@dataclass
class FakeCallCentre:
    """Implements Commands, and holds what its storage side shows."""

    recordings_directory: Path
    events: CallEventStream = field(default_factory=lambda: CallEventStream(MORNING))
    is_database_away: bool = False
    is_ready: bool = True
    is_broken: bool = False
    is_history_too_long: bool = False
    calls_up: dict[CallId, LiveCall] = field(default_factory=live_calls)
    agents_known: dict[AgentId, LiveAgent] = field(default_factory=live_agents)
    customers: dict[CustomerId, Customer] = field(default_factory=dict)
    cdrs: list[CdrRow] = field(default_factory=list)
    recording_rows: list[RecordingRow] = field(default_factory=list)
    agent_records: dict[AgentId, AgentRecord] = field(default_factory=agent_records)
    agents_told: list[AgentRecord] = field(default_factory=list)
    hung_up: list[tuple[CallId, str]] = field(default_factory=list)
    filters: list[CallFilter | RecordingFilter | WorkFilter | AnswerFilter | QueueVisitFilter] = field(
        default_factory=list
    )
    orders: list[tuple[str, ...]] = field(default_factory=list)
    """What was asked of calls: verb, call, target, by whom."""
    seats: dict[AgentId, Seat | None] = field(default_factory=dict)
    forced: dict[str, ForcedHours] = field(default_factory=dict)
    """What the store of forced hours holds."""
    forced_told: dict[str, ForcedHours] = field(default_factory=dict)
    """The overrides that call control has taken over."""
    screened: dict[str, Screening] = field(default_factory=dict)
    work_rows: list[WorkRow] = field(default_factory=lambda: [WorkRow(OPEN_WORK, 1, MORNING, callback())])
    answer_rows: list[AnswerRow] = field(default_factory=list)
    traces: dict[CallId, TraceRow] = field(default_factory=dict)
    transcripts: list[Transcribed] = field(default_factory=list)
    asked_transcripts: TranscriptFilter | None = None
    queue_visit_rows: list[QueueVisitRow] = field(default_factory=list)
    visits_running: list[QueueVisitRow] = field(default_factory=list)
    agent_event_rows: list[AgentEventRow] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    """What is wrong with the settings."""
    reloads: list[tuple[str, bool]] = field(default_factory=list)
    """By whom, and whether only to look."""

    # Commands

    def live_calls(self) -> tuple[LiveCall, ...]:
        if self.is_broken:
            raise ZeroDivisionError("a fault with a secret in it")
        return tuple(self.calls_up.values())

    def live_call(self, call_id: CallId) -> LiveCall:
        if call_id not in self.calls_up:
            raise UnknownCall("no call with that id is up")
        return self.calls_up[call_id]

    def queues(self) -> tuple[LiveQueue, ...]:
        figures = LiveQueue(
            name=SERVICE,
            waiting=1,
            ringing=0,
            talking=1,
            agents_logged_in=1,
            agents_ready=0,
            offered=12,
            answered=9,
            abandoned_long=1,
            abandoned_short=1,
            overflowed=0,
            service_level=0.9,
            longest_wait_s=4.5,
            asa_s=6.25,
            callbacks=LiveWork(1, 0, 3, 2, 640.0),
            messages=LiveWork(0, 0, 1, 1, 0.0),
        )
        return (figures,)

    def running_queue_visits(self) -> Sequence[QueueVisitRow]:
        return self.visits_running

    def agents(self) -> tuple[LiveAgent, ...]:
        return tuple(self.agents_known.values())

    def agent(self, agent: AgentId) -> LiveAgent:
        if agent not in self.agents_known:
            raise UnknownAgent("no agent has that number")
        return self.agents_known[agent]

    def set_agent_state(
        self, agent: AgentId, command: AgentCommand, reason: str | None, seat: Seat | None = None
    ) -> LiveAgent:
        before = self.agent(agent)
        if command is AgentCommand.END_WRAP_UP and before.state is not LiveAgentState.WRAP_UP:
            raise WrongState(f"agent {agent} is {before.state.value}, not in wrap-up")
        if command is AgentCommand.LOG_IN:
            self.seats[agent] = seat
        self.agents_known[agent] = replace(before, state=STATES[command], reason=reason)
        return self.agents_known[agent]

    def skill_warnings(self, skills: Collection[SkillName]) -> tuple[str, ...]:
        return tuple(f"no queue, rule or flow asks for {skill}" for skill in skills if skill == "servise")

    def agent_changed(self, agent: AgentId) -> None:
        self.agents_told.append(self.agent_records[agent])

    def hang_up(self, call_id: CallId, by: str) -> None:
        call = self.live_call(call_id)
        if call.state is CallState.ENDING:
            raise WrongState("the call is ending already")
        self.calls_up[call_id] = replace(call, state=CallState.ENDING)
        self.hung_up.append((call_id, by))

    def why(self, call_id: CallId) -> Why:
        call = self.live_call(call_id)
        if call.state is not CallState.WAITING:
            raise WrongState(f"the call is {call.state.value}, not waiting")
        return Why(
            call_id=call_id,
            queue=SERVICE,
            position=1,
            waited_s=4.5,
            blocked_by=None,
            candidates=(
                CandidateAgent(AgentId("1001"), "Agent One", "talking", "for 25 s"),
                CandidateAgent(AgentId("1002"), "Agent Two", "logged_out"),
            ),
            needs="service 1",
            key="advance 120 s, waited 4.5 s",
            timers=(RunningTimer("announcement", 15.5), RunningTimer("overflow after wait", 295.5)),
            would_change=("agent 1001 ends the talk", "agent 1002 logs in"),
        )

    def assign(self, call_id: CallId, agent: AgentId, by: str) -> None:
        if self.live_call(call_id).state is not CallState.WAITING:
            raise WrongState("the call does not wait")
        self.orders.append(("assign", call_id, self.agent(agent).agent, by))

    def requeue(self, call_id: CallId, queue: QueueName, by: str) -> None:
        if queue != SERVICE:
            raise UnknownName(f"there is no queue {queue}")
        self.orders.append(("requeue", self.live_call(call_id).call_id, queue, by))

    def send_to_flow(self, call_id: CallId, flow: str, by: str) -> None:
        if flow != "survey":
            raise UnknownName(f"there is no flow {flow}")
        self.orders.append(("flow", self.live_call(call_id).call_id, flow, by))

    def hours(self) -> tuple[LiveHours, ...]:
        closes = MORNING.replace(hour=10)
        forced = self.forced_told.get("office")
        if forced is None:
            return (LiveHours("office", "open", "day", "", closes, None, (SERVICE,)),)
        state = "open" if forced.is_open else "closed"
        return (LiveHours("office", state, "day", "", forced.until, forced.by, (SERVICE,)),)

    def hours_forced(self) -> None:
        self.forced_told = dict(self.forced)

    def request_callback(self, item: WorkItem) -> WorkItem:
        if item.queue != SERVICE:
            raise UnknownName(f"there is no queue {item.queue}")
        for row in self.latest_work():
            if row.item.number == item.number and row.item.state not in ENDED_STATES:
                return row.item
        self.work_rows.append(WorkRow(item.id, 1, MORNING, item))
        return item

    def end_work(self, work: WorkId, state: WorkState, by: str) -> WorkItem:
        row = next((row for row in self.latest_work() if row.work_id == work), None)
        if row is None:
            raise UnknownName(f"there is no work item {work}")
        if row.item.state in ENDED_STATES:
            raise WrongState(f"work item {work} is {row.item.state.value} already")
        after = replace(row.item, state=state, changed_at=MORNING, changed_by=by)
        self.work_rows.append(WorkRow(work, row.serial + 1, MORNING, after))
        return after

    def latest_work(self) -> list[WorkRow]:
        return list({row.work_id: row for row in self.work_rows}.values())

    async def reload(self, by: str, *, is_dry_run: bool) -> ReloadReport:
        self.reloads.append((by, is_dry_run))
        changes = (SettingChange("queues.service.ring_for_s", "15", "12"),)
        is_applied = not is_dry_run and not self.problems
        return ReloadReport(is_applied, self.problems, ("queue service has nobody for yue",), changes)

    async def retain(self, by: str, *, is_dry_run: bool) -> RetentionReport:
        rows = {"calls": 120, "traces": 3, "queue_visits": 131, "agent_events": 44, "work_items": 2}
        return RetentionReport(is_dry_run, 96, 92_160_000, rows, 0, True)

    def engine(self) -> EngineFigures:
        return EngineFigures(3, 9997, 45000, 45010, 2, 1, 0)

    def alarms(self) -> AlarmReport:
        away = LiveAlarm(
            name="database_away",
            about="",
            severity=Severity.MAJOR,
            detail="database away (connection refused), 12 rows wait",
            remedy="Start PostgreSQL.",
            raised_at=MORNING,
            ended_at=None,
            times=1,
        )
        full = replace(away, name="recording_off", detail="less than 500000000 bytes are free", remedy="Make room.")
        return AlarmReport((away,), (replace(full, ended_at=MORNING + HALF_AN_HOUR),))

    def health(self) -> HealthReport:
        return HealthReport(self.is_ready, (PartHealth("database", not self.is_database_away, "0 rows waiting"),))


@dataclass
class FakeRecords:
    """The storage side of the call centre: implements Directory, CustomerStore and History."""

    centre: FakeCallCentre

    # Directory

    def agent(self, agent: AgentId) -> AgentRecord | None:
        return self.centre.agent_records.get(agent)

    def agents(self) -> Sequence[AgentRecord]:
        return list(self.centre.agent_records.values())

    def customer(self, customer_id: CustomerId) -> Customer | None:
        return self.centre.customers.get(customer_id)

    def customer_by_phone(self, number: str) -> Customer | None:
        digits = "".join(c for c in number if c.isdigit())[-8:]
        return next((c for c in self.centre.customers.values() if any(n.endswith(digits) for n in c.numbers)), None)

    def customers_by_phone(self, number: str) -> Sequence[Customer]:
        found = self.customer_by_phone(number)
        return () if found is None else (found,)

    def customer_by_member_number(self, member_number: str) -> Customer | None:
        return next((c for c in self.centre.customers.values() if c.member_number == member_number), None)

    def customers_by_plate_digits(self, digits: str) -> Sequence[Customer]:
        return ()

    def last_contacts(self, who: CustomerId | str, limit: int) -> Sequence[PastContact]:
        of_customer = PastContact(ENDED, MORNING - HALF_AN_HOUR, SERVICE, AgentId("1001"), Outcome.ANSWERED)
        of_number = replace(of_customer, outcome=Outcome.ABANDONED_QUEUE, agent=None)
        return [of_customer if isinstance(who, int) else of_number][:limit]

    def note_contact(self, number: str, customer_id: CustomerId | None, contact: PastContact) -> None:
        return None

    def search(self, text: str, limit: int) -> Sequence[Customer]:
        return [c for c in self.centre.customers.values() if text.lower() in c.name.lower()][:limit]

    # CustomerStore

    async def create(self, new: NewCustomer) -> Customer:
        self._need_database()
        if new.member_number and self.customer_by_member_number(new.member_number):
            raise IdTaken(f"member number {new.member_number} belongs to another customer")
        customer = Customer(
            id=CustomerId(len(self.centre.customers) + 1),
            name=new.name,
            tier=new.tier,
            language=new.language,
            numbers=new.numbers,
            member_number=new.member_number,
            plates=new.plates,
            address=new.address,
            note=new.note,
            version=1,
            owner=new.owner,
            region=new.region,
        )
        self.centre.customers[customer.id] = customer
        return customer

    async def change(self, customer_id: CustomerId, change: CustomerChange, version: int) -> Customer:
        self._need_database()
        before = self.centre.customers[customer_id]
        if before.version != version:
            raise VersionConflict(f"the customer is at version {before.version}; read it again, then change it")
        after = replace(
            before,
            name=before.name if change.name is None else change.name,
            tier=before.tier if change.tier is None else change.tier,
            numbers=before.numbers if change.numbers is None else change.numbers,
            note=before.note if change.note is None else change.note,
            owner=before.owner if change.owner is None else change.owner or None,
            region=before.region if change.region is None else change.region,
            version=version + 1,
        )
        self.centre.customers[customer_id] = after
        return after

    # History

    async def calls(self, wanted: CallFilter) -> Sequence[CdrRow]:
        self._need_database()
        self.centre.filters.append(wanted)
        rows = sorted(self.centre.cdrs, key=lambda row: row.call_id, reverse=True)
        return [row for row in rows if wanted.before is None or row.call_id < wanted.before][: wanted.limit]

    async def call(self, call_id: CallId) -> CallHistory | None:
        self._need_database()
        cdr = next((row for row in self.centre.cdrs if row.call_id == call_id), None)
        events = (CallEventRow(call_id, 1, MORNING - HALF_AN_HOUR, "arrived", {"trunk": "carrier"}),)
        return None if cdr is None else CallHistory(cdr, events, tuple(self.centre.recording_rows))

    async def latest_call(self, before: CallId | None = None) -> CallId | None:
        return None

    async def unfinished(self, since: CallId, before: CallId | None = None) -> Sequence[CallEventRow]:
        return ()

    async def recordings(self, wanted: RecordingFilter) -> Sequence[RecordingRow]:
        self._need_database()
        self.centre.filters.append(wanted)
        rows = sorted(self.centre.recording_rows, key=lambda row: (row.call_id, row.n), reverse=True)
        return [row for row in rows if wanted.before is None or (row.call_id, row.n) < wanted.before][: wanted.limit]

    async def recording(self, call_id: CallId, n: int) -> RecordingRow | None:
        self._need_database()
        return next((row for row in self.centre.recording_rows if (row.call_id, row.n) == (call_id, n)), None)

    async def work(self, wanted: WorkFilter) -> Sequence[WorkItem]:
        self._need_database()
        self.centre.filters.append(wanted)
        rows = sorted(self.centre.latest_work(), key=lambda row: row.work_id, reverse=True)
        return [row.item for row in rows if wanted.before is None or row.work_id < wanted.before][: wanted.limit]

    async def trace(self, call_id: CallId) -> TraceRow | None:
        return self.centre.traces.get(call_id)

    async def work_history(self, work_id: WorkId) -> Sequence[WorkRow]:
        self._need_database()
        return [row for row in self.centre.work_rows if row.work_id == work_id]

    async def open_work(self) -> Sequence[WorkRow]:
        return ()

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        self._need_database()
        self.centre.filters.append(wanted)
        rows = sorted(self.centre.answer_rows, key=lambda row: (row.call_id, row.n), reverse=True)
        return [row for row in rows if wanted.before is None or (row.call_id, row.n) < wanted.before][: wanted.limit]

    async def queue_visits(self, wanted: QueueVisitFilter) -> Sequence[QueueVisitRow]:
        self._need_database()
        self.centre.filters.append(wanted)
        if self.centre.is_history_too_long:
            raise Refused(f"more than {wanted.limit} queue visits")
        return [
            row for row in self.centre.queue_visit_rows if wanted.joined_from <= row.joined_at < wanted.joined_before
        ]

    async def agent_changes(
        self, changed_from: datetime, changed_before: datetime, agent: AgentId | None = None
    ) -> Sequence[AgentEventRow]:
        self._need_database()
        rows = [row for row in self.centre.agent_event_rows if agent in (None, row.agent)]
        before = {row.agent: row for row in rows if row.at < changed_from}
        return [*before.values(), *(row for row in rows if changed_from <= row.at < changed_before)]

    def _need_database(self) -> None:
        if self.centre.is_database_away:
            raise Unavailable("the database is away; calls go on, try again in a few seconds")


def ended_call(call_id: CallId = ENDED) -> CdrRow:
    """A call that was answered and recorded."""
    began = MORNING - HALF_AN_HOUR
    return CdrRow(
        call_id=call_id,
        trunk="carrier",
        caller="+862155550101",
        dialled="4008000000",
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.CALLER,
        arrived_at=began,
        ended_at=began + timedelta(seconds=65),
        answered_at=began,
        queued_at=began + timedelta(seconds=5),
        connected_at=began + timedelta(seconds=15),
        flow="hotline",
        queue=SERVICE,
        agent=AgentId("1001"),
        customer_id=CustomerId(1),
        wait_s=10.0,
        ring_s=3.0,
        talk_s=50.0,
        recording=f"2026/11/21/{call_id}-1.wav",
        figures={"lost": 2},
        end_cause=CallEnd.HUNG_UP,
        served_by=AgentId("1001"),
        segments=(
            CallSegment(
                SegmentKind.QUEUE,
                began + timedelta(seconds=5),
                began + timedelta(seconds=15),
                SegmentEnd.ANSWERED,
                SERVICE,
            ),
            CallSegment(
                SegmentKind.AGENT,
                began + timedelta(seconds=15),
                began + timedelta(seconds=65),
                SegmentEnd.CALLER_HUNG_UP,
                SERVICE,
                AgentId("1001"),
                talk_s=50.0,
            ),
        ),
    )


def callback() -> WorkItem:
    """A callback that a caller asked for ten minutes ago."""
    asked_at = MORNING - timedelta(minutes=10)
    return WorkItem(
        id=OPEN_WORK,
        kind=WorkKind.CALLBACK,
        queue=SERVICE,
        number="+862155550101",
        created_at=asked_at,
        state=WorkState.QUEUED,
        call_id=ENDED,
        customer_id=CustomerId(1),
        language="cmn",
        waited_s=42.0,
        dial_first=DialFirst.AGENT,
        changed_at=asked_at,
    )


def recording_of(call_id: CallId, path: str, n: int = 1) -> RecordingRow:
    """A finished recording with 1001."""
    return RecordingRow(
        call_id=call_id,
        n=n,
        path=path,
        started_at=MORNING - timedelta(minutes=29, seconds=45),
        duration_s=50.0,
        size_bytes=1600044,
        agent=AgentId("1001"),
        queue=SERVICE,
        caller="+862155550101",
    )


def card(number: int, name: str, tier: Tier, phone: str, member_number: str | None = None) -> Customer:
    """A customer of the call centre."""
    return Customer(CustomerId(number), name, tier, "cmn", (phone,), member_number, (), "", "", 1)


@dataclass
class FakeAgentStore:
    """The agents in storage: implements AgentStore, with passwords in clear for the test to see."""

    centre: FakeCallCentre
    passwords: dict[AgentId, str] = field(default_factory=dict)
    writes_until_away: int | None = None
    """The database goes away after so many writes; None: never."""

    async def add(self, record: AgentRecord) -> None:
        await self._write()
        if record.agent in self.centre.agent_records:
            raise IdTaken(f"there is an agent {record.agent} already")
        self.centre.agent_records[record.agent] = record

    async def change(self, record: AgentRecord) -> None:
        await self._write()
        if record.agent not in self.centre.agent_records:
            raise UnknownRecord(f"there is no agent {record.agent}")
        self.centre.agent_records[record.agent] = record

    async def set_password(self, agent: AgentId, password: str) -> None:
        before = self.centre.agent_records[agent]
        await self._write()
        self.passwords[agent] = password
        self.centre.agent_records[agent] = replace(before, ha1_md5=f"md5 {password}", ha1_sha256=f"sha256 {password}")

    async def _write(self) -> None:
        await asyncio.sleep(0)  # others run while the database works
        if self.writes_until_away is not None:
            self.centre.is_database_away = self.writes_until_away == 0
            self.writes_until_away -= 1
        if self.centre.is_database_away:
            raise Unavailable("the database is away; calls go on, try again in a few seconds")
