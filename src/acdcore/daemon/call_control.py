"""Starts call control and its dispatcher with the state that the last run left, and stores it for the next run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import structlog

from acdcore.calls.admission.screening import Screen
from acdcore.calls.agents.agents import Agents
from acdcore.calls.agents.phones import Phones
from acdcore.calls.context import CallContext
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.media.listening import SpeechListening
from acdcore.calls.media.prompts import PromptLibrary
from acdcore.calls.media.speech_detection import EarsThread
from acdcore.calls.model.events import RegistrationsChanged, ScreeningChanged
from acdcore.calls.opening_hours import OpeningHours
from acdcore.calls.queueing.callback_scheduler import CallbackScheduler, WorkAttempts
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.queueing.queue_visits import QueueVisitRecorder
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.recording import CallRecorder
from acdcore.calls.scripts.dial_out import options_request
from acdcore.calls.services.http_services import Services
from acdcore.calls.trunks.capacity import CAPACITY_EXHAUSTED, TrunkCapacity
from acdcore.calls.trunks.probe import TrunkProbe
from acdcore.configuration.settings import Settings
from acdcore.configuration.snapshot import Snapshot
from acdcore.daemon.components import Progress
from acdcore.daemon.timekeeping import first_reading
from acdcore.daemon.watch import Condition, Look
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.clock_watch import STEP_MAX_S, ClockTrust
from acdcore.numbering.key import matching_key
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.journal.lost_places import LostPlaces
from acdcore.queues.journal.resume import ResumedRun
from acdcore.recognition.service import Understanding
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.storage.alarms import JOURNAL_OFF
from acdcore.storage.journal.files import JournalRetention
from acdcore.storage.journal.journal import DiskJournal, JournalSettings, last_state
from acdcore.storage.storage import Storage
from acdcore.storage.stores.bindings import BindingsFile
from acdcore.work.callback_queue import CallbackQueue

STALE_AFTER = timedelta(hours=12)
"""After a longer stop, agents who were at work before it count as logged out."""
AHEAD_MAX = timedelta(seconds=STEP_MAX_S)
"""A journal segment that begins later than this from now was written by a clock that was ahead."""
BINDINGS = AlarmKind(
    "bindings",
    Severity.MINOR,
    "Let the daemon's user read and write bindings.json; phones register again by themselves.",
)
"""The file of registered phones cannot be read or written."""


@dataclass(frozen=True, slots=True)
class OpenDispatcher:
    """The dispatcher, its journal, and what is known from the last run's journal."""

    dispatcher: Dispatcher
    journal: DiskJournal | None
    last: ResumedRun | None
    """Where the last run ended; None without a journal of it."""
    places: LostPlaces
    """Callers of the last run whose place in the queue is kept for them."""

    @property
    def alarm(self) -> str:
        """What is wrong with the journal; "" when nothing is wrong."""
        return self.journal.alarm if self.journal is not None else ""

    def conditions(self) -> tuple[tuple[AlarmKind, str], ...]:
        """The alarms of the journal, each with its present detail; "" when it is not raised."""
        return ((JOURNAL_OFF, self.alarm),)

    def clock_set(self) -> None:
        """Begin a new journal segment, because the machine's clock was set."""
        if self.journal is not None:
            self.journal.clock_set()

    def note_shutdown(self) -> None:
        """Note that callers and agents lose their places from here on because of the shutdown."""
        if self.journal is not None:
            self.journal.note_shutdown()


@contextlib.contextmanager
def started_dispatcher(
    settings: Settings, clock: Clock, trust: ClockTrust, on_progress: Progress
) -> Iterator[OpenDispatcher]:
    """The dispatcher, with its turns in the journal if [journal] is on."""
    dispatcher = Dispatcher(settings.dispatcher_settings())
    directory = settings.storage.directory / "journal"
    if not settings.journal.is_on:
        yield OpenDispatcher(dispatcher, None, None, LostPlaces((), 0.0, clock.now()))
        return
    wall = clock.wall()
    last = last_state(directory, wall - STALE_AFTER, wall + AHEAD_MAX)
    if last is not None and last.problem:
        on_progress(f"the journal's end could not be read: {last.problem}")
    lost = last.places if last is not None else ()
    places = LostPlaces(lost, settings.journal.reclaim_within_s, clock.now())
    kept = JournalSettings(
        directory=directory,
        zone=ZoneInfo(settings.journal.timezone),
        retention=JournalRetention(days=settings.journal.keep_days),
        version=version("acdcore"),
        is_clock_right=lambda: not trust.doubt(first_reading(clock)),
    )
    with DiskJournal(kept, dispatcher, clock) as journal:
        yield OpenDispatcher(dispatcher, journal, last, places)


@dataclass(frozen=True, slots=True)
class ContextParts:
    """The parts that the call context is made from."""

    event_router: EventRouter
    recorder: CallRecorder
    attempts: WorkAttempts
    """The switchboard makes them, which stands on the call context."""
    bus: EventBus
    event_log: CallEventLog
    library: PromptLibrary
    storage: Storage
    clock: Clock
    understanding: Understanding | None = None
    """Speech recognition; None when it is off."""


@contextlib.asynccontextmanager
async def open_call_context(
    snapshot: Snapshot, queueing: OpenDispatcher, parts: ContextParts
) -> AsyncIterator[CallContext]:
    """The call context for call scripts; it also delivers the media engine's reports to them."""
    settings, event_router, storage, clock = snapshot.settings, parts.event_router, parts.storage, parts.clock
    engine, loop = event_router.engine, asyncio.get_running_loop()
    rules = snapshot.rules()
    acd = Acd(queueing.dispatcher, parts.bus, clock, queueing.journal.record if queueing.journal is not None else None)
    queue_visits = QueueVisitRecorder(acd, parts.event_log, parts.bus, clock)
    phones = Phones(event_router, Registrar(RegistrarSettings()), parts.bus, clock)
    callback_queue = CallbackQueue(settings.callbacks, matching_key)
    callback_scheduler = CallbackScheduler(callback_queue, parts.attempts, parts.event_log, parts.bus, clock)
    services = Services()
    listening = SpeechListening(engine, clock, parts.understanding)
    ears = EarsThread(engine, listening.attention, listening.deliver, clock)
    hours = OpeningHours(storage.hours, acd, callback_scheduler, parts.bus, clock)
    loop.add_reader(engine.event_fd, lambda: event_router.on_media(engine.events()))
    if parts.understanding is not None:
        ears.start()
    try:
        yield CallContext(
            clock=clock,
            bus=parts.bus,
            event_router=event_router,
            acd=acd,
            queue_visits=queue_visits,
            agents=Agents(phones, storage.directory, acd, parts.event_log, parts.bus, clock),
            library=parts.library,
            directory=storage.directory,
            event_log=parts.event_log,
            recorder=parts.recorder,
            callback_scheduler=callback_scheduler,
            hours=hours,
            services=services,
            listening=listening,
            places=queueing.places,
            trunk_capacity=TrunkCapacity(
                settings.trunk_capacity, {trunk.name: trunk.capacity for trunk in rules.trunks.trunks}
            ),
            rules=rules,
        )
    finally:
        loop.remove_reader(engine.event_fd)
        ears.stop()
        hours.close()
        callback_scheduler.close()
        phones.close()
        queue_visits.close()
        acd.close()
        await services.close()


@contextlib.asynccontextmanager
async def restored_bindings(context: CallContext, settings: Settings) -> AsyncIterator[Look]:
    """Restore the bindings of phones registered over UDP, and store them for the next start; yields the file's look."""
    phones = context.agents.phones
    bindings = BindingsFile(settings.storage.directory / "bindings.json", context.clock, phones.export)
    phones.restore(bindings.load({settings.sip.udp_port}))
    unsubscribe = context.bus.subscribe(RegistrationsChanged, lambda _: bindings.changed())
    bindings.start()
    try:
        yield lambda: ((BINDINGS, bindings.alarm),)
    finally:
        unsubscribe()
        await bindings.stop()
        if bindings.alarm:
            structlog.get_logger("sip").warning("bindings not kept", reason=bindings.alarm)


def capacity_look(context: CallContext) -> Look:
    """Raise the alarm about trunk capacity when it rejected a call; the alarm ends by itself."""

    def look() -> tuple[Condition, ...]:
        if context.trunk_capacity.last_rejection:
            context.event_log.alarms.raise_alarm(CAPACITY_EXHAUSTED, context.trunk_capacity.last_rejection)
            context.trunk_capacity.last_rejection = ""
        return ()

    return look


def trunk_probe(context: CallContext) -> TrunkProbe:
    """Ask the trunks of the present settings by OPTIONS whether they are up."""
    return TrunkProbe(
        trunks=lambda: context.rules.trunks.trunks,
        question=lambda trunk: options_request(context, trunk),
        send=context.event_router.stack.request,
        alarms=context.event_log.alarms,
        clock=context.clock,
    )


@contextlib.contextmanager
def scheduling_work(context: CallContext) -> Iterator[None]:
    """Follow opening hours, and put due work items into the queues, until the calls are drained."""
    context.hours.follow(context.rules)
    try:
        yield
    finally:
        context.hours.close()
        context.callback_scheduler.close()


async def resume(
    context: CallContext,
    queueing: OpenDispatcher,
    storage: Storage,
    snapshot: Snapshot,
    trust: ClockTrust,
    on_progress: Progress,
) -> None:
    """Restore the last run's state: agents at work, their phones, and open work items."""
    last = queueing.last
    if last is not None:
        agents = context.agents.restore(last.agents)
        if agents or last.places:
            within_s = snapshot.settings.journal.reclaim_within_s
            on_progress(
                f"agents taken over: {agents}; callers whose place is kept for {within_s:g} s: {len(last.places)}"
            )
    ahead = timedelta(seconds=trust.off_s(first_reading(context.clock)))
    items = context.callback_scheduler.restore(await storage.history.open_work(), ahead)
    context.hours.look()  # before any item is due: the settings may have lost a queue meanwhile
    if items:
        on_progress(f"callbacks and messages taken over: {items}")


def open_screen(context: CallContext, storage: Storage) -> Screen:
    """The list of numbers that are blocked or let through; it follows the changes of its store."""
    screen = Screen(context.rules.screening, matching_key)

    screen.use(storage.screening.entries())
    context.bus.subscribe(ScreeningChanged, lambda _: screen.use(storage.screening.entries()))
    return screen
