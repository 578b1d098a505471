"""Reload: settings, flows, calendars and prompts are read and checked as a whole, then take effect as a whole.

Rules:
- Everything that can fail is done first: files are read and checked, prompts are rendered, and the new settings of
  every part are built. Only then is anything replaced, in one turn of the event loop.
  - Sections that are read only at the start keep their running values in every reload, and the report says which keys
  need a restart.
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
"""Bytes of a sound's mark: long enough that two sounds never have the same by chance."""


@dataclass(frozen=True, slots=True)
class RenderedAudio:
    """All prompts and music, as PCM (16 bit, mono, 8 kHz)."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]
    """Music on hold by queue; `""` is that of all other queues."""

    def marks(self) -> "AudioMarks":
        """The marks of these sounds, by which a later reload finds changed ones."""
        prompts = {key: mark(pcm) for key, pcm in self.prompts.items()}
        return AudioMarks(prompts, {queue: mark(pcm) for queue, pcm in self.music.items()})

    def new_since(self, marks: "AudioMarks") -> "RenderedAudio":
        """The sounds that are new or have changed; a file may have been replaced under the same name."""
        prompts = {key: pcm for key, pcm in self.prompts.items() if marks.prompts.get(key) != mark(pcm)}
        music = {queue: pcm for queue, pcm in self.music.items() if marks.music.get(queue) != mark(pcm)}
        return RenderedAudio(prompts, music)


@dataclass(frozen=True, slots=True)
class AudioMarks:
    """The mark of each sound in the media engine's memory."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class NewSettings:
    """The new settings of all parts that a reload changes, built from a snapshot."""

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
    """The file of API keys, which a reload reads again too."""

    directory: Path
    """The directory of the file."""
    keys: tuple[ApiKey, ...]
    """The keys that are accepted now."""
    use: Callable[[tuple[ApiKey, ...]], None]
    """Makes the control plane accept other keys."""

    def read(self) -> tuple[ApiKey, ...]:
        """The keys in the file; raises SettingsError. It reads the disk, so do not call it on the event loop."""
        return read_keys(self.directory)

    def apply(self, keys: tuple[ApiKey, ...]) -> None:
        """Accept these keys from now on."""
        self.keys = keys
        self.use(keys)


@dataclass(slots=True)
class Reloader:
    """Carries out reloads, one at a time, and knows the running settings."""

    snapshot: Snapshot
    """The running settings; sections that are read only at the start have their values of that time."""
    context: CallContext
    switchboard: Switchboard
    screen: Screen
    digest: DigestServer
    notices: EmailNotices
    render_audio: Callable[[Snapshot], RenderedAudio]
    """Renders the prompts of a snapshot, which may take minutes; called in a thread."""
    marks: AudioMarks
    """The marks of the sounds in the media engine's memory."""
    keys: KeyFile | None = None
    """The API keys; None while there is no control plane."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, by: str, is_dry_run: bool) -> ReloadReport:
        """Read the files again and apply them, or only report what would change; problems are reported, not raised."""
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
    """A hash of a sound."""
    return blake2b(pcm, digest_size=MARK_BYTES).digest()


def as_started(running: Snapshot, read: Snapshot) -> Snapshot:
    """The settings that were read, but with the running values of sections that are read only at the start."""
    kept = {section: getattr(running.settings, section) for section in READ_AT_START}
    return replace(read, settings=replace(read.settings, **kept))


def new_settings_of(snapshot: Snapshot) -> NewSettings:
    """Build the new settings of every part."""
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
    """Raises SettingsError when a trunk's user is an agent's number: only one of the two could log in."""
    for name, trunk in snapshot.settings.trunks.items():
        if trunk.user and directory.agent(AgentId(trunk.user)) is not None:
            key = f"trunks.{name}.user"
            raise SettingsError(str(snapshot.file), key, f"{trunk.user} is an agent's number; give the trunk another")


def left_behind(context: CallContext, new_settings: NewSettings) -> Iterator[str]:
    """Warnings about callers and work items that the new settings leave without a queue or without capacity."""
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
            f"but {context.trunk_capacity.taken} are taken: new calls are refused until fewer are taken"
        )
