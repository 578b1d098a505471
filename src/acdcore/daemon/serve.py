"""The composition root: builds every part once, starts them bottom-up, and drains them top-down."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from acdcore.calls.context import Hall
from acdcore.calls.core.event_router import Wiring
from acdcore.calls.media.prompts import PromptLibrary
from acdcore.calls.media.tts import Speaker
from acdcore.calls.model.commands import PartHealth
from acdcore.calls.operations import Operations
from acdcore.calls.record.event_log import Chronicle
from acdcore.calls.record.event_stream import Feed
from acdcore.calls.services.email_notices import Notices
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.probe import probing
from acdcore.configuration.snapshot import Plan, port_pairs
from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ApiKey, ControlSettings
from acdcore.daemon.call_control import (
    HallParts,
    OpenFloor,
    at_work,
    kept_bindings,
    lines_look,
    open_floor,
    open_hall,
    open_screen,
    resume,
    trunk_probe,
)
from acdcore.daemon.components import (
    PROMPT_CACHE,
    Progress,
    endpoint_settings,
    know_numbers,
    make_directory,
    make_sentences,
    make_sounds,
    open_admission,
    open_memory,
    recovered_calls,
    repaired_recordings,
    stack_settings,
    started_engine,
    started_recorder,
    try_media_address,
)
from acdcore.daemon.prometheus import HallCollector
from acdcore.daemon.release_planning import Outlook
from acdcore.daemon.reload import KeyFile, Reloader
from acdcore.daemon.retention import Places, Retention, retaining
from acdcore.daemon.secrets import read_or_make_keys
from acdcore.daemon.timekeeping import Timed, Timekeeper, first_reading, keeping_time, kept_trust
from acdcore.daemon.transcription import Transcription, TranscriptionSettings, transcribing
from acdcore.daemon.watch import Look, log_alarms, watching
from acdcore.ivr.tts.engines import ReadersAhead
from acdcore.kernel.address import Address
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import Rhythm, repeated
from acdcore.kernel.clock import Clock
from acdcore.kernel.clock_watch import ClockTrust, read
from acdcore.kernel.ids import IdSource, QueueName
from acdcore.media.tones import ringback
from acdcore.recognition.hearing import missing_packages, open_hearing
from acdcore.recognition.model import TranscriptKind
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import Event, RequestFinished, Transport
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
    plan: Plan,
    clock: Clock,
    on_progress: Progress = lambda _: None,
    observer: Observer | None = None,
    looks: Sequence[Look] = (),
) -> AsyncIterator[Running]:
    """Start everything and yield once calls are taken; at the end drain the calls and give everything back.

    `observer` sees every SIP message; `looks` tell what may be wrong outside of all parts. Raises SettingsError, and
    Unavailable for an address that is taken, a database that does not start, or speech that cannot be made.
    """
    settings = plan.settings
    alarms = Alarms(clock)
    alarms.listen(log_alarms)
    for section, directory in (("storage", settings.storage.directory), ("recording", settings.recording.directory)):
        make_directory(directory, str(plan.file), section)
    try_media_address(str(settings.media.address), str(plan.file))
    loop = asyncio.get_running_loop()

    def on_unkept(problem: str) -> None:
        loop.call_soon_threadsafe(alarms.hold, PROMPT_CACHE, problem)

    await asyncio.to_thread(know_numbers)
    ids, readers = IdSource(), ReadersAhead()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(readers.stop)
        sounds = await asyncio.to_thread(make_sounds, plan, on_progress, on_unkept, readers)
        storage = await stack.enter_async_context(open_memory(plan, clock, on_progress))
        for line in await asyncio.to_thread(lambda: list(unapplied(plan.file.parent, storage.directory))):
            on_progress(line)
        chronicle = Chronicle(clock, storage.spool, Feed(clock.wall()), storage.directory, alarms)
        engine = stack.enter_context(started_engine(settings, ids))
        repaired = await asyncio.to_thread(repaired_recordings, settings)
        recovering = recovered_calls(storage, clock, repaired, settings.recording.directory, on_progress)
        await stack.enter_async_context(recovering)
        notices = Notices(settings.mail(), chronicle, settings.recording.directory)
        await stack.enter_async_context(notices.sending())
        hearing = await stack.enter_async_context(open_hearing(await asyncio.to_thread(settings.hearing, plan.file)))
        recorder = await stack.enter_async_context(started_recorder(settings, engine, chronicle, clock))
        library = PromptLibrary(
            engine,
            sounds.prompts,
            sounds.music,
            ringback(),
            Speaker(settings.voice.settings(plan.file.parent)),
            plan.sayings,
        )
        stack.callback(library.close)

        # The stack reports to the switchboard, which stands on the stack: the name is bound before it first listens.
        def on_sip(event: Event) -> None:
            if not (isinstance(event, RequestFinished) and probe.on_request_finished(event)):
                switchboard.on_sip(event)

        digest = DigestServer(settings.sip.realm, secrets.token_bytes(32), ids)
        admission = open_admission(settings, storage.directory, digest)
        endpoint = Endpoint(endpoint_settings(settings), ids, admission, admission.sources)
        sip = SipStack(endpoint, clock, on_sip, stack_settings(settings), observer)
        media_host = str(settings.media.advertised or settings.media.address)
        wiring = Wiring(sip, engine, media_host, ids, clock, settings.audio())
        first, trust = first_reading(clock), kept_trust(settings.storage.directory, clock)
        floor = stack.enter_context(open_floor(settings, clock, trust, on_progress))
        parts = HallParts(wiring, recorder, chronicle, library, storage, clock, hearing.understanding)
        hall = await stack.enter_async_context(open_hall(plan, floor, parts))
        screen = open_screen(hall, storage)
        switchboard = Switchboard(hall, admission, screen)
        reload = Reloader(
            plan=plan,
            hall=hall,
            switchboard=switchboard,
            screen=screen,
            digest=digest,
            notices=notices,
            make_sounds=lambda new: make_sounds(new, on_progress, on_unkept, readers),
            marks=sounds.marks(),
        )
        retention = open_retention(reload, storage, clock, trust)
        health = Health(hall, storage, floor).parts
        operations = Operations(hall, switchboard, port_pairs(settings), health, reload, retention.carry_out)
        probe = trunk_probe(hall)
        keys = read_or_make_keys(settings.storage.directory)
        plane = await stack.enter_async_context(control_plane(hall, switchboard, operations, storage, reload, keys))
        reload.keys = KeyFile(settings.storage.directory, keys, plane.use_keys)
        await stack.enter_async_context(sip)
        stack.enter_context(at_work(hall, switchboard))
        bindings = await stack.enter_async_context(kept_bindings(hall, settings))
        registered = hall.desks.phones.export()
        admission.recognise(((user, binding.flow) for user, binding in registered), clock.now())
        await resume(hall, floor, storage, plan, trust, on_progress)
        timekeeper = Timekeeper(Timed(hall, switchboard, floor.clock_set), trust, first, lambda: read(clock))
        parts_looks = (
            timekeeper.look,
            storage.conditions,
            floor.conditions,
            switchboard.refusals.conditions,
            bindings,
            lines_look(hall),
            hearing.conditions,
        )
        await stack.enter_async_context(speaking_ahead(hall, reload, readers, alarms))
        await stack.enter_async_context(watching(alarms, (*parts_looks, *looks)))
        await stack.enter_async_context(probing(probe, alarms))
        await stack.enter_async_context(retaining(retention, alarms))
        transcription = open_transcription(plan, storage, clock)
        await stack.enter_async_context(transcribing(transcription, alarms))
        await stack.enter_async_context(keeping_time(settings.storage.directory, trust, clock, alarms))
        stack.callback(readers.stop)  # before the control plane, which waits for a reload that has them read
        stack.push_async_callback(drained, reload, switchboard, on_progress)
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


@contextlib.asynccontextmanager
async def speaking_ahead(hall: Hall, reload: Reloader, readers: ReadersAhead, alarms: Alarms) -> AsyncIterator[None]:
    """Speak the numbers of agents while calls go on: of all that are known now, later of those who are rung."""
    plan, ahead = reload.plan, hall.library.ahead
    ahead.want_agents(hall.directory.agents(), plan.flows.values(), plan.sayings)

    async def speak() -> None:
        await ahead.speak_some(lambda words: make_sentences(reload.plan, words, readers))

    async with repeated("agents' numbers", speak, Rhythm(0.0), alarms):
        yield


def open_transcription(plan: Plan, storage: Storage, clock: Clock) -> Transcription | None:
    """What writes down recordings; None: nothing is to be written down."""
    settings = plan.settings
    kind = settings.recognition.transcripts
    if kind is TranscriptKind.NONE:
        return None
    missing = missing_packages(settings.recognition.engine)
    wanted = TranscriptionSettings(kind, settings.hearing(plan.file), settings.recording.directory.absolute(), missing)
    return Transcription(wanted, PgTranscripts(storage.database), clock)


async def drained(reload: Reloader, switchboard: Switchboard, on_progress: Progress) -> None:
    """Let the calls go on for as long as the settings of this moment have it, and say how many there still are."""
    await switchboard.drain(reload.plan.settings.lines.drain_s, on_progress)


def open_retention(reload: Reloader, storage: Storage, clock: Clock, trust: ClockTrust) -> Retention:
    """What deletes by the limits of the settings of the moment."""
    settings = reload.plan.settings
    places = Places(settings.recording.directory, storage.rejected)
    old = PgRetention(storage.database)
    return Retention(lambda: reload.plan.settings.retention, places, old, storage.spool, clock, trust)


def control_plane(
    hall: Hall,
    switchboard: Switchboard,
    operations: Operations,
    storage: Storage,
    reload: Reloader,
    keys: tuple[ApiKey, ...],
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
        transcripts=PgTranscripts(storage.database),
        screening=storage.screening,
        hours=storage.hours,
        new_work_id=hall.workbench.next_id,
        targets=targets,
        release=Outlook(hall.acd.snapshot, lambda: reload.plan.settings.floor().queues).release,
        clock=hall.clock,
        registry=registry,
        refusals=switchboard.refusals,
    )
    control = ControlSettings(
        keys=keys,
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
