"""Reload: settings, flows, calendars and prompts are read and checked as a whole, then take effect as a whole.

Rules:
- All that can go wrong is tried first: files are read and checked, sounds made, and every part's new settings built.
  Only then is anything replaced, from one turn of the loop to the next.
- What is read at the start only stays as it runs, for every later reload too, and the report says what waits for one.
- Calls in progress keep the settings they started with: see `CallSettings` and the dispatcher's editions.
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
from acdcore.calls.context import Hall
from acdcore.calls.model.commands import ReloadReport
from acdcore.calls.model.ports import Directory
from acdcore.calls.routing_rules import Rules
from acdcore.calls.services.email_notices import MailSettings, Notices
from acdcore.calls.switchboard import Switchboard
from acdcore.calls.trunks.capacity import LineSettings
from acdcore.configuration.diff import READ_AT_START, differences
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Plan, make_plan
from acdcore.configuration.warnings import advice, notes
from acdcore.control.settings import ApiKey
from acdcore.daemon.preflight import voice_warnings
from acdcore.daemon.secrets import key_changes, read_keys
from acdcore.ivr.model.flow import PromptKey
from acdcore.ivr.reading.phrases import Sayings
from acdcore.ivr.tts.voices import VoiceSettings
from acdcore.kernel.errors import AcdError, SettingsError
from acdcore.kernel.ids import AgentId
from acdcore.kernel.lockout import LockoutSettings
from acdcore.kernel.networks import Network
from acdcore.queues.inputs import Channel, FloorChanged
from acdcore.queues.settings import FloorSettings
from acdcore.sip.auth.digest import DigestServer
from acdcore.storage.stores.seed import unapplied
from acdcore.work.book import BookSettings

MARK_BYTES = 16
"""Length of a sound's mark: no two sounds ever share one by chance."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """All that is ever played, as PCM (16 bit, mono, 8 kHz)."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]
    """By queue, `""` for all others."""

    def marks(self) -> "Marks":
        """What is kept of these to know later what sounds otherwise."""
        prompts = {key: mark(pcm) for key, pcm in self.prompts.items()}
        return Marks(prompts, {queue: mark(pcm) for queue, pcm in self.music.items()})

    def new_since(self, marks: "Marks") -> "Sounds":
        """Those that were not there, or sound otherwise: a file may have been replaced under the same name."""
        prompts = {key: pcm for key, pcm in self.prompts.items() if marks.prompts.get(key) != mark(pcm)}
        music = {queue: pcm for queue, pcm in self.music.items() if marks.music.get(queue) != mark(pcm)}
        return Sounds(prompts, music)


@dataclass(frozen=True, slots=True)
class Marks:
    """A mark of each sound that is in the engine's memory."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Edition:
    """All that a plan makes of the parts that a reload changes."""

    rules: Rules
    floor: FloorSettings
    lines: LineSettings
    book: BookSettings
    mail: MailSettings | None
    voices: VoiceSettings
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

    plan: Plan
    """What runs, with the sections that are read at the start as they were then."""
    hall: Hall
    switchboard: Switchboard
    screen: Screen
    digest: DigestServer
    notices: Notices
    make_sounds: Callable[[Plan], Sounds]
    """Renders what a plan asks for; takes its time, in a thread."""
    marks: Marks
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
                self.hall.chronicle.reloaded(report)
        return report

    async def _reload(self, is_dry_run: bool) -> ReloadReport:
        file = self.plan.file
        try:
            read = await asyncio.to_thread(lambda: make_plan(load(file, os.environ), file))
            plan = as_started(self.plan, read)
            check_users(plan, self.hall.directory)
            edition = edition_of(plan)
            keys = () if self.keys is None else await asyncio.to_thread(self.keys.read)
            changes = differences(self.plan, read)
            if self.keys is not None:
                changes += tuple(key_changes(self.keys.keys, keys))
            agents, wall = self.hall.directory.agents(), self.hall.clock.wall()
            found = await asyncio.to_thread(
                lambda: (*voice_warnings(plan), *unapplied(file.parent, self.hall.directory))
            )
            warnings = (
                *advice(plan, agents, wall),
                *(f"note: {one}" for one in notes(plan)),
                *left_behind(self.hall, edition),
                *found,
            )
            sounds = await asyncio.to_thread(self.make_sounds, plan)
            if is_dry_run:
                return ReloadReport(False, (), warnings, changes)
            new, marks = await asyncio.to_thread(lambda: (sounds.new_since(self.marks), sounds.marks()))
        except AcdError as error:
            problems = error.all() if isinstance(error, SettingsError) else (error,)
            return ReloadReport(False, tuple(map(str, problems)), (), ())
        self._apply(edition, new, sounds, plan.sayings)
        if self.keys is not None:
            self.keys.apply(keys)
        self.plan = plan
        self.marks = marks
        return ReloadReport(True, (), warnings, changes)

    def _apply(self, edition: Edition, new: Sounds, sounds: Sounds, sayings: Sayings) -> None:
        hall, rules = self.hall, edition.rules
        hall.library.use_voices(edition.voices)
        hall.library.extend(new.prompts, new.music, sounds.prompts.keys(), sounds.music.keys(), sayings)
        hall.library.ahead.want_agents(hall.directory.agents(), rules.flows.values(), sayings)
        hall.rules = rules
        hall.acd.feed(FloorChanged(edition.floor))
        hall.lines.change(edition.lines, {trunk.name: trunk.lines for trunk in rules.trunks.trunks})
        admission = self.switchboard.admission
        policy = admission.accounts.policy
        admission.use(Access(rules.trunks, hall.directory, self.digest, policy, admission.lockout))
        admission.sources.use_trunks(edition.known_networks)
        admission.lockout.change(edition.lockout)
        self.screen.change(rules.screening.limits)
        hall.workbench.configure(edition.book)
        hall.hours.follow(rules)
        self.notices.configure(edition.mail)


def mark(pcm: bytes) -> bytes:
    """A short name for a sound, the same for the same sound only."""
    return blake2b(pcm, digest_size=MARK_BYTES).digest()


def as_started(running: Plan, read: Plan) -> Plan:
    """What was read, with the sections that are read at the start only as they run."""
    kept = {section: getattr(running.settings, section) for section in READ_AT_START}
    return replace(read, settings=read.settings.model_copy(update=kept))


def edition_of(plan: Plan) -> Edition:
    """Build all that will be replaced."""
    settings = plan.settings
    return Edition(
        rules=plan.rules(),
        floor=settings.floor(),
        lines=settings.line_settings(),
        book=settings.book(),
        mail=settings.mail(),
        voices=settings.voice.settings(plan.file.parent),
        lockout=settings.lockout(),
        known_networks=settings.known_networks(),
    )


def check_users(plan: Plan, directory: Directory) -> None:
    """No trunk may prove itself under an agent's number; raises SettingsError."""
    for name, trunk in plan.settings.trunks.items():
        if trunk.user and directory.agent(AgentId(trunk.user)) is not None:
            key = f"trunks.{name}.user"
            raise SettingsError(str(plan.file), key, f"{trunk.user} is an agent's number; give the trunk another")


def left_behind(hall: Hall, edition: Edition) -> Iterator[str]:
    """What goes on although the new settings have no place for it."""
    there = {queue.name for queue in edition.floor.queues}
    work = hall.workbench.open_by_queue()
    callers = {view.queue: sum(one.channel is Channel.CALL for one in view.waiting) for view in hall.acd.queues()}
    for queue in sorted((work.keys() | callers.keys()) - there):
        goes = f"queue {queue} goes away"
        if callers.get(queue):
            yield f"{goes}: callers who wait in it ({callers[queue]}) are served as before"
        if work[queue]:
            yield f"{goes}: callbacks and messages for it ({work[queue]}) wait until it is back or staff end them"
    if hall.lines.taken > edition.lines.limit:
        yield f"lines.limit is {edition.lines.limit}, but {hall.lines.taken} are taken: nobody gets in until fewer are"
