"""The composition root: builds every part once, starts them bottom-up, and drains them top-down."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from acdcore.calls.access import Access
from acdcore.calls.acd import Acd
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.commands import PartHealth
from acdcore.calls.desks import Desks
from acdcore.calls.feed import Feed
from acdcore.calls.hall import Hall
from acdcore.calls.hours import Hours
from acdcore.calls.lines import Lines
from acdcore.calls.notices import Notices
from acdcore.calls.operations import Operations
from acdcore.calls.phones import Phones
from acdcore.calls.recorder import Recorder
from acdcore.calls.recovery import recover
from acdcore.calls.screening import Screen
from acdcore.calls.services import Services
from acdcore.calls.speaker import Speaker
from acdcore.calls.stays import StayKeeper
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.voice import Voice
from acdcore.calls.wiring import Wiring
from acdcore.calls.workbench import Workbench
from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ControlSettings
from acdcore.ivr.prompts import render, render_music
from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import IdSource, QueueName
from acdcore.keys import keep_passwords, read_or_make_keys
from acdcore.media.engine import Engine
from acdcore.media.model import EngineSettings
from acdcore.media.tones import ringback
from acdcore.metrics import HallCollector
from acdcore.outlook import Outlook
from acdcore.plan import Plan, port_pairs
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.places import Places
from acdcore.queues.resumption import Resumed
from acdcore.recording.events import RecordingEvent
from acdcore.recording.index import NotRepaired, Repaired, repair_all
from acdcore.recording.writer import RecordingSettings, RecordingWriter
from acdcore.reload import Reloader, Sounds
from acdcore.settings import Settings
from acdcore.sip.digest import DigestServer
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import Event, Transport
from acdcore.sip.identity import EndpointSettings
from acdcore.sip.ladder import Observer
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.storage.bindings import BindingsFile
from acdcore.storage.journal import DiskJournal, JournalSettings, last_state
from acdcore.storage.journal_files import Retention
from acdcore.storage.password import new_password
from acdcore.storage.phone_number import matching_key
from acdcore.storage.storage import Storage, StorageSettings, open_storage
from acdcore.work.book import WorkBook

DRAIN_S = 5.0
"""How long calls may go on after the order to stop; then they are hung up and recorded as ended by us."""
STALE_AFTER = timedelta(hours=12)
"""Whoever was at work before a longer stop has gone home."""
Progress = Callable[[str], None]
"""Told one line at a time what takes long at the start."""


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that takes calls."""

    plan: Plan
    """What it was built from."""
    hall: Hall
    """Its parts."""
    switchboard: Switchboard
    """Its live calls."""
    operations: Operations
    """What the control plane asks."""
    storage: Storage
    """Its memory."""
    feed: Feed
    """What happens, live."""
    udp: Address
    """Where it takes calls over UDP."""
    tcp: Address
    """Where it takes calls over TCP."""
    http: Address
    """Where the control plane listens."""


@contextlib.asynccontextmanager
async def serve(
    plan: Plan, clock: Clock, on_progress: Progress = lambda _: None, observer: Observer | None = None
) -> AsyncIterator[Running]:
    """Start everything and yield once calls are taken; at the end drain the calls and give everything back.

    `observer` sees every SIP message. Raises SettingsError, and Unavailable for an address that is taken, a
    database that does not start, or speech that cannot be made.
    """
    settings = plan.settings
    for section, directory in (("storage", settings.storage.directory), ("recording", settings.recording.directory)):
        make_directory(directory, str(plan.file), section)
    sounds = await asyncio.to_thread(make_sounds, plan, on_progress)
    ids = IdSource()
    async with contextlib.AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_memory(plan, clock, on_progress))
        chronicle = Chronicle(clock, storage.spool, Feed(clock.wall()), storage.directory)
        engine = stack.enter_context(started_engine(settings, ids))
        repaired = await asyncio.to_thread(repaired_recordings, settings)
        await recover_calls(storage, clock, repaired, settings.recording.directory, on_progress)
        notices = Notices(settings.mail(), chronicle, settings.recording.directory)
        await stack.enter_async_context(notices.sending())
        recorder = await stack.enter_async_context(started_recorder(settings, engine, chronicle, clock))
        voice = Voice(engine, sounds.prompts, sounds.music, ringback(), Speaker())
        stack.callback(voice.close)

        # The stack reports to the switchboard, which stands on the stack: the name is bound before it first listens.
        def on_sip(event: Event) -> None:
            switchboard.on_sip(event)

        sip = SipStack(Endpoint(endpoint_settings(settings), ids), clock, on_sip, stack_settings(settings), observer)
        wiring = Wiring(sip, engine, str(settings.media.advertised or settings.media.address), ids)
        floor = stack.enter_context(open_floor(settings, clock, on_progress))
        parts = HallParts(wiring, recorder, chronicle, voice, storage, clock)
        hall = await stack.enter_async_context(open_hall(plan, floor, parts))
        digest = DigestServer(settings.sip.realm, secrets.token_bytes(32), ids)
        screen = open_screen(hall, storage)
        access = Access(hall.rules.trunks, storage.directory, digest, settings.sip.realm)
        switchboard = Switchboard(hall, access, screen)
        reload = Reloader(
            plan=plan,
            hall=hall,
            switchboard=switchboard,
            screen=screen,
            digest=digest,
            notices=notices,
            make_sounds=lambda new: make_sounds(new, on_progress),
            marks=sounds.marks(),
        )
        operations = Operations(hall, switchboard, port_pairs(settings), Health(hall, storage, floor).parts, reload)
        plane = await stack.enter_async_context(control_plane(hall, switchboard, operations, storage, reload))
        await stack.enter_async_context(sip)
        stack.enter_context(at_work(hall, switchboard))
        await stack.enter_async_context(kept_bindings(hall, settings))
        await resume(hall, floor, storage, settings, on_progress)
        stack.push_async_callback(switchboard.drain, DRAIN_S)
        stack.callback(floor.note_shutdown)
        yield Running(
            plan=plan,
            hall=hall,
            switchboard=switchboard,
            operations=operations,
            storage=storage,
            feed=chronicle.feed,
            udp=sip.addresses(Transport.UDP)[0],
            tcp=sip.addresses(Transport.TCP)[0],
            http=plane.address,
        )


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

    def note_shutdown(self) -> None:
        """From here on callers and agents lose their places to the stop, not by their own wish."""
        if self.journal is not None:
            self.journal.note_shutdown()


@contextlib.contextmanager
def open_floor(settings: Settings, clock: Clock, on_progress: Progress) -> Iterator[OpenFloor]:
    """The dispatcher, with its turns kept on disk if the operator wants that."""
    dispatcher = Dispatcher(settings.floor())
    directory = settings.storage.directory / "journal"
    if not settings.journal.is_on:
        yield OpenFloor(dispatcher, None, None, Places((), 0.0, clock.now()))
        return
    last = last_state(directory, clock.wall() - STALE_AFTER)
    if last is not None and last.problem:
        on_progress(f"the journal's end could not be read: {last.problem}")
    lost = last.places if last is not None else ()
    places = Places(lost, settings.journal.reclaim_within_s, clock.now())
    kept = JournalSettings(
        directory=directory,
        zone=ZoneInfo(settings.journal.timezone),
        retention=Retention(days=settings.journal.keep_days),
        version=version("acdcore"),
    )
    with DiskJournal(kept, dispatcher, clock) as journal:
        yield OpenFloor(dispatcher, journal, last, places)


@dataclass(frozen=True, slots=True)
class HallParts:
    """What the hall stands on."""

    wiring: Wiring
    recorder: Recorder
    chronicle: Chronicle
    voice: Voice
    storage: Storage
    clock: Clock


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
    hours = Hours(storage.hours, acd, workbench, clock)
    hours.on_change = parts.chronicle.hours
    loop.add_reader(engine.event_fd, lambda: wiring.on_media(engine.events()))
    try:
        yield Hall(
            clock=clock,
            wiring=wiring,
            acd=acd,
            stays=stays,
            desks=Desks(phones, storage.directory, acd, parts.chronicle, clock),
            voice=parts.voice,
            directory=storage.directory,
            chronicle=parts.chronicle,
            recorder=parts.recorder,
            workbench=workbench,
            hours=hours,
            services=services,
            places=floor.places,
            lines=Lines(settings.line_settings(), {trunk.name: trunk.lines for trunk in rules.trunks.trunks}),
            rules=rules,
        )
    finally:
        loop.remove_reader(engine.event_fd)
        hours.close()
        workbench.close()
        phones.close()
        stays.close()
        acd.close()
        await services.close()


@contextlib.asynccontextmanager
async def kept_bindings(hall: Hall, settings: Settings) -> AsyncIterator[None]:
    """Phones registered over UDP are known again, and will be at the next start."""
    phones = hall.desks.phones
    bindings = BindingsFile(settings.storage.directory / "bindings.json", hall.clock, phones.export)
    phones.restore(bindings.load({settings.sip.udp_port}))
    if bindings.alarm:
        hall.chronicle.alarm("bindings", True, bindings.alarm)
    phones.on_binding = bindings.changed
    bindings.start()
    try:
        yield
    finally:
        await bindings.stop()
        if bindings.alarm:
            structlog.get_logger("sip").warning("bindings not kept", reason=bindings.alarm)


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


async def resume(hall: Hall, floor: OpenFloor, storage: Storage, settings: Settings, on_progress: Progress) -> None:
    """Go on where the last run ended: agents at work, their phones, and what was asked of us."""
    last = floor.last
    if last is not None:
        agents = hall.desks.restore(last.agents)
        if agents or last.places:
            within_s = settings.journal.reclaim_within_s
            on_progress(f"took over {agents} agents; {len(last.places)} callers keep their places for {within_s:g} s")
    items = hall.workbench.restore(await storage.history.open_work())
    hall.hours.look()  # before any of it comes due: the settings may have lost a queue meanwhile
    if items:
        on_progress(f"took over {items} callbacks and messages")


def open_screen(hall: Hall, storage: Storage) -> Screen:
    """The list of numbers that are turned away or let through, kept in step with its store."""
    screen = Screen(hall.rules.screening.limits, matching_key)

    def follow() -> None:
        screen.use(storage.screening.entries())

    storage.screening.on_change = follow
    follow()
    return screen


# --- the parts, bottom-up ---


def make_directory(directory: Path, file: str, section: str) -> None:
    """A place to write; raises SettingsError when there can be none."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(file, f"{section}.directory", f"{directory} cannot be made: {error.strerror}") from error


def make_sounds(plan: Plan, on_progress: Progress) -> Sounds:
    """Render every prompt, or take it from the cache; takes seconds at the first start."""
    cache = plan.settings.storage.directory / "prompts"
    recorded = plan.file.parent / plan.settings.ivr.prompts

    def progress(done: int, total: int) -> None:
        if done % 25 == 0 or done == total:
            on_progress(f"prompts: {done} of {total} spoken")

    prompts = render(plan.prompts, cache, recorded, progress)
    music = {"": render_music(cache, recorded)}
    for name, table in plan.settings.queues.items():
        if table.music:
            music[name] = render_music(cache, recorded, table.music)
    return Sounds(prompts, music)


def open_memory(plan: Plan, clock: Clock, on_progress: Progress) -> contextlib.AbstractAsyncContextManager[Storage]:
    """Database, spool and directory."""
    settings = plan.settings
    storage = StorageSettings(
        directory=settings.storage.directory,
        realm=settings.sip.realm,
        agents_file=plan.file.parent / "agents.toml",
        customers_file=plan.file.parent / "customers.toml",
        trunk_users={trunk.user: trunk.name for trunk in settings.trunk_list() if trunk.user},
        dsn=settings.storage.dsn,
    )
    return open_storage(storage, clock, on_progress, lambda new: keep_passwords(settings.storage.directory, new))


@contextlib.contextmanager
def started_engine(settings: Settings, ids: IdSource) -> Iterator[Engine]:
    """The media engine with its thread."""
    media = settings.media
    engine = Engine(
        EngineSettings(
            address=str(media.address),
            first_port=media.first_port,
            last_port=media.last_port,
            media_lost_after_s=media.lost_after_s,
        ),
        ids,
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def repaired_recordings(settings: Settings) -> list[Repaired]:
    """Mend what a crash left in the recordings' directory."""
    repairs = repair_all(settings.recording.directory)
    for repair in repairs:
        if isinstance(repair, NotRepaired):
            structlog.get_logger("recording").warning("not repaired", path=repair.path, reason=repair.reason)
    return [repair for repair in repairs if isinstance(repair, Repaired)]


async def recover_calls(
    storage: Storage, clock: Clock, repaired: list[Repaired], recordings: Path, on_progress: Progress
) -> None:
    """Give calls that a crash cut short their records."""
    recovered = await recover(storage.history, storage.spool, clock, repaired, recordings)
    if recovered.calls or recovered.recordings:
        on_progress(
            f"the last run was cut short: recorded {recovered.calls} calls, mended {recovered.recordings} recordings"
        )


@contextlib.asynccontextmanager
async def started_recorder(
    settings: Settings, engine: Engine, chronicle: Chronicle, clock: Clock
) -> AsyncIterator[Recorder]:
    """The recorder with the writer's threads."""
    if not settings.recording.is_on:
        yield Recorder(engine, None, chronicle, clock)
        return
    directory = settings.recording.directory
    loop = asyncio.get_running_loop()

    def report(event: RecordingEvent) -> None:
        loop.call_soon_threadsafe(recorder.on_event, event)

    min_free_bytes = settings.recording.min_free_mb * 1_000_000
    writer = RecordingWriter(engine, RecordingSettings(directory, min_free_bytes), report)
    recorder = Recorder(engine, writer, chronicle, clock, directory)
    writer.start()
    try:
        yield recorder
    finally:
        await asyncio.to_thread(writer.stop)  # waits for the disk
        await asyncio.sleep(0)  # the last reports are on their way to the recorder


def stack_settings(settings: Settings) -> StackSettings:
    """Where SIP listens."""
    host = str(settings.sip.address)
    return StackSettings(udp=(Address(host, settings.sip.udp_port),), tcp=(Address(host, settings.sip.tcp_port),))


def endpoint_settings(settings: Settings) -> EndpointSettings:
    """What Via and Contact say when peers see us under another address than we do."""
    sip = settings.sip
    if sip.advertised is None:
        return EndpointSettings()
    ports = {sip.udp_port, sip.tcp_port}
    return EndpointSettings(
        advertised={Address(str(sip.address), port): Address(str(sip.advertised), port) for port in ports}
    )


def control_plane(
    hall: Hall, switchboard: Switchboard, operations: Operations, storage: Storage, reload: Reloader
) -> ControlPlane:
    """The HTTP side."""
    settings = reload.plan.settings

    def targets() -> dict[QueueName, float]:
        return {queue.name: queue.service_level_within_s for queue in reload.plan.settings.floor().queues}

    registry = CollectorRegistry()
    registry.register(HallCollector(hall, switchboard, operations))
    parts = ControlParts(
        commands=operations,
        feed=hall.chronicle.feed,
        directory=storage.directory,
        customers=storage.customers,
        agents=storage.agents,
        new_password=new_password,
        history=storage.history,
        screening=storage.screening,
        hours=storage.hours,
        new_work_id=hall.workbench.next_id,
        targets=targets,
        release=Outlook(hall.acd.snapshot, lambda: reload.plan.settings.floor().queues).release,
        clock=hall.clock,
        registry=registry,
    )
    control = ControlSettings(
        keys=read_or_make_keys(settings.storage.directory),
        recordings=settings.recording.directory,
        address=Address(str(settings.http.address), settings.http.port),
    )
    return ControlPlane(control, parts)


class Health:
    """Asks every part how it is."""

    def __init__(self, hall: Hall, storage: Storage, floor: OpenFloor) -> None:
        self._hall = hall
        self._storage = storage
        self._floor = floor

    def parts(self) -> tuple[PartHealth, ...]:
        """Every part, those that calls need first."""
        lines, engine = self._hall.lines, self._hall.wiring.engine
        storage = self._storage.health()
        census = engine.census()
        alarm = self._hall.recorder.alarm
        journal = self._floor.alarm
        return (
            PartHealth("sip", True, f"{lines.taken} of {lines.settings.limit} lines taken"),
            PartHealth("media", census.dropped_events == 0, f"{census.streams} streams"),
            PartHealth("storage", storage.is_ok, storage.detail),
            PartHealth("journal", not journal, journal or "every turn is kept"),
            PartHealth("recording", alarm is None, alarm.reason if alarm else f"{self._hall.recorder.running} running"),
        )
