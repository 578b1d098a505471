"""The operator's settings: one TOML file, every key also from the environment, errors that name the key.

`load` reads and checks what one file can tell; what depends on flows, prompts and queues together is checked by
`snapshot.reference_errors`. A key KEY of the section SECTION is ACDCORE_<SECTION>__<KEY> in the environment and wins
there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from operator import eq
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from acdcore.calls.admission.admission import networks_of
from acdcore.calls.admission.screening import ScreeningSettings
from acdcore.calls.numbers.number_location import Regions, RegionSettings
from acdcore.calls.services.email_notices import MailSettings
from acdcore.calls.services.http_services import ServiceSettings
from acdcore.calls.trunks.capacity import TrunkCapacitySettings
from acdcore.calls.trunks.trunks import AGENTS_TRUNK, InboundRoute, TrunkTables
from acdcore.configuration.queue_section import QueueSection
from acdcore.configuration.sections import (
    HttpSection,
    IvrSection,
    JournalSection,
    MediaSection,
    SipSection,
    StorageSection,
)
from acdcore.configuration.voice_section import VoiceSection
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.lockout import LockoutSettings
from acdcore.kernel.mistakes import mistakes
from acdcore.kernel.networks import Network
from acdcore.kernel.setting_types import FORMS
from acdcore.kernel.toml_file import read_toml, toml_value
from acdcore.queues.settings import DispatcherSettings
from acdcore.recognition.service import RecognitionSettings
from acdcore.recording.retention import RetentionSettings
from acdcore.recording.settings import RecordingSettings
from acdcore.sip.syntax.uri import SipUri
from acdcore.work.callback_queue import CallbackSettings

PREFIX = "ACDCORE_"
TEXT_KEYS = frozenset({"password", "dsn"})
"""Secrets may begin with any character."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the operator decides in the file; agents and customers live in the database.

    Each section is the dataclass of the subsystem that uses it; an unknown key is an error in all of them.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    sip: SipSection = field(default_factory=SipSection)
    media: MediaSection = field(default_factory=MediaSection)
    http: HttpSection = field(default_factory=HttpSection)
    storage: StorageSection = field(default_factory=StorageSection)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    ivr: IvrSection = field(default_factory=IvrSection)
    trunk_capacity: TrunkCapacitySettings = field(default_factory=TrunkCapacitySettings)
    callbacks: CallbackSettings = field(default_factory=CallbackSettings)
    screening: ScreeningSettings = field(default_factory=ScreeningSettings)
    security: LockoutSettings = field(default_factory=LockoutSettings)
    journal: JournalSection = field(default_factory=JournalSection)
    notices: MailSettings = field(default_factory=MailSettings)
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    regions: dict[str, RegionSettings] = field(default_factory=dict)
    services: dict[str, ServiceSettings] = field(default_factory=dict)
    trunks: TrunkTables = field(default_factory=dict)
    queues: dict[str, QueueSection] = field(default_factory=dict)
    voice: VoiceSection = field(default_factory=VoiceSection)
    log: Literal["debug", "info", "warning", "error"] = "info"

    def __post_init__(self) -> None:
        """Raises ValueError for what sections say against each other."""
        self._check_trunks_told_apart()
        self._check_targets_in_reach()

    def _check_trunks_told_apart(self) -> None:
        if AGENTS_TRUNK in self.trunks:
            raise ValueError(f"no trunk can be called {AGENTS_TRUNK}: records name agents' phones so")
        trunk_of: dict[str, str] = {}
        for name, table in self.trunks.items():
            if table.user and trunk_of.setdefault(table.user, name) != name:
                raise ValueError(f"trunks {trunk_of[table.user]} and {name} have the same user {table.user}")

    def _check_targets_in_reach(self) -> None:
        ours = self.sip.address
        for name, table in self.trunks.items():
            if table.target and ip_address(SipUri.parse(table.target).host).version != ours.version:
                raise ValueError(f"trunk {name}: target {table.target} cannot be reached from sip.address {ours}")

    def own_hosts(self) -> frozenset[str]:
        """Addresses of ours, those that peers are told among them."""
        own = (self.sip.address, self.sip.advertised, self.media.address, self.media.advertised)
        return frozenset(str(address) for address in own if address is not None)

    def routes(self) -> tuple[InboundRoute, ...]:
        """Of all trunks, in the order of the file."""
        return tuple(route for trunk in self.trunks.values() for route in trunk.routes.values())

    def dispatcher_settings(self) -> DispatcherSettings:
        """For the dispatcher."""
        return DispatcherSettings(queues=tuple(table.settings(name) for name, table in self.queues.items()))

    def known_networks(self) -> list[Network]:
        """Whence nobody is a stranger: trunks, what they are called at, and what the operator names."""
        return [*networks_of(tuple(self.trunks.values())), *self.security.known_networks]

    def region_tables(self) -> Regions:
        """Where numbers belong to; raises ValueError for a prefix or a place that is none."""
        return Regions(
            {name: table.prefixes for name, table in self.regions.items()},
            {name: table.places for name, table in self.regions.items()},
        )


SCHEMA: Final = TypeAdapter(Settings)
"""Reads, checks and writes them."""


def recognition_key(recognition: RecognitionSettings, file: Path) -> str:
    """The first line of the section's `key_file`, "" without one; `file` is the settings' own. Raises SettingsError."""
    if recognition.engine != "http" or not recognition.key_file:
        return ""
    key_file = file.parent / recognition.key_file
    try:
        lines = key_file.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in ASCII"
        problem = f"{key_file} cannot be read: {reason}; let the daemon's user read it, or name another"
        raise SettingsError(str(file), "recognition.key_file", problem) from None
    if not lines or not lines[0].strip():
        raise SettingsError(str(file), "recognition.key_file", f"{key_file} is empty; write the server's key into it")
    return lines[0].strip()


def load(file: Path, environment: Mapping[str, str]) -> Settings:
    """Read `file`, let the environment override it, and check each key; raises SettingsError."""
    table = read_toml(file, "; name another with --config")
    overridden = {}
    for name, value in environment.items():
        if name.startswith(PREFIX):
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            override(table, path, value, name)
            overridden[path] = name
    try:
        return SCHEMA.validate_python(table)
    except ValidationError as error:
        found = mistakes(error, Settings, FORMS)
        raise_together([_blamed(file, tuple(map(str, at)), problem, overridden) for at, problem in found])
        raise  # pydantic has no error without a mistake in it


def _blamed(
    file: Path, path: tuple[str, ...], problem: str, overridden: Mapping[tuple[str, ...], str]
) -> SettingsError:
    """What a section says of its keys together is the environment's fault as soon as one of them comes from there."""
    source = next((name for key, name in overridden.items() if all(map(eq, path, key))), None)
    return SettingsError(source or str(file), ".".join(path), problem)


def override(table: dict[str, object], path: tuple[str, ...], value: str, name: str) -> None:
    """Put `value` at `path` in `table`; raises SettingsError when the path leads through something else than tables."""
    for key in path[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingsError(name, "", f"{key} is not a section; the form is {PREFIX}<SECTION>__<KEY>")
        table = inner
    table[path[-1]] = parsed(path[-1], value)


def parsed(key: str, value: str) -> object:
    """A list or a table where it is written as TOML writes it; everything else is text, which the key's type reads."""
    return value if key in TEXT_KEYS or not value.startswith(("[", "{")) else toml_value(value)
