"""The hall and its dispatcher: opened with what the last run left, closed with what the next one needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import structlog

from acdcore.calls.admission.screening import Screen
from acdcore.calls.agents.agents import Desks
from acdcore.calls.agents.phones import Phones
from acdcore.calls.context import Hall
from acdcore.calls.core.event_router import Wiring
from acdcore.calls.media.listening import Listening
from acdcore.calls.media.prompts import PromptLibrary
from acdcore.calls.media.speech_detection import EarsThread
from acdcore.calls.opening_hours import Hours
from acdcore.calls.queueing.callback_scheduler import Workbench
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.queueing.queue_visits import StayKeeper
from acdcore.calls.record.event_log import Chronicle
from acdcore.calls.recording import Recorder
from acdcore.calls.scripts.dial_out import question_to
from acdcore.calls.services.http_services import Services
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.capacity import LINES_FULL, Lines
from acdcore.calls.trunks.probe import TrunkProbe
from acdcore.configuration.settings import Settings
from acdcore.configuration.snapshot import Plan
from acdcore.daemon.components import Progress
from acdcore.daemon.timekeeping import first_reading
from acdcore.daemon.watch import Condition, Look
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.clock import Clock
from acdcore.kernel.clock_watch import STEP_MAX_S, ClockTrust
from acdcore.numbering.key import matching_key
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.journal.lost_places import Places
from acdcore.queues.journal.resume import Resumed
from acdcore.recognition.hearing import Understanding
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.storage.alarms import JOURNAL_OFF
from acdcore.storage.journal.files import Retention
from acdcore.storage.journal.journal import DiskJournal, JournalSettings, last_state
from acdcore.storage.storage import Storage
from acdcore.storage.stores.bindings import BindingsFile
from acdcore.work.book import WorkBook

STALE_AFTER = timedelta(hours=12)
"""Whoever was at work before a longer stop has gone home."""
AHEAD_MAX = timedelta(seconds=STEP_MAX_S)
"""A segment of the journal that begins later than this from now is of a clock that was ahead."""
BINDINGS = AlarmKind(
    "bindings", Severity.MINOR, "Let the daemon's user read and write bindings.json; phones register anew."
)
"""The file of registered phones cannot be read or written."""


@dataclass(frozen=True, slots=True)
class OpenFloor:
    """The dispatcher, its journal, and what the last run's journal says."""

    dispatcher: Dispatcher
    journal: DiskJournal | None
    last: Resumed | None
    """Where the last run ended; None without a journal of it."""
    places: Places
    """Who may have a lost place again."""

    @property
    def alarm(self) -> str:
        """What is wrong with the journal; empty when nothing is."""
        return self.journal.alarm if self.journal is not None else ""

    def conditions(self) -> tuple[tuple[AlarmKind, str], ...]:
        """What may be wrong, and how it is at this moment."""
        return ((JOURNAL_OFF, self.alarm),)

    def clock_set(self) -> None:
        """The machine's clock was set."""
        if self.journal is not None:
            self.journal.clock_set()

    def note_shutdown(self) -> None:
        """From here on callers and agents lose their places to the stop, not by their own wish."""
        if self.journal is not None:
            self.journal.note_shutdown()


@contextlib.contextmanager
def open_floor(settings: Settings, clock: Clock, trust: ClockTrust, on_progress: Progress) -> Iterator[OpenFloor]:
    """The dispatcher, with its turns kept on disk if the operator wants that."""
    dispatcher = Dispatcher(settings.floor())
    directory = settings.storage.directory / "journal"
    if not settings.journal.is_on:
        yield OpenFloor(dispatcher, None, None, Places((), 0.0, clock.now()))
        return
    wall = clock.wall()
    last = last_state(directory, wall - STALE_AFTER, wall + AHEAD_MAX)
    if last is not None and last.problem:
        on_progress(f"the journal's end could not be read: {last.problem}")
    lost = last.places if last is not None else ()
    places = Places(lost, settings.journal.reclaim_within_s, clock.now())
    kept = JournalSettings(
        directory=directory,
        zone=ZoneInfo(settings.journal.timezone),
        retention=Retention(days=settings.journal.keep_days),
        version=version("acdcore"),
        is_clock_right=lambda: not trust.doubt(first_reading(clock)),
    )
    with DiskJournal(kept, dispatcher, clock) as journal:
        yield OpenFloor(dispatcher, journal, last, places)


@dataclass(frozen=True, slots=True)
class HallParts:
    """What the hall stands on."""

    wiring: Wiring
    recorder: Recorder
    chronicle: Chronicle
    library: PromptLibrary
    storage: Storage
    clock: Clock
    understanding: Understanding | None = None
    """What understands callers; None: nobody does."""


@contextlib.asynccontextmanager
async def open_hall(plan: Plan, floor: OpenFloor, parts: HallParts) -> AsyncIterator[Hall]:
    """What the calls' stories reach, and the engine's reports brought to them."""
    settings, wiring, storage, clock = plan.settings, parts.wiring, parts.storage, parts.clock
    engine, loop = wiring.engine, asyncio.get_running_loop()
    rules = plan.rules()
    acd = Acd(floor.dispatcher, clock, floor.journal.record if floor.journal is not None else None)
    stays = StayKeeper(acd, parts.chronicle, clock)
    phones = Phones(wiring, Registrar(RegistrarSettings()), clock)
    workbench = Workbench(WorkBook(settings.book(), matching_key), parts.chronicle, clock)
    services = Services()
    listening = Listening(engine, clock, parts.understanding)
    ears = EarsThread(engine, listening.attention, listening.deliver, clock)
    hours = Hours(storage.hours, acd, workbench, clock)
    hours.on_change = parts.chronicle.hours
    loop.add_reader(engine.event_fd, lambda: wiring.on_media(engine.events()))
    if parts.understanding is not None:
        ears.start()
    try:
        yield Hall(
            clock=clock,
            wiring=wiring,
            acd=acd,
            stays=stays,
            desks=Desks(phones, storage.directory, acd, parts.chronicle, clock),
            library=parts.library,
            directory=storage.directory,
            chronicle=parts.chronicle,
            recorder=parts.recorder,
            workbench=workbench,
            hours=hours,
            services=services,
            listening=listening,
            places=floor.places,
            lines=Lines(settings.line_settings(), {trunk.name: trunk.lines for trunk in rules.trunks.trunks}),
            rules=rules,
        )
    finally:
        loop.remove_reader(engine.event_fd)
        ears.stop()
        hours.close()
        workbench.close()
        phones.close()
        stays.close()
        acd.close()
        await services.close()


@contextlib.asynccontextmanager
async def kept_bindings(hall: Hall, settings: Settings) -> AsyncIterator[Look]:
    """Phones registered over UDP are known again, and will be at the next start; gives the look at their file."""
    phones = hall.desks.phones
    bindings = BindingsFile(settings.storage.directory / "bindings.json", hall.clock, phones.export)
    phones.restore(bindings.load({settings.sip.udp_port}))
    phones.on_binding = bindings.changed
    bindings.start()
    try:
        yield lambda: ((BINDINGS, bindings.alarm),)
    finally:
        await bindings.stop()
        if bindings.alarm:
            structlog.get_logger("sip").warning("bindings not kept", reason=bindings.alarm)


def lines_look(hall: Hall) -> Look:
    """Raises the alarm about lines when a call was turned away for want of one; it ends by itself."""

    def look() -> tuple[Condition, ...]:
        if hall.lines.turned_away:
            hall.chronicle.alarms.raise_alarm(LINES_FULL, hall.lines.turned_away)
            hall.lines.turned_away = ""
        return ()

    return look


def trunk_probe(hall: Hall) -> TrunkProbe:
    """Asks the trunks of the moment whether they are there."""
    return TrunkProbe(
        trunks=lambda: hall.rules.trunks.trunks,
        question=lambda trunk: question_to(hall, trunk),
        send=hall.wiring.stack.request,
        alarms=hall.chronicle.alarms,
        clock=hall.clock,
    )


@contextlib.contextmanager
def at_work(hall: Hall, switchboard: Switchboard) -> Iterator[None]:
    """Hours are kept, and work that is due goes into the queues, until the calls are drained."""
    hall.workbench.on_due = switchboard.begin_work
    hall.workbench.on_settled = switchboard.end_work
    hall.hours.follow(hall.rules)
    try:
        yield
    finally:
        hall.hours.close()
        hall.workbench.close()


async def resume(
    hall: Hall, floor: OpenFloor, storage: Storage, plan: Plan, trust: ClockTrust, on_progress: Progress
) -> None:
    """Go on where the last run ended: agents at work, their phones, and what was asked of us."""
    last = floor.last
    if last is not None:
        agents = hall.desks.restore(last.agents)
        if agents or last.places:
            within_s = plan.settings.journal.reclaim_within_s
            on_progress(
                f"agents taken over: {agents}; callers whose place is kept for {within_s:g} s: {len(last.places)}"
            )
    ahead = timedelta(seconds=trust.off_s(first_reading(hall.clock)))
    items = hall.workbench.restore(await storage.history.open_work(), ahead)
    hall.hours.look()  # before any of it comes due: the settings may have lost a queue meanwhile
    if items:
        on_progress(f"callbacks and messages taken over: {items}")


def open_screen(hall: Hall, storage: Storage) -> Screen:
    """The list of numbers that are turned away or let through, kept in step with its store."""
    screen = Screen(hall.rules.screening.limits, matching_key)

    def follow() -> None:
        screen.use(storage.screening.entries())

    storage.screening.on_change = follow
    follow()
    return screen
