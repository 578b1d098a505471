"""The composition root: builds every part once, starts them bottom-up, and drains them top-down."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from acdcore.calls.access import Access
from acdcore.calls.acd import Acd
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.commands import PartHealth
from acdcore.calls.desks import Desks
from acdcore.calls.feed import Feed
from acdcore.calls.hall import Hall
from acdcore.calls.lines import Lines
from acdcore.calls.operations import Operations
from acdcore.calls.phones import Phones
from acdcore.calls.recorder import Recorder
from acdcore.calls.recovery import recover
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks import Trunks
from acdcore.calls.voice import Voice
from acdcore.calls.wiring import Wiring
from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ControlSettings
from acdcore.ivr.model import PromptKey
from acdcore.ivr.prompts import render, render_music
from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import IdSource
from acdcore.keys import keep_passwords, read_or_make_keys
from acdcore.media.engine import Engine
from acdcore.media.model import EngineSettings
from acdcore.media.tones import ringback
from acdcore.metrics import HallCollector
from acdcore.plan import Plan, port_pairs
from acdcore.queues.dispatcher import Dispatcher
from acdcore.recording.events import RecordingEvent
from acdcore.recording.index import NotRepaired, Repaired, repair_all
from acdcore.recording.writer import RecordingSettings, RecordingWriter
from acdcore.settings import Settings
from acdcore.sip.digest import DigestServer
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import Event, Transport
from acdcore.sip.identity import EndpointSettings
from acdcore.sip.ladder import Observer
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.storage.password import new_password
from acdcore.storage.storage import Storage, StorageSettings, open_storage

DRAIN_S = 5.0
"""How long calls may go on after the order to stop; then they are hung up and recorded as ended by us."""
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


@dataclass(frozen=True, slots=True)
class Sounds:
    """All that is ever played, as PCM (16 bit, mono, 8 kHz)."""

    prompts: dict[PromptKey, bytes]
    music: dict[str, bytes]
    """By queue, `""` for all others."""


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
        recorder = await stack.enter_async_context(started_recorder(settings, engine, chronicle, clock))
        voice = Voice(engine, sounds.prompts, sounds.music, ringback())
        stack.callback(voice.close)

        # The stack reports to the switchboard, which stands on the stack: the name is bound before it first listens.
        def on_sip(event: Event) -> None:
            switchboard.on_sip(event)

        sip = SipStack(Endpoint(endpoint_settings(settings), ids), clock, on_sip, stack_settings(settings), observer)
        wiring = Wiring(sip, engine, str(settings.media.advertised or settings.media.address), ids)
        hall = stack.enter_context(open_hall(plan, wiring, recorder, chronicle, voice, storage, clock))
        digest = DigestServer(settings.sip.realm, secrets.token_bytes(32), ids)
        switchboard = Switchboard(hall, Access(hall.trunks, storage.directory, digest, settings.sip.realm))
        operations = Operations(hall, switchboard, port_pairs(settings), Health(hall, storage).parts)
        plane = await stack.enter_async_context(control_plane(settings, hall, switchboard, operations, storage))
        await stack.enter_async_context(sip)
        stack.push_async_callback(switchboard.drain, DRAIN_S)
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


@contextlib.contextmanager
def open_hall(
    plan: Plan,
    wiring: Wiring,
    recorder: Recorder,
    chronicle: Chronicle,
    voice: Voice,
    storage: Storage,
    clock: Clock,
) -> Iterator[Hall]:
    """What the calls' stories reach, and the engine's reports brought to them."""
    settings, engine, loop = plan.settings, wiring.engine, asyncio.get_running_loop()
    acd = Acd(Dispatcher(settings.floor()), clock)
    phones = Phones(wiring, Registrar(RegistrarSettings()), clock)
    trunks = Trunks(settings.trunk_list(), settings.routes())
    loop.add_reader(engine.event_fd, lambda: wiring.on_media(engine.events()))
    try:
        yield Hall(
            clock=clock,
            wiring=wiring,
            acd=acd,
            desks=Desks(phones, storage.directory, acd, chronicle, clock),
            voice=voice,
            directory=storage.directory,
            chronicle=chronicle,
            recorder=recorder,
            trunks=trunks,
            lines=Lines(settings.line_settings(), {trunk.name: trunk.lines for trunk in trunks.trunks}),
            flows=plan.flows,
            calendars=plan.calendars,
        )
    finally:
        loop.remove_reader(engine.event_fd)
        phones.close()
        acd.close()


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
    recorder = Recorder(engine, writer, chronicle, clock)
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
    settings: Settings, hall: Hall, switchboard: Switchboard, operations: Operations, storage: Storage
) -> ControlPlane:
    """The HTTP side."""
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

    def __init__(self, hall: Hall, storage: Storage) -> None:
        self._hall = hall
        self._storage = storage

    def parts(self) -> tuple[PartHealth, ...]:
        """Every part, those that calls need first."""
        lines, engine = self._hall.lines, self._hall.wiring.engine
        storage = self._storage.health()
        census = engine.census()
        alarm = self._hall.recorder.alarm
        return (
            PartHealth("sip", True, f"{lines.taken} of {lines.settings.limit} lines taken"),
            PartHealth("media", census.dropped_events == 0, f"{census.streams} streams"),
            PartHealth("storage", storage.is_ok, storage.detail),
            PartHealth("recording", alarm is None, alarm.reason if alarm else f"{self._hall.recorder.running} running"),
        )
