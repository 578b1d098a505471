"""The parts of the daemon below call control; each is started and stopped separately."""

import asyncio
import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import phonenumbers
import structlog

from acdcore.calls.admission.admission import AdmissionControl
from acdcore.calls.admission.authentication import Access
from acdcore.calls.admission.digest_accounts import DigestPolicy
from acdcore.calls.model.ports import Directory
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.recovery import Recovered, recover
from acdcore.calls.recording import CallRecorder
from acdcore.calls.trunks.trunks import Trunks
from acdcore.configuration.settings import Settings
from acdcore.configuration.snapshot import Snapshot
from acdcore.daemon.reload import RenderedAudio
from acdcore.daemon.secrets import keep_passwords, read_or_make_secret
from acdcore.ivr.model.flow import PromptRequest, RuntimeText, Text
from acdcore.ivr.model.system_prompts import SystemPhrase, phrase_key
from acdcore.ivr.prompts.render import render, render_music
from acdcore.ivr.tts.engines import ReadersAhead
from acdcore.kernel.address import Address
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.background import end_task
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import AcdError, SettingsError, Unavailable
from acdcore.kernel.ids import IdSource
from acdcore.kernel.lockout import Lockout
from acdcore.media.engine import Engine
from acdcore.media.model import EngineSettings
from acdcore.recording.events import RecordingEvent
from acdcore.recording.index import NotRepaired, Repaired, repair_all
from acdcore.recording.writer import RecordingWriter
from acdcore.sip.admission import Sources
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.events import DialogPath
from acdcore.sip.session.own_headers import EndpointSettings
from acdcore.sip.stack import StackSettings
from acdcore.sip.transports.tcp import TcpLimits
from acdcore.storage.storage import Storage, StorageSettings, open_storage
from acdcore.storage.stores.seed import AGENTS_FILE, CUSTOMERS_FILE

T = TypeVar("T")
Progress = Callable[[str], None]
"""Called with one line of text for each step of the start that takes long."""

PROBE_BYTES = 1_000_000
"""Bytes of a prompt of one minute: where so much can be written, every prompt can."""
PROMPT_CACHE = AlarmKind(
    "prompt_cache",
    Severity.MINOR,
    "Make room, or let the daemon's user write there: each start takes minutes to speak its prompts until then.",
)
"""Rendered prompts cannot be kept for the next start."""
RECOVERY_PAUSE_S = 5.0
"""Pause before the last run's calls are looked for again, when the database went away meanwhile."""
RECOVERY_FAULT_PAUSE_S = 60.0
"""The same pause after an error in acdcore."""
DISK_FAULTS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))
"""Errors of the disk, not of the settings."""


def make_directory(directory: Path, file: str, section: str) -> None:
    """Make a directory that other users cannot enter; raises SettingsError when it cannot be made.

    A directory of ours that was open to others is closed. As root it still allows others to pass through, because the
    embedded server has its files below it as another user.
    """
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        state = directory.stat()
        if state.st_uid == os.geteuid():
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            done = "closed to others" if directory.is_dir() else "made"
            problem = f"{directory} cannot be {done}: {error.strerror}; give it to the daemon's user, or name another"
            raise SettingsError(file, f"{section}.directory", problem) from error
    try_directory(directory, file, section)


def try_directory(directory: Path, file: str, section: str) -> None:
    """Write a file and remove it, to find a directory without write permission now; raises SettingsError.

    A full or broken disk does not prevent the start: calls go on, and an alarm says what cannot be kept.
    """
    probe = directory / f".probe-{os.getpid()}"
    try:
        probe.touch(0o600)
        probe.unlink()
    except OSError as error:
        if error.errno in DISK_FAULTS:
            return
        problem = f"{directory} cannot be written: {error.strerror}; give it to the daemon's user, or name another"
        raise SettingsError(file, f"{section}.directory", problem) from error


def load_numbering_plans() -> None:
    """Read every country's numbering plan now (0.3 s): else the first call from each would block the loop with it."""
    phonenumbers.PhoneMetadata.load_all()


def render_audio(
    snapshot: Snapshot, on_progress: Progress, on_unkept: Progress = lambda _: None, readers: ReadersAhead | None = None
) -> RenderedAudio:
    """Render every prompt, or take it from the cache; takes seconds at the first start.

    `on_unkept` is called with the reason why no new prompt can be kept, or with "". `readers` may be stopped meanwhile.
    """
    recorded = snapshot.file.parent / snapshot.settings.ivr.prompts

    def progress(done: int, total: int) -> None:
        if done % 25 == 0 or done == total:
            on_progress(f"prompts: {done} of {total} spoken")

    chosen = snapshot.settings.voice.settings(snapshot.file.parent)

    def made(cache: Path) -> RenderedAudio:
        with (readers or ReadersAhead()).of(chosen) as voices:
            prompts = render(snapshot.prompts, cache, recorded, progress, voices)
        music = {"": render_music(cache, recorded)}
        for name, table in snapshot.settings.queues.items():
            if table.music:
                asked = (str(snapshot.file), f"queues.{name}.music")
                music[name] = render_music(cache, recorded, table.music, asked)
        return RenderedAudio(prompts, music)

    return in_prompt_cache(snapshot.settings.storage.directory / "prompts", on_unkept, made)


def render_sentences(
    snapshot: Snapshot, wanted: Sequence[RuntimeText], readers: ReadersAhead | None = None
) -> list[bytes]:
    """Sentences as PCM (16 bit, mono, 8 kHz), kept with the prompts. Raises SettingsError and Unavailable.

    Only the chosen voices are used: single words in a row are better than another voice.
    """
    requests = [
        PromptRequest(phrase_key(SystemPhrase.AGENT, str(place), words.language), Text(words.text), str(snapshot.file))
        for place, words in enumerate(wanted)
    ]
    recorded = snapshot.file.parent / snapshot.settings.ivr.prompts
    cache = snapshot.settings.storage.directory / "prompts"
    with (readers or ReadersAhead()).of(snapshot.settings.voice.settings(snapshot.file.parent)) as voices:
        audio = render(requests, cache, recorded, voices=voices, may_stand_in=False)
    return [audio[request.key] for request in requests]


def in_prompt_cache(directory: Path, on_unkept: Progress, make: Callable[[Path], T]) -> T:
    """Call `make` with the directory of rendered prompts; if it becomes full, again with a temporary one."""
    with prompt_cache(directory, on_unkept) as cache:
        try:
            return make(cache)
        except AcdError:
            if cache != directory or not why_unkept(directory):
                raise
    with prompt_cache(directory, on_unkept) as cache:
        return make(cache)


def why_unkept(directory: Path) -> str:
    """Why no prompt can be kept in that directory; "" when it can."""
    probe = directory / f".probe-{os.getpid()}"
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return f"{directory}: {error.strerror or error}"
    return ""


@contextlib.contextmanager
def prompt_cache(directory: Path, on_unkept: Progress) -> Iterator[Path]:
    """The directory of rendered prompts; when it cannot be written, a temporary copy of it."""
    problem = why_unkept(directory)
    on_unkept(problem)
    if not problem:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="acdcore-prompts-") as other:
        with contextlib.suppress(OSError):
            for file in directory.glob("*.wav"):
                (Path(other) / file.name).symlink_to(file.resolve())
        yield Path(other)


def open_memory(
    snapshot: Snapshot, clock: Clock, bus: EventBus, on_progress: Progress
) -> contextlib.AbstractAsyncContextManager[Storage]:
    """Database, spool and directory."""
    settings = snapshot.settings
    storage = StorageSettings(
        directory=settings.storage.directory,
        realm=settings.sip.realm,
        agents_file=snapshot.file.parent / AGENTS_FILE,
        customers_file=snapshot.file.parent / CUSTOMERS_FILE,
        trunk_users={trunk.user: trunk.name for trunk in settings.trunks.values() if trunk.user},
        dsn=settings.storage.dsn,
    )
    return open_storage(storage, clock, bus, on_progress, lambda new: keep_passwords(settings.storage.directory, new))


def try_media_address(address: str, file: str) -> None:
    """Raises SettingsError when no audio can be received at that address: else only the calls would show it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            problem = f"{address} is not an address of this machine: {error.strerror}; name one of its own"
            raise SettingsError(file, "media.address", problem) from error


@contextlib.contextmanager
def started_engine(settings: Settings, ids: IdSource) -> Iterator[Engine]:
    """The media engine with its thread."""
    media = settings.media
    engine = Engine(
        EngineSettings(
            address=str(media.address),
            first_port=media.first_port,
            last_port=media.last_port,
            media_lost_after_s=media.suspected_after_s,
            learning_window_s=media.learning_window_s,
        ),
        ids,
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def repaired_recordings(settings: Settings) -> list[Repaired]:
    """Repair what a crash left in the recordings' directory."""
    repairs = repair_all(settings.recording.directory)
    for repair in repairs:
        if isinstance(repair, NotRepaired):
            structlog.get_logger("recording").warning("not repaired", path=repair.path, reason=repair.reason)
    return [repair for repair in repairs if isinstance(repair, Repaired)]


@contextlib.asynccontextmanager
async def recovered_calls(
    storage: Storage, clock: Clock, repaired: list[Repaired], recordings: Path, on_progress: Progress
) -> AsyncIterator[None]:
    """Write the records of calls that a crash cut short: at once, or when the last run's rows are delivered.

    The start does not wait for that delivery, which takes minutes after days without the database.
    """
    if storage.drainer.leftovers_gone.is_set():
        tell_recovered(await recover(storage.history, storage.spool, clock, repaired, recordings), on_progress)
        yield
        return
    on_progress("rows of the last run are still being delivered; calls that it cut short get their records afterwards")
    started = clock.wall()

    async def later() -> None:
        while True:
            await storage.drainer.leftovers_gone.wait()
            try:
                found = await recover(storage.history, storage.spool, clock, repaired, recordings, started)
            except Unavailable:
                await asyncio.sleep(RECOVERY_PAUSE_S)
            # an error in acdcore may concern one row only: without a new try these calls would wait for a restart
            except Exception:
                structlog.get_logger("storage").exception("recovery_fault")
                await asyncio.sleep(RECOVERY_FAULT_PAUSE_S)
            else:
                tell_recovered(found, on_progress)
                return

    task = asyncio.create_task(later(), name="recovery")
    try:
        yield
    finally:
        await end_task(task)


def tell_recovered(recovered: Recovered, on_progress: Progress) -> None:
    """Print and log what a crash of the last run had cut short, if anything."""
    if recovered.calls or recovered.recordings:
        on_progress(
            f"the last run was cut short: recorded {recovered.calls} calls, repaired {recovered.recordings} recordings"
        )


@contextlib.asynccontextmanager
async def started_recorder(
    settings: Settings, engine: Engine, event_log: CallEventLog, clock: Clock
) -> AsyncIterator[CallRecorder]:
    """The recorder with the writer's threads."""
    if not settings.recording.is_on:
        yield CallRecorder(engine, None, event_log, clock, settings.recording)
        return
    loop = asyncio.get_running_loop()

    def report(event: RecordingEvent) -> None:
        loop.call_soon_threadsafe(recorder.on_event, event)

    writer = RecordingWriter(engine, settings.recording, report)
    recorder = CallRecorder(engine, writer, event_log, clock, settings.recording)
    writer.start()
    try:
        yield recorder
    finally:
        await asyncio.to_thread(writer.stop)  # waits for the disk
        await asyncio.sleep(0)  # the last reports are on their way to the recorder


def stack_settings(settings: Settings) -> StackSettings:
    """The settings of the SIP stack: where it listens."""
    host = str(settings.sip.address)
    return StackSettings(
        udp=(Address(host, settings.sip.udp_port),),
        tcp=(Address(host, settings.sip.tcp_port),),
        tcp_limits=TcpLimits(ping_every_s=settings.sip.tcp_ping_every_s),
    )


def open_admission(settings: Settings, directory: Directory, digest: DigestServer, bus: EventBus) -> AdmissionControl:
    """Access control of SIP: who may call, and how much each address may send."""
    trunks = Trunks(tuple(settings.trunks.values()), settings.routes())
    sources = Sources(lockout=Lockout(settings.security))
    sources.use_trunks(settings.known_networks())
    secret = read_or_make_secret(settings.storage.directory)
    policy = DigestPolicy(settings.sip.realm, settings.sip.digest_algorithms, secret)
    return AdmissionControl(Access(trunks, directory, digest, policy, sources.lockout), sources, bus)


def endpoint_settings(settings: Settings) -> EndpointSettings:
    """The settings of the SIP endpoint: the address in Via and Contact when peers reach us at a different one."""
    sip = settings.sip
    path = DialogPath(sip.phones_in_dialog)
    if sip.advertised is None:
        return EndpointSettings(path=path)
    ports = {sip.udp_port, sip.tcp_port}
    return EndpointSettings(
        path=path, advertised={Address(str(sip.address), port): Address(str(sip.advertised), port) for port in ports}
    )
