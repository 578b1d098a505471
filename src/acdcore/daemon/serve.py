"""The composition root: builds every part once, starts them bottom-up, and stops them top-down."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from acdcore.calls.context import CallContext
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.media.prompts import PromptLibrary
from acdcore.calls.media.tts import RuntimeTts
from acdcore.calls.model.commands import PartHealth
from acdcore.calls.operations import Operations
from acdcore.calls.queueing.callback_scheduler import WorkAttempts
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.event_stream import CallEventStream
from acdcore.calls.services.email_notices import EmailNotices, MailTiming
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.probe import probing
from acdcore.configuration.settings import recognition_key
from acdcore.configuration.snapshot import Snapshot, port_pairs
from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ApiKey, ControlSettings
from acdcore.daemon.call_control import (
    ContextParts,
    OpenDispatcher,
    capacity_look,
    open_call_context,
    open_screen,
    restored_bindings,
    resume,
    scheduling_work,
    started_dispatcher,
    trunk_probe,
)
from acdcore.daemon.components import (
    PROMPT_CACHE,
    Progress,
    endpoint_settings,
    load_numbering_plans,
    make_directory,
    open_admission,
    open_memory,
    recovered_calls,
    render_audio,
    render_sentences,
    repaired_recordings,
    stack_settings,
    started_engine,
    started_recorder,
    try_media_address,
)
from acdcore.daemon.prometheus import DaemonCollector
from acdcore.daemon.release_planning import ReleasePlanner
from acdcore.daemon.reload import KeyFile, Reloader
from acdcore.daemon.retention import Retention, RetentionPaths, retaining
from acdcore.daemon.secrets import read_or_make_keys
from acdcore.daemon.timekeeping import Timed, Timekeeper, first_reading, keeping_time, load_trust
from acdcore.daemon.transcription import Transcription, TranscriptionSettings, transcribing
from acdcore.daemon.watch import Look, log_alarms, watching
from acdcore.ivr.tts.engines import ReadersAhead
from acdcore.kernel.address import Address
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import Rhythm, fault_reporter, repeat_in_background
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.clock_watch import ClockTrust, read
from acdcore.kernel.ids import IdSource, QueueName
from acdcore.media.tones import ringback
from acdcore.recognition.model import TranscriptKind
from acdcore.recognition.service import missing_packages, open_recognition
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import RequestFinished, SipEvent, Transport
from acdcore.sip.ladder import Observer
from acdcore.sip.stack import SipStack
from acdcore.storage.storage import Storage
from acdcore.storage.stores.password import new_password
from acdcore.storage.stores.retention import PgRetention
from acdcore.storage.stores.seed import unapplied
from acdcore.storage.stores.transcripts import PgTranscripts


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that takes calls."""

    snapshot: Snapshot
    """The settings, flows, calendars and prompts that it was built from."""
    context: CallContext
    """The parts that call scripts use."""
    switchboard: Switchboard
    """The live calls."""
    operations: Operations
    """The operations that the control plane calls."""
    storage: Storage
    """Database, spool and directory."""
    events: CallEventStream
    """The event stream."""
    udp: Address
    """The SIP address for UDP."""
    tcp: Address
    """The SIP address for TCP."""
    http: Address
    """The address of the control plane."""


@contextlib.asynccontextmanager
async def serve(
    snapshot: Snapshot,
    clock: Clock,
    on_progress: Progress = lambda _: None,
    observer: Observer | None = None,
    looks: Sequence[Look] = (),
) -> AsyncIterator[Running]:
    """Start everything and yield once calls are taken; at the end drain the calls and stop everything.

    `observer` sees every SIP message; `looks` report alarms from outside of all parts. Raises SettingsError, and
    Unavailable for an address that is taken, a database that does not start, or texts that cannot be read aloud.
    """
    settings = snapshot.settings
    alarms = Alarms(clock)
    alarms.listen(log_alarms)
    bus = EventBus(fault_reporter(alarms))
    for section, directory in (("storage", settings.storage.directory), ("recording", settings.recording.directory)):
        make_directory(directory, str(snapshot.file), section)
    try_media_address(str(settings.media.address), str(snapshot.file))
    loop = asyncio.get_running_loop()

    def on_unkept(problem: str) -> None:
        loop.call_soon_threadsafe(alarms.hold, PROMPT_CACHE, problem)

    await asyncio.to_thread(load_numbering_plans)
    ids, readers = IdSource(), ReadersAhead()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(readers.stop)
        audio = await asyncio.to_thread(render_audio, snapshot, on_progress, on_unkept, readers)
        storage = await stack.enter_async_context(open_memory(snapshot, clock, bus, on_progress))
        for line in await asyncio.to_thread(lambda: list(unapplied(snapshot.file.parent, storage.directory))):
            on_progress(line)
        event_log = CallEventLog(clock, storage.spool, CallEventStream(clock.wall()), storage.directory, bus, alarms)
        engine = stack.enter_context(started_engine(settings, ids))
        repaired = await asyncio.to_thread(repaired_recordings, settings)
        recovering = recovered_calls(storage, clock, repaired, settings.recording.directory, on_progress)
        await stack.enter_async_context(recovering)
        timing = MailTiming(ZoneInfo(settings.journal.timezone))
        notices = EmailNotices(settings.notices, event_log, bus, settings.recording.directory, timing)
        await stack.enter_async_context(notices.sending())
        hearing = await stack.enter_async_context(
            open_recognition(
                settings.recognition, await asyncio.to_thread(recognition_key, settings.recognition, snapshot.file)
            )
        )
        recorder = await stack.enter_async_context(started_recorder(settings, engine, event_log, clock))
        library = PromptLibrary(
            engine,
            audio.prompts,
            audio.music,
            ringback(),
            RuntimeTts(settings.voice.settings(snapshot.file.parent)),
            snapshot.sayings,
        )
        stack.callback(library.close)

        # The stack and the callback scheduler call the switchboard, which stands on both: the name is bound before
        # either begins.
        def on_sip(event: SipEvent) -> None:
            if not (isinstance(event, RequestFinished) and probe.on_request_finished(event)):
                switchboard.on_sip(event)

        attempts = WorkAttempts(lambda item: switchboard.begin_work(item), lambda item: switchboard.end_work(item))
        digest = DigestServer(settings.sip.realm, secrets.token_bytes(32), ids)
        admission = open_admission(settings, storage.directory, digest, bus)
        endpoint = Endpoint(endpoint_settings(settings), ids, admission, admission.sources)
        sip = SipStack(endpoint, clock, on_sip, stack_settings(settings), observer)
        media_host = str(settings.media.advertised or settings.media.address)
        event_router = EventRouter(sip, engine, media_host, ids, bus, clock, settings.media, settings.own_hosts())
        first, trust = first_reading(clock), load_trust(settings.storage.directory, clock)
        queueing = stack.enter_context(started_dispatcher(settings, clock, trust, on_progress))
        parts = ContextParts(
            event_router, recorder, attempts, bus, event_log, library, storage, clock, hearing.understanding
        )
        context = await stack.enter_async_context(open_call_context(snapshot, queueing, parts))
        screen = open_screen(context, storage)
        switchboard = Switchboard(context, admission, screen)
        reload = Reloader(
            snapshot=snapshot,
            context=context,
            switchboard=switchboard,
            screen=screen,
            digest=digest,
            notices=notices,
            render_audio=lambda new: render_audio(new, on_progress, on_unkept, readers),
            marks=audio.marks(),
        )
        retention = open_retention(reload, storage, clock, trust)
        health = Health(context, storage, queueing).parts
        operations = Operations(context, switchboard, port_pairs(settings), health, reload, retention.carry_out)
        probe = trunk_probe(context)
        keys = read_or_make_keys(settings.storage.directory)
        plane = await stack.enter_async_context(control_plane(context, switchboard, operations, storage, reload, keys))
        reload.keys = KeyFile(settings.storage.directory, keys, plane.use_keys)
        await stack.enter_async_context(sip)
        stack.enter_context(scheduling_work(context))
        bindings = await stack.enter_async_context(restored_bindings(context, settings))
        registered = context.agents.phones.export()
        admission.recognise(((user, binding.flow) for user, binding in registered), clock.now())
        await resume(context, queueing, storage, snapshot, trust, on_progress)
        timekeeper = Timekeeper(Timed(context, switchboard, queueing.clock_set), trust, first, lambda: read(clock))
        component_looks = (
            timekeeper.look,
            storage.conditions,
            queueing.conditions,
            switchboard.refusals.conditions,
            bindings,
            capacity_look(context),
            hearing.conditions,
        )
        await stack.enter_async_context(speaking_ahead(context, reload, readers, alarms))
        await stack.enter_async_context(watching(alarms, (*component_looks, *looks)))
        await stack.enter_async_context(probing(probe, alarms))
        await stack.enter_async_context(retaining(retention, alarms))
        transcription = open_transcription(snapshot, storage, clock)
        await stack.enter_async_context(transcribing(transcription, alarms))
        await stack.enter_async_context(keeping_time(settings.storage.directory, trust, clock, alarms))
        # before the control plane: when that is closed it waits for a reload, which needs the speech helpers
        stack.callback(readers.stop)
        stack.push_async_callback(drained, reload, switchboard, on_progress)
        stack.callback(queueing.note_shutdown)
        yield Running(
            snapshot=snapshot,
            context=context,
            switchboard=switchboard,
            operations=operations,
            storage=storage,
            events=event_log.stream,
            udp=sip.addresses(Transport.UDP)[0],
            tcp=sip.addresses(Transport.TCP)[0],
            http=plane.address,
        )


@contextlib.asynccontextmanager
async def speaking_ahead(
    context: CallContext, reload: Reloader, readers: ReadersAhead, alarms: Alarms
) -> AsyncIterator[None]:
    """Render the announcements of agents' numbers in the background: of all known agents, later of those being rung."""
    snapshot, ahead = reload.snapshot, context.library.prerendered
    ahead.want_agents(context.directory.agents(), snapshot.flows.values(), snapshot.sayings)

    async def speak() -> None:
        await ahead.speak_some(lambda words: render_sentences(reload.snapshot, words, readers))

    async with repeat_in_background("agents' numbers", speak, Rhythm(0.0), alarms):
        yield


def open_transcription(snapshot: Snapshot, storage: Storage, clock: Clock) -> Transcription | None:
    """The transcription of recordings; None when the settings ask for no transcripts."""
    settings = snapshot.settings
    if settings.recognition.transcripts is TranscriptKind.NONE:
        return None
    missing = missing_packages(settings.recognition.engine)
    key = recognition_key(settings.recognition, snapshot.file)
    recordings = settings.recording.directory.absolute()
    wanted = TranscriptionSettings(settings.recognition, recordings, missing, key)
    return Transcription(wanted, PgTranscripts(storage.database), clock)


async def drained(reload: Reloader, switchboard: Switchboard, on_progress: Progress) -> None:
    """Let the calls go on for `drain_s` of the present settings, and print how many there still are."""
    await switchboard.drain(reload.snapshot.settings.trunk_capacity.drain_s, on_progress)


def open_retention(reload: Reloader, storage: Storage, clock: Clock, trust: ClockTrust) -> Retention:
    """Retention by the limits of the present settings."""
    settings = reload.snapshot.settings
    places = RetentionPaths(settings.recording.directory, storage.rejected)
    old = PgRetention(storage.database)
    return Retention(lambda: reload.snapshot.settings.retention, places, old, storage.spool, clock, trust)


def control_plane(
    context: CallContext,
    switchboard: Switchboard,
    operations: Operations,
    storage: Storage,
    reload: Reloader,
    keys: tuple[ApiKey, ...],
) -> ControlPlane:
    """The control plane with all that it needs."""
    settings = reload.snapshot.settings

    def targets() -> dict[QueueName, float]:
        return {
            queue.name: queue.service_level_within_s for queue in reload.snapshot.settings.dispatcher_settings().queues
        }

    registry = CollectorRegistry()
    registry.register(DaemonCollector(context, switchboard, operations))
    parts = ControlParts(
        commands=operations,
        events=context.event_log.stream,
        directory=storage.directory,
        customers=storage.customers,
        agents=storage.agents,
        new_password=new_password,
        history=storage.history,
        transcripts=PgTranscripts(storage.database),
        screening=storage.screening,
        hours=storage.hours,
        new_work_id=context.callback_scheduler.next_id,
        targets=targets,
        release=ReleasePlanner(
            context.acd.snapshot, lambda: reload.snapshot.settings.dispatcher_settings().queues
        ).release,
        clock=context.clock,
        registry=registry,
        bus=context.bus,
        refusals=switchboard.refusals,
    )
    control = ControlSettings(
        keys=keys,
        recordings=settings.recording.directory,
        address=Address(str(settings.http.address), settings.http.port),
    )
    return ControlPlane(control, parts)


class Health:
    """Collects the health of every part."""

    def __init__(self, context: CallContext, storage: Storage, queueing: OpenDispatcher) -> None:
        self._context = context
        self._storage = storage
        self._queueing = queueing

    def parts(self) -> tuple[PartHealth, ...]:
        """The health of every part; parts that calls need come first."""
        lines, engine = self._context.trunk_capacity, self._context.event_router.engine
        storage = self._storage.health()
        census = engine.census()
        alarm = self._context.recorder.alarm
        journal = self._queueing.alarm
        return (
            PartHealth("sip", True, f"{lines.taken} of {lines.settings.limit} of trunk capacity taken"),
            PartHealth("media", census.dropped_events == 0, f"{census.streams} streams"),
            PartHealth("storage", storage.is_ok, storage.detail),
            PartHealth("journal", not journal, journal or "every turn is kept"),
            PartHealth(
                "recording", alarm is None, alarm.reason if alarm else f"{self._context.recorder.running} running"
            ),
        )
