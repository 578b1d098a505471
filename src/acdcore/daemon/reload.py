"""Reload: settings, flows, calendars and prompts are read and checked as a whole, then take effect as a whole.

Rules:
- All that can go wrong is tried first: files are read and checked, sounds made, and every part's new settings built.
  Only then is anything replaced, from one turn of the loop to the next.
- What is read at the start only stays as it runs, for every later reload too, and the report says what waits for one.
- Calls in progress keep the settings they started with: see `CallSettings` and the dispatcher's settings.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import structlog

from acdcore.calls.admission.authentication import Access
from acdcore.calls.admission.screening import Screen
from acdcore.calls.context import CallContext
from acdcore.calls.model.commands import ReloadReport
from acdcore.calls.model.ports import Directory
from acdcore.calls.routing_rules import Rules
from acdcore.calls.services.email_notices import EmailNotices, MailSettings
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.capacity import TrunkCapacitySettings
from acdcore.configuration.diff import READ_AT_START, config_diff
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.configuration.warnings import config_notes, config_warnings
from acdcore.control.settings import ApiKey
from acdcore.daemon.preflight import voice_warnings
from acdcore.daemon.secrets import key_changes, read_keys
from acdcore.ivr.model.flow import PromptKey
from acdcore.ivr.reading.phrases import RuntimePhrases
from acdcore.ivr.tts.voices import VoiceSettings
from acdcore.kernel.errors import AcdError, SettingsError
from acdcore.kernel.ids import AgentId
from acdcore.kernel.lockout import LockoutSettings
from acdcore.kernel.networks import Network
from acdcore.queues.inputs import Channel, DispatcherChanged
from acdcore.queues.settings import DispatcherSettings
from acdcore.sip.auth.digest import DigestServer
from acdcore.storage.stores.seed import unapplied
from acdcore.work.callback_queue import CallbackSettings

MARK_BYTES = 16
"""Length of a sound's mark: no two sounds ever share one by chance."""


@dataclass(frozen=True, slots=True)
class RenderedAudio:
    """All that is ever played, as PCM (16 bit, mono, 8 kHz)."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]
    """By queue, `""` for all others."""

    def marks(self) -> "AudioMarks":
        """What is kept of these to know later what sounds otherwise."""
        prompts = {key: mark(pcm) for key, pcm in self.prompts.items()}
        return AudioMarks(prompts, {queue: mark(pcm) for queue, pcm in self.music.items()})

    def new_since(self, marks: "AudioMarks") -> "RenderedAudio":
        """Those that were not there, or sound otherwise: a file may have been replaced under the same name."""
        prompts = {key: pcm for key, pcm in self.prompts.items() if marks.prompts.get(key) != mark(pcm)}
        music = {queue: pcm for queue, pcm in self.music.items() if marks.music.get(queue) != mark(pcm)}
        return RenderedAudio(prompts, music)


@dataclass(frozen=True, slots=True)
class AudioMarks:
    """A mark of each sound that is in the engine's memory."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class NewSettings:
    """All that a plan makes of the parts that a reload changes."""

    rules: Rules
    dispatcher: DispatcherSettings
    trunk_capacity: TrunkCapacitySettings
    callbacks: CallbackSettings
    notices: MailSettings
    tts: VoiceSettings
    lockout: LockoutSettings
    known_networks: Sequence[Network]


@dataclass(slots=True)
class KeyFile:
    """The keys of the control plane's clients, which are read again too."""

    directory: Path
    """Where their file is."""
    keys: tuple[ApiKey, ...]
    """Those that are let in."""
    use: Callable[[tuple[ApiKey, ...]], None]
    """Lets others in."""

    def read(self) -> tuple[ApiKey, ...]:
        """Those of the file; raises SettingsError. Not for the event loop."""
        return read_keys(self.directory)

    def apply(self, keys: tuple[ApiKey, ...]) -> None:
        """Let these in from now on."""
        self.keys = keys
        self.use(keys)


@dataclass(slots=True)
class Reloader:
    """Knows what runs; one reload at a time."""

    snapshot: Snapshot
    """What runs, with the sections that are read at the start as they were then."""
    context: CallContext
    switchboard: Switchboard
    screen: Screen
    digest: DigestServer
    notices: EmailNotices
    render_audio: Callable[[Snapshot], RenderedAudio]
    """Renders what a plan asks for; takes its time, in a thread."""
    marks: AudioMarks
    """What is in the engine's memory."""
    keys: KeyFile | None = None
    """The clients of the control plane; None while there is none."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, by: str, is_dry_run: bool) -> ReloadReport:
        """Read anew and apply, or only say what would change; problems are reported, never raised."""
        async with self._turn:
            report = await self._reload(is_dry_run)
            if not is_dry_run:
                log = structlog.get_logger("reload")
                changes = len(report.changes)
                log.info("reload", by=by, applied=report.is_applied, changes=changes, problems=report.problems)
                self.context.event_log.reloaded(report)
        return report

    async def _reload(self, is_dry_run: bool) -> ReloadReport:
        file = self.snapshot.file
        try:
            read = await asyncio.to_thread(lambda: load_snapshot(load(file, os.environ), file))
            snapshot = as_started(self.snapshot, read)
            check_users(snapshot, self.context.directory)
            new_settings = new_settings_of(snapshot)
            keys = () if self.keys is None else await asyncio.to_thread(self.keys.read)
            changes = config_diff(self.snapshot, read)
            if self.keys is not None:
                changes += tuple(key_changes(self.keys.keys, keys))
            agents, wall = self.context.directory.agents(), self.context.clock.wall()
            found = await asyncio.to_thread(
                lambda: (*voice_warnings(snapshot), *unapplied(file.parent, self.context.directory))
            )
            warnings = (
                *config_warnings(snapshot, agents, wall),
                *(f"note: {one}" for one in config_notes(snapshot)),
                *left_behind(self.context, new_settings),
                *found,
            )
            audio = await asyncio.to_thread(self.render_audio, snapshot)
            if is_dry_run:
                return ReloadReport(False, (), warnings, changes)
            new, marks = await asyncio.to_thread(lambda: (audio.new_since(self.marks), audio.marks()))
        except AcdError as error:
            problems = error.all() if isinstance(error, SettingsError) else (error,)
            return ReloadReport(False, tuple(map(str, problems)), (), ())
        self._apply(new_settings, new, audio, snapshot.sayings)
        if self.keys is not None:
            self.keys.apply(keys)
        self.snapshot = snapshot
        self.marks = marks
        return ReloadReport(True, (), warnings, changes)

    def _apply(
        self, new_settings: NewSettings, new: RenderedAudio, audio: RenderedAudio, sayings: RuntimePhrases
    ) -> None:
        context, rules = self.context, new_settings.rules
        context.library.use_voices(new_settings.tts)
        context.library.extend(new.prompts, new.music, audio.prompts.keys(), audio.music.keys(), sayings)
        context.library.prerendered.want_agents(context.directory.agents(), rules.flows.values(), sayings)
        context.rules = rules
        context.acd.handle(DispatcherChanged(new_settings.dispatcher))
        context.trunk_capacity.change(
            new_settings.trunk_capacity, {trunk.name: trunk.capacity for trunk in rules.trunks.trunks}
        )
        admission = self.switchboard.admission
        policy = admission.accounts.policy
        admission.use(Access(rules.trunks, context.directory, self.digest, policy, admission.lockout))
        admission.sources.use_trunks(new_settings.known_networks)
        admission.lockout.change(new_settings.lockout)
        self.screen.change(rules.screening)
        context.callback_scheduler.configure(new_settings.callbacks)
        context.hours.follow(rules)
        self.notices.configure(new_settings.notices)


def mark(pcm: bytes) -> bytes:
    """A short name for a sound, the same for the same sound only."""
    return blake2b(pcm, digest_size=MARK_BYTES).digest()


def as_started(running: Snapshot, read: Snapshot) -> Snapshot:
    """What was read, with the sections that are read at the start only as they run."""
    kept = {section: getattr(running.settings, section) for section in READ_AT_START}
    return replace(read, settings=replace(read.settings, **kept))


def new_settings_of(snapshot: Snapshot) -> NewSettings:
    """Build all that will be replaced."""
    settings = snapshot.settings
    return NewSettings(
        rules=snapshot.rules(),
        dispatcher=settings.dispatcher_settings(),
        trunk_capacity=settings.trunk_capacity,
        callbacks=settings.callbacks,
        notices=settings.notices,
        tts=settings.voice.settings(snapshot.file.parent),
        lockout=settings.security,
        known_networks=settings.known_networks(),
    )


def check_users(snapshot: Snapshot, directory: Directory) -> None:
    """No trunk may prove itself under an agent's number; raises SettingsError."""
    for name, trunk in snapshot.settings.trunks.items():
        if trunk.user and directory.agent(AgentId(trunk.user)) is not None:
            key = f"trunks.{name}.user"
            raise SettingsError(str(snapshot.file), key, f"{trunk.user} is an agent's number; give the trunk another")


def left_behind(context: CallContext, new_settings: NewSettings) -> Iterator[str]:
    """What goes on although the new settings have no place for it."""
    there = {queue.name for queue in new_settings.dispatcher.queues}
    work = context.callback_scheduler.open_by_queue()
    callers = {view.queue: sum(one.channel is Channel.CALL for one in view.waiting) for view in context.acd.queues()}
    for queue in sorted((work.keys() | callers.keys()) - there):
        goes = f"queue {queue} goes away"
        if callers.get(queue):
            yield f"{goes}: callers who wait in it ({callers[queue]}) are served as before"
        if work[queue]:
            yield f"{goes}: callbacks and messages for it ({work[queue]}) wait until it is back or staff end them"
    if context.trunk_capacity.taken > new_settings.trunk_capacity.limit:
        yield (
            f"trunk_capacity.limit is {new_settings.trunk_capacity.limit}, "
            f"but {context.trunk_capacity.taken} are taken: nobody gets in until fewer are"
        )
