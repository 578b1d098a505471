"""A whole call centre in virtual time: real switchboard, dispatcher, agents, SIP; a cable to phones; a silent engine.

    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller("13800000001")
        caller.call(HOTLINE)
        await centre.pass_time(5)

When the block ends, every call must be over, and whatever a call can hold must be given back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import cast

from tests.calls.cable import Cable
from tests.calls.phone import Phone
from tests.calls.plain_recogniser import PlainDetectors
from tests.calls.reserve_lines import reserve_taken
from tests.calls.silent_engine import SilentEngine
from tests.fakes.memory_storage import MemoryHistory

from acdcore.calls.admission.admission import AdmissionControl, networks_of
from acdcore.calls.admission.authentication import Access
from acdcore.calls.admission.digest_accounts import DigestPolicy
from acdcore.calls.admission.screening import Screen, ScreeningSettings
from acdcore.calls.agents.agents import Agents
from acdcore.calls.agents.phones import Phones
from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.leg import Leg
from acdcore.calls.media.audio_address import AudioSettings
from acdcore.calls.media.listening import SpeechListening
from acdcore.calls.media.prompts import PromptLibrary, queue_title
from acdcore.calls.model.commands import AgentCommand, LiveAgentState, ReloadReport
from acdcore.calls.model.directory import AgentRecord, Customer, Tier
from acdcore.calls.model.events import ScreeningChanged
from acdcore.calls.model.ports import Spool
from acdcore.calls.model.rows import CdrRow
from acdcore.calls.numbers.trunk_numbers import TrunkNumbers
from acdcore.calls.opening_hours import OpeningHours
from acdcore.calls.operations import Operations
from acdcore.calls.queueing.callback_scheduler import CallbackScheduler, WorkAttempts
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.queueing.queue_visits import QueueVisitRecorder
from acdcore.calls.record.cdr import is_on_record
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.event_stream import CallEventStream
from acdcore.calls.record.recovery import event_of
from acdcore.calls.recording import CallRecorder
from acdcore.calls.routing_rules import QueueRules, Rules
from acdcore.calls.services.http_services import Services
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.capacity import TrunkCapacity, TrunkCapacitySettings
from acdcore.calls.trunks.trunks import InboundRoute, Trunk, Trunks
from acdcore.ivr.calendars.opening_hours import Calendar
from acdcore.ivr.model.flow import (
    EndReason,
    ExternalNumberNode,
    Flow,
    FlowName,
    HangUpNode,
    Language,
    MenuNode,
    Node,
    NodeName,
    PlayNode,
    PromptKey,
    PromptName,
    QueueNode,
)
from acdcore.ivr.model.system_prompts import system_names
from acdcore.kernel.address import Address
from acdcore.kernel.bus import EventBus, HandlerFault
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import AgentId, CallId, CustomerId, IdSource, QueueName, SkillName
from acdcore.media.engine import Engine
from acdcore.media.model import TapId
from acdcore.numbering.key import matching_key
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.driver import Journal
from acdcore.queues.journal.lost_places import LostPlace, LostPlaces
from acdcore.queues.settings import DispatcherSettings, QueueSettings
from acdcore.recognition.service import Understanding
from acdcore.recording.events import RecordingCompleted, RecordingDropped, RecordingPath
from acdcore.recording.writer import RecordingWriter
from acdcore.sip import events as sip
from acdcore.sip.admission import Sources
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import EndpointCensus, SipEvent
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.sip.session.own_headers import EndpointSettings
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.opening_hours import MemoryHoursStore
from acdcore.storage.stores.password import ha1_hashes
from acdcore.storage.stores.screening import MemoryScreeningStore
from acdcore.work.callback_queue import CallbackQueue, CallbackSettings

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OURS = Address("192.0.2.1", 5060)
EXCHANGE = Address("198.51.100.1", 5060)
"""The carrier's switch, which takes calls to outside numbers."""
REALM = "acdcore"
HOTLINE = "95500"
"""Greeting and menu: 1 service, 2 sales, 3 outside number, 4 good-bye."""
SERVICE_LINE = "95501"
"""Straight into the service queue."""
OUTSIDE_LINE = "95502"
"""Straight to the outside number."""
BROKEN_LINE = "95503"
"""A flow with a prompt that was never made: no plan would let it pass."""
LOST_LINE = "95504"
"""A flow into a queue that does not exist: no plan would let it pass."""
OUTSIDE = "02155500"
SERVICE, SALES = QueueName("service"), QueueName("sales")
VIP = "13800000001"
ORDINARY = "13900000009"
VIP_KEPT, ORDINARY_KEPT = f"+86{VIP}", f"+86{ORDINARY}"
"""The same in canonical form, as views, records and work items have them."""
CLIP_S = 0.5
"""Length of every prompt: the agent's number is six, the whisper three of them."""
BOTH_TOLD_S = 6 * CLIP_S
FRAME_OCTETS = 960
"""60 ms of a caller's audio, as the engine hands it to who listens."""
LINGER_S = 70.0
"""After so long no SIP transaction lingers (64 T1 = 32 s, twice)."""
CLOSE_WITHIN_S = 10.0
"""Calls that were told to end take no time; one that does not end fails its test rather than the whole run."""
NOTHING_LEFT = EndpointCensus(0, 0, 0, 0, 0)


def clip() -> bytes:
    """A prompt's worth of silence."""
    return bytes(int(16_000 * CLIP_S))


class CallCentreClock:
    """The loop's time, and a morning that begins with it, unless somebody sets the clock."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ahead = timedelta()

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> datetime:
        return MORNING + timedelta(seconds=self.now()) + self.ahead


@dataclass(frozen=True)
class Plan:
    """What a test wants to be otherwise."""

    queues: tuple[QueueSettings, ...] = (
        QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0),
        QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0),
    )
    trunk_capacity: TrunkCapacitySettings = field(default_factory=TrunkCapacitySettings)
    capacity: int = 150
    may_dial_out: bool = True
    nat: bool = True
    """Whether one may lie between our audio and the trunk's, or the phones'."""
    symmetric_rtp: bool = True
    """Whether the carrier hears us where it sends from."""
    advertised: str = ""
    """The address under which peers see us; empty: our own."""
    more_trunks: tuple[Trunk, ...] = ()
    """Others than the carrier, after it."""
    is_recorded: bool = False
    streams_max: int = 1000
    routes: tuple[InboundRoute, ...] = ()
    """More routes than the numbers above."""
    calendars: dict[str, Calendar] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    """More flows than those above."""
    around: dict[QueueName, QueueRules] = field(default_factory=dict)
    """What the calls' side does around the queues."""
    screening: ScreeningSettings = field(default_factory=ScreeningSettings)
    book: CallbackSettings = field(default_factory=CallbackSettings)
    callback_numbers: tuple[str, ...] = ()
    numbers: TrunkNumbers = field(default_factory=TrunkNumbers)
    """How the carrier writes numbers, and which of ours it is shown."""
    lost: tuple[LostPlace, ...] = ()
    """Places that a restart has cut off."""
    journal: Journal | None = None
    """Hears every turn of the dispatcher."""
    spool: Callable[[Clock], Spool] | None = None
    """Makes what rows go to instead of the history, where they must arrive before the call centre closes."""
    audio: AudioSettings = field(default_factory=AudioSettings)
    understanding: Understanding | None = None
    """What understands callers."""
    listeners_max: int = 3


class SilentWriter:
    """Completes each recording as soon as its tap ends."""

    def __init__(self, engine: SilentEngine) -> None:
        self.recorder: CallRecorder | None = None
        self._paths: dict[int, RecordingPath] = {}
        self.skipped_s = engine.skipped_s
        self._engine = engine
        engine.on_untapped = self._complete

    def begin(self, tap: int, path: RecordingPath) -> None:
        """As `RecordingWriter.begin`."""
        self._paths[tap] = path

    def skip(self, tap: int, frames: int) -> None:
        """As `RecordingWriter.skip`."""
        self.skipped_s[tap] = frames / 8_000

    def _complete(self, tap: TapId) -> None:
        path = self._paths.pop(tap)
        is_dropped = self._engine.kept_s[tap] == 0.0
        finished = (
            RecordingDropped(tap, path)
            if is_dropped
            else RecordingCompleted(tap, path, 1.0, 32_044, self.skipped_s.get(tap, 0.0))
        )
        assert self.recorder is not None
        asyncio.get_running_loop().call_soon(self.recorder.on_event, finished)


class CallCentre:
    """Everything of one daemon above the sockets, and the phones around it."""

    def __init__(self, plan: Plan) -> None:
        self.clock = CallCentreClock()
        self.cable = Cable()
        self.engine = SilentEngine(plan.streams_max)
        self.directory = MemoryDirectory()
        self.history = MemoryHistory(self.directory)
        self.event_stream = CallEventStream(MORNING)
        self.handler_faults: list[HandlerFault] = []
        self.bus = EventBus(self.handler_faults.append)
        self.phones: list[Phone] = []
        self.after_sip: Callable[[SipEvent], None] = lambda event: None
        """Called in the same turn in which the switchboard has heard of the event."""
        digest = DigestServer(REALM, b"secret", IdSource(3))
        trunks = [carrier(plan), *plan.more_trunks]
        self.sources = Sources()
        self.sources.use_trunks(networks_of(trunks))
        access = Access(Trunks(trunks, []), self.directory, digest, DigestPolicy(REALM), self.sources.lockout)
        self.admission = AdmissionControl(access, self.sources, self.bus)
        self.endpoint = Endpoint(endpoint_settings(plan), IdSource(1), self.admission, self.sources)
        self.stack = self.cable.plug(OURS, self.endpoint, self.clock, self._on_sip)
        self.screening = MemoryScreeningStore(self.bus)
        self.forced = MemoryHoursStore()
        self.context = self._context(plan)
        screen = Screen(plan.screening, matching_key)
        self.bus.subscribe(ScreeningChanged, lambda _: screen.use(self.screening.entries()))
        self.switchboard = Switchboard(self.context, self.admission, screen)
        self.operations = Operations(self.context, self.switchboard, 1000, lambda: (), no_reload)
        self.context.hours.follow(self.context.rules)
        self.subscriptions = len(self.bus)
        """What the call centre itself hears; all else is subscribed for a time."""
        self.engine.on_ready = lambda: self.context.event_router.on_media(self.engine.events())

    def _context(self, plan: Plan) -> CallContext:
        # The engine's class is compiled and cannot be replaced by a subclass; the contract test holds the two together.
        engine = cast(Engine, self.engine)
        spool = plan.spool(self.clock) if plan.spool else self.history
        event_log = CallEventLog(self.clock, spool, self.event_stream, self.directory, self.bus)
        audio = replace(plan.audio, phones_nat=plan.nat)
        event_router = EventRouter(self.stack, engine, OURS.host, IdSource(2), self.bus, self.clock, audio)
        acd = Acd(Dispatcher(DispatcherSettings(plan.queues)), self.bus, self.clock, plan.journal)
        self.queue_visits = QueueVisitRecorder(acd, event_log, self.bus, self.clock)
        trunks = Trunks([carrier(plan), *plan.more_trunks], [*routes(), *plan.routes])
        attempts = WorkAttempts(
            lambda item: self.switchboard.begin_work(item), lambda item: self.switchboard.end_work(item)
        )
        callback_queue = CallbackQueue(plan.book, matching_key)
        callback_scheduler = CallbackScheduler(callback_queue, attempts, event_log, self.bus, self.clock)
        writer = SilentWriter(self.engine) if plan.is_recorded else None
        recorder = CallRecorder(engine, cast(RecordingWriter | None, writer), event_log, self.clock)
        if writer is not None:
            writer.recorder = recorder
        registrar: Registrar[sip.SipFlow] = Registrar(RegistrarSettings())
        return CallContext(
            clock=self.clock,
            bus=self.bus,
            event_router=event_router,
            acd=acd,
            queue_visits=self.queue_visits,
            agents=Agents(
                Phones(event_router, registrar, self.bus, self.clock),
                self.directory,
                acd,
                event_log,
                self.bus,
                self.clock,
            ),
            library=PromptLibrary(engine, sounds(plan.flows), {"": clip(), SERVICE: clip()}, clip()),
            directory=self.directory,
            event_log=event_log,
            recorder=recorder,
            callback_scheduler=callback_scheduler,
            hours=OpeningHours(self.forced, acd, callback_scheduler, self.bus, self.clock),
            services=Services(),
            listening=SpeechListening(engine, self.clock, plan.understanding, plan.listeners_max),
            places=LostPlaces(plan.lost, 120.0, self.clock.now()),
            trunk_capacity=TrunkCapacity(
                plan.trunk_capacity,
                {"carrier": plan.capacity, **{each.name: each.capacity for each in plan.more_trunks}},
            ),
            rules=Rules(
                flows={**flows(), **plan.flows},
                calendars=plan.calendars,
                trunks=trunks,
                queues={queue.name: plan.around.get(queue.name, QueueRules()) for queue in plan.queues},
                screening=plan.screening,
                callbacks=replace(plan.book, numbers=plan.callback_numbers),
            ),
        )

    def _on_sip(self, event: SipEvent) -> None:
        self.switchboard.on_sip(event)
        self.after_sip(event)

    # --- people ---

    def caller(self, number: str) -> Phone:
        """A phone behind the carrier."""
        return self._phone(number, Address(f"198.51.100.{len(self.phones) + 10}", 5060))

    def stranger(self, number: str) -> Phone:
        """A phone in a network that no trunk names."""
        return self._phone(number, Address(f"203.0.113.{len(self.phones) + 10}", 5060))

    def exchange(self) -> Phone:
        """The carrier's switch."""
        return self._phone(OUTSIDE, EXCHANGE)

    def employ(self, agent: str, is_active: bool = True) -> Phone:
        """An agent in the directory with a phone that is not registered yet."""
        hashes = ha1_hashes(AgentId(agent), REALM, password(agent))
        skills = {SkillName("talk"): 5}
        name = f"Agent {agent}"
        record = AgentRecord(AgentId(agent), name, hashes.md5, hashes.sha256, skills, ("cmn",), is_active)
        self.directory.put_agent(record)
        return self._phone(agent, Address(f"192.0.2.{len(self.phones) + 10}", 5060))

    async def seat(self, agent: str) -> Phone:
        """An agent whose phone is registered, logged in and ready."""
        phone = self.employ(agent)
        phone.register(password(agent))
        await self.pass_time(0.1)
        assert phone.statuses() == [200]
        self.command(agent, AgentCommand.LOG_IN)
        self.command(agent, AgentCommand.READY)
        return phone

    async def second_phone(self, agent: str, params: str = "") -> Phone:
        """Another phone of an agent, registered too; `params` of its Contact, such as `;q=0.5`."""
        phone = self._phone(agent, Address(f"192.0.2.{len(self.phones) + 10}", 5060))
        phone.register(password(agent), params=params)
        await self.pass_time(0.1)
        assert phone.statuses() == [200]
        return phone

    def customer(self, number: str, tier: Tier = Tier.VIP, name: str = "Customer One") -> None:
        """Somebody who is known by telephone."""
        self.directory.put_customer(Customer(CustomerId(1), name, tier, "cmn", (number,), None, (), "", "", 1))

    def command(self, agent: str, command: AgentCommand) -> None:
        """What an agent's screen can ask."""
        self.operations.set_agent_state(AgentId(agent), command, None)

    def state(self, agent: str) -> LiveAgentState:
        """What an agent does."""
        return self.operations.agent(AgentId(agent)).state

    def _phone(self, number: str, address: Address) -> Phone:
        phone = Phone(self.cable, number, address, OURS, self.clock)
        self.phones.append(phone)
        return phone

    async def talk(self, agent: Phone, caller: Phone) -> None:
        """Have the caller talk to this agent, who is the one to be rung."""
        caller.call(SERVICE_LINE)
        await self.pass_time(1)
        agent.answer()
        await self.pass_time(BOTH_TOLD_S + 1)
        assert caller.is_up
        assert agent.is_up

    # --- time, and what happened ---

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time go by."""
        await asyncio.sleep(seconds)

    def live(self) -> Call:
        """The one call that is up."""
        (call,) = self.switchboard.calls.values()
        return call

    def leg(self, call: Call, side: str) -> Leg:
        """The one leg of that side of a call."""
        (leg,) = [
            party
            for party in self.context.event_router.streams.values()
            if isinstance(party, Leg) and party.side.value == side and party._listener is call
        ]
        return leg

    def press(self, digit: str) -> None:
        """The caller of the one call presses a key."""
        leg = self.live().caller
        assert leg is not None
        self.engine.press(leg.stream, digit)

    def say(self, pcm: bytes) -> None:
        """The caller of the one call says this, all at once; what the ears' thread would find is found now."""
        leg, listening = self.live().caller, self.context.listening
        assert leg is not None
        for begin in range(0, len(pcm), FRAME_OCTETS):
            self.engine.say(leg.stream, pcm[begin : begin + FRAME_OCTETS])
        listening.deliver(listening.attention.facts(self.engine.frames(), self.clock.now()))

    def detectors_in_use(self) -> int:
        """How many tell speech from noise for a caller."""
        understanding = self.context.listening.understanding
        detectors = None if understanding is None else understanding.detectors
        return detectors.in_use if isinstance(detectors, PlainDetectors) else 0

    def cdrs(self) -> list[CdrRow]:
        """The records of ended calls, oldest first."""
        return [row for _, row in sorted(self.history.cdrs.items())]

    def cdr(self) -> CdrRow:
        """The record of the one call that ended."""
        (row,) = self.cdrs()
        return row

    def call_history(self, number: int = 0) -> list[str]:
        """The history of the call that came as the `number`-th, a line for each event: `  5.2 offered 1001`."""
        calls = sorted({call_id for call_id, _ in self.history.call_events})
        return told(self.history, calls[number])

    # --- the end ---

    def ledger(self) -> dict[str, object]:
        """Everything that a call can hold; all of it must be nothing when no call is up."""
        dispatcher = self.context.acd.snapshot()
        event_router = self.context.event_router
        held = {
            "calls": len(self.switchboard.calls),
            "lines": self.context.trunk_capacity.taken,
            "reserve lines": reserve_taken(self.context.trunk_capacity),
            "streams": len(self.engine.streams),
            "parties of streams": len(event_router.streams),
            "parties of sessions": len(event_router.sessions),
            "taps": len(self.engine.taps),
            "ears": len(self.engine.ears),
            "callers who are listened to": self.context.listening.running,
            "detectors of speech": self.detectors_in_use(),
            "recordings": self.context.recorder.running,
            "entries": len(self.context.acd._calls),
            "waiting": sum(len(queue.waiting) for queue in dispatcher.queues),
            "agents in calls": [
                view.agent for view in dispatcher.agents if view.state.value in ("offered", "talking", "busy")
            ],
            "subscriptions of events": len(self.bus) - self.subscriptions,
            "phones in calls": [phone.number for phone in self.phones if phone.is_up or phone.rings],
        }
        return {name: what for name, what in held.items() if what}

    def check_nothing_held(self) -> None:
        """Nothing is held any more, and each call's history is ended and recorded."""
        held = self.ledger()
        assert held == {}, held
        assert self.handler_faults == []
        assert self.endpoint.census() == NOTHING_LEFT, self.endpoint.census()
        for call_id in {call_id for call_id, _ in self.history.call_events}:
            assert told(self.history, call_id)[-1].split()[1] == "ended"
            rows = [row for key, row in sorted(self.history.call_events.items()) if key[0] == call_id]
            happened = [event for row in rows if (event := event_of(row)) is not None]
            assert (call_id in self.history.cdrs) == is_on_record(happened)

    async def close(self) -> None:
        """Give back what the call centre itself holds; calls of a test that failed are ended first."""
        await asyncio.wait_for(self.switchboard.drain(0.001), CLOSE_WITHIN_S)
        self.context.library.close()
        self.context.agents.phones.close()
        self.context.hours.close()
        self.context.callback_scheduler.close()
        self.context.acd.close()
        for stack in self.cable.stacks.values():
            await stack.__aexit__(None, None, None)


@asynccontextmanager
async def opened(plan: Plan | None = None) -> AsyncIterator[CallCentre]:
    """A call centre for one test, and the ledger after it."""
    centre = CallCentre(plan or Plan())
    try:
        yield centre
        centre.context.agents.phones.close()
        centre.context.hours.close()
        await centre.pass_time(LINGER_S)
        centre.check_nothing_held()
    finally:
        await centre.close()


async def no_reload(by: str, is_dry_run: bool) -> ReloadReport:
    """This call centre has no settings files to read again."""
    raise NotImplementedError


def password(agent: str) -> str:
    """Of an agent's phone."""
    return f"password of {agent}"


HIDDEN = frozenset(
    {
        *("why", "codec", "trunk", "caller", "priority_s", "recording", "phone", "side", "end", "end_cause"),
        "is_recorded_at_once",
    }
)
"""Facts that would only make the lines longer."""


def told(history: MemoryHistory, call_id: CallId) -> list[str]:
    """One call's history as lines: seconds since its arrival, kind, facts."""
    rows = [row for key, row in sorted(history.call_events.items()) if key[0] == call_id]
    began = rows[0].at

    def line(at: datetime, kind: str, facts: Iterable[object]) -> str:
        words = [str(fact) for fact in facts if fact is not None and fact != ""]
        return f"{(at - began).total_seconds():5.1f} {' '.join([kind, *words])}"

    return [line(row.at, row.kind, [fact for name, fact in row.detail.items() if name not in HIDDEN]) for row in rows]


def endpoint_settings(plan: Plan) -> EndpointSettings:
    """What is said of our address."""
    return EndpointSettings(advertised={OURS: Address(plan.advertised, OURS.port)} if plan.advertised else {})


def carrier(plan: Plan) -> Trunk:
    """The one trunk."""
    return Trunk(
        name="carrier",
        addresses=(ip_network("198.51.100.0/24"),),
        capacity=plan.capacity,
        user="carrier",
        password="password of carrier",
        target=f"sip:{EXCHANGE}",
        nat=plan.nat,
        symmetric_rtp=plan.symmetric_rtp,
        may_dial_out=plan.may_dial_out,
        **asdict(plan.numbers),
    )


def routes() -> list[InboundRoute]:
    """The numbers above."""
    return [
        InboundRoute("carrier", HOTLINE, "hotline"),
        InboundRoute("carrier", SERVICE_LINE, "service"),
        InboundRoute("carrier", OUTSIDE_LINE, "outside"),
        InboundRoute("carrier", BROKEN_LINE, "broken"),
        InboundRoute("carrier", LOST_LINE, "lost"),
    ]


def flows() -> dict[str, Flow]:
    """A menu, and flows of one node each."""
    greeting, menu = NodeName("greeting"), NodeName("menu")
    service, sales, outside, bye = NodeName("service"), NodeName("sales"), NodeName("outside"), NodeName("bye")
    hotline: dict[NodeName, Node] = {
        greeting: PlayNode((PromptName("hotline.greeting"),), menu),
        menu: MenuNode(
            prompts=(PromptName("hotline.menu"),),
            keys={"1": service, "2": sales, "3": outside, "4": bye},
            timeout_s=4.0,
            retries=0,
            on_timeout=service,
            on_invalid=bye,
        ),
        service: QueueNode(SERVICE),
        sales: QueueNode(SALES),
        outside: ExternalNumberNode(OUTSIDE),
        bye: HangUpNode((PromptName("system.goodbye"),), EndReason.COMPLETED),
    }
    closed: dict[NodeName, Node] = {bye: HangUpNode((PromptName("system.closed"),), EndReason.CLOSED)}
    return {
        "hotline": flow("hotline", greeting, hotline),
        "service": flow("service", service, {service: QueueNode(SERVICE)}),
        "outside": flow("outside", outside, {outside: ExternalNumberNode(OUTSIDE)}),
        "closed": flow("closed", bye, closed),
        "english": replace(flow("english", service, {service: QueueNode(SERVICE)}), language=Language.ENGLISH),
        "broken": flow("broken", bye, {bye: HangUpNode((PromptName("broken.absent"),))}),
        "lost": flow("lost", service, {service: QueueNode(QueueName("nowhere"))}),
    }


def flow(name: str, start: NodeName, nodes: dict[NodeName, Node]) -> Flow:
    """A flow in Mandarin."""
    return Flow(FlowName(name), f"{name}.toml", Language.MANDARIN, tuple(Language), start, nodes, {})


def sounds(more: dict[str, Flow]) -> dict[PromptKey, bytes]:
    """Every prompt that these flows, `more` of them and the system speak."""
    names = [f"system.{name}" for name in sorted(system_names())] + ["hotline.greeting", "hotline.menu"]
    keys = [PromptKey(PromptName(name), language) for name in names for language in Language]
    keys += [queue_title(queue, language) for queue in (SERVICE, SALES) for language in Language]
    keys += [key for flow in more.values() for key in flow.prompts]
    return {key: clip() for key in keys}
