"""Preflight: finds what would make a start on this machine fail, without starting anything.

The snapshot has shown that the files fit together. Preflight checks that the machine has what they name: recordings
that can be played, the first agents and customers, addresses, ports, and directories that can be written.
"""

import contextlib
import errno
import os
import resource
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from acdcore.calls.model.directory import AgentRecord
from acdcore.configuration.sections import IvrSection, SipSection
from acdcore.configuration.settings import recognition_key
from acdcore.configuration.snapshot import Snapshot, files_needed
from acdcore.daemon.secrets import API_KEYS_FILE, read_keys
from acdcore.ivr.calendars.file import load_calendars
from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.files.flows import read_flows
from acdcore.ivr.files.system_prompts import read_system
from acdcore.ivr.model.flow import PromptKey
from acdcore.ivr.prompts.recordings import recordings_status
from acdcore.ivr.prompts.render import check_recordings, second_best, unspoken
from acdcore.ivr.tts.engines import TtsEngines, voices_ahead
from acdcore.ivr.tts.http_voice import read_key
from acdcore.ivr.tts.voices import SpeechEngine
from acdcore.kernel.errors import SettingsError
from acdcore.recognition.service import EXTRA, missing_packages
from acdcore.storage.stores.seed import AGENTS_FILE, CUSTOMERS_FILE, Seeds, read_seeds, shared_numbers

EPHEMERAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The range of ports that the system gives to programs that ask for any port."""
RESERVED_PORTS = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
"""Ports of that range that it does not give away."""

PASSWORD_MIN = 8
"""Characters. Somebody who captures a registration can guess its password as fast as a computer computes."""

DIRECTORIES = frozenset({"spool", "journal", "prompts", "postgres"})
"""Directories that the daemon creates below the storage directory."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What preflight has found for a snapshot of the settings."""

    errors: tuple[SettingsError, ...]
    """Mistakes that would stop a start, or that callers would notice."""
    warnings: tuple[str, ...]
    """What is allowed but is probably a mistake."""
    agents: tuple[AgentRecord, ...]
    """The agents of agents.toml, as far as it can be read."""
    recorded: frozenset[PromptKey] = frozenset()
    """Prompts that have a recording of their name."""


def preflight(snapshot: Snapshot) -> Findings:
    """Check everything; many recordings take a second."""
    settings, file = snapshot.settings, str(snapshot.file)
    errors: list[SettingsError] = []
    seeds = Seeds((), ())
    trunk_users = {trunk.user: trunk.name for trunk in settings.trunks.values() if trunk.user}
    try:
        here = snapshot.file.parent
        seeds = read_seeds(here / AGENTS_FILE, here / CUSTOMERS_FILE, settings.sip.realm, trunk_users)
    except SettingsError as error:
        errors += error.all()
    prompts = snapshot.file.parent / settings.ivr.prompts
    music = {f"queues.{name}.music": table.music for name, table in settings.queues.items() if table.music}
    recordings = check_recordings(snapshot.prompts, music, file, prompts)
    errors += recordings.errors
    if (settings.storage.directory / API_KEYS_FILE).exists():
        try:
            read_keys(settings.storage.directory)
        except SettingsError as error:
            errors += error.all()
    speechless = unspoken(snapshot.prompts, settings.storage.directory / "prompts", _voices(snapshot))
    errors += [speechless] if speechless else []
    errors += _recognition(snapshot)
    errors += _voice_key(snapshot)
    errors += [SettingsError(file, key, problem) for key, problem in (*_directories(snapshot), *_sockets(snapshot))]
    agents = tuple(agent.record for agent in seeds.agents)
    by_name = recordings_status(snapshot.prompts, prompts)
    warnings = (
        *recordings.warnings,
        *by_name.doubts,
        *voice_warnings(snapshot),
        *_ports(snapshot),
        *_files(snapshot),
        *strays(snapshot.file.parent / settings.ivr.flows),
        *_of_seeds(snapshot, seeds),
    )
    return Findings(tuple(errors), warnings, agents, frozenset(by_name.recorded))


def voice_warnings(snapshot: Snapshot) -> tuple[str, ...]:
    """Warnings about texts that another voice than the chosen one reads, because its engine is not installed."""
    return second_best(snapshot.prompts, snapshot.settings.storage.directory / "prompts", _voices(snapshot))


def _voice_key(snapshot: Snapshot) -> Iterator[SettingsError]:
    """Mistakes in the file of the voice server's key, where a language has an HTTP voice."""
    settings = snapshot.settings.voice.settings(snapshot.file.parent)
    is_asked = any(voice.engine is SpeechEngine.HTTP for voice in settings.by_language.values())
    if is_asked and settings.http.key_file is not None:
        try:
            read_key(settings.http.key_file)
        except SettingsError as error:
            yield error


def _voices(snapshot: Snapshot) -> TtsEngines:
    return voices_ahead(snapshot.settings.voice.settings(snapshot.file.parent))


def errors_beside(file: Path) -> list[SettingsError]:
    """Mistakes in the files beside the settings that can be found when the settings cannot be read."""
    here, paths = file.parent, IvrSection()
    errors = list(read_flows(here / paths.flows, FlowReferences(None)).errors) if (here / paths.flows).is_dir() else []
    readers: dict[Path, Callable[[Path], object]] = {
        here / paths.calendars: load_calendars,
        here / paths.prompts / "system.toml": read_system,
        here / AGENTS_FILE: partial(
            read_seeds, customers_file=here / CUSTOMERS_FILE, realm=SipSection().realm, trunk_users={}
        ),
    }
    for beside, read in readers.items():
        if beside.exists():
            try:
                read(beside)
            except SettingsError as error:
                errors += error.all()
    return errors


def _recognition(snapshot: Snapshot) -> Iterator[SettingsError]:
    """A warning when speech recognition lacks packages; the daemon starts without it, and callers use keys."""
    engine = snapshot.settings.recognition.engine
    missing = ", ".join(missing_packages(engine))
    if missing:
        problem = (
            f'"{engine}" needs packages that are not installed ({missing}); pip install "{EXTRA}", or leave it empty'
        )
        yield SettingsError(str(snapshot.file), "recognition.engine", problem)
    try:
        recognition_key(snapshot.settings.recognition, snapshot.file)
    except SettingsError as error:
        yield error


# --- directories ---


def _directories(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    settings = snapshot.settings
    places = [("storage.directory", settings.storage.directory)]
    if settings.recording.is_on:
        places.append(("recording.directory", settings.recording.directory))
    for key, directory in places:
        problem = unwritable(directory)
        problem = problem or unusable_inside(directory)
        if problem:
            yield key, f"{problem}; give it to the daemon's user, or name another"


def unwritable(directory: Path) -> str:
    """Why the directory, or its nearest ancestor that exists, cannot be written; "" when it can."""
    above = directory
    with contextlib.suppress(OSError):
        while not above.exists() and above != above.parent:
            above = above.parent
    if not above.is_dir():
        return f"{directory} cannot be made: {above} is no directory"
    try:
        with tempfile.TemporaryDirectory(prefix=".probe-", dir=above):
            return ""
    except OSError as error:
        done = "written" if above == directory else "made"
        return f"{directory} cannot be {done}: {error.strerror}"


def unusable_inside(directory: Path) -> str:
    """Which entry of the directory, left by a run as another user for example, we cannot use; "" for none."""
    if not directory.is_dir():
        return ""
    for inside in sorted(directory.iterdir()):
        if inside.is_dir() and not os.access(inside, os.W_OK | os.X_OK):
            return f"{inside} cannot be written"
        if inside.is_file() and not os.access(inside, os.R_OK):
            return f"{inside} cannot be read"
        if inside.name in DIRECTORIES and not inside.is_dir():
            return f"{inside} is a file where a directory belongs"
    return ""


# --- addresses and ports ---


def _sockets(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Mistakes about addresses that are not this machine's, and ports that another program has."""
    settings = snapshot.settings
    sip, http = settings.sip, settings.http
    foreign = set()
    for section, address in (("sip", sip.address), ("media", settings.media.address), ("http", http.address)):
        if _bound(address, 0, socket.SOCK_DGRAM) == errno.EADDRNOTAVAIL:
            foreign.add(section)
            yield f"{section}.address", f"{address} is not an address of this machine; name one of its own"
    audio = range(settings.media.first_port, settings.media.last_port + 1)
    if sip.udp_port in audio and sip.address == settings.media.address:
        yield (
            "media.first_port",
            f"{audio[0]}-{audio[-1]} covers sip.udp_port {sip.udp_port}, so audio and signalling would share a port;"
            " begin the range above it, or end it below",
        )
    addresses = {sip.address, http.address}
    if sip.tcp_port and sip.tcp_port == http.port and (len(addresses) == 1 or IPv4Address(0) in addresses):
        yield "http.port", f"{http.port} is sip.tcp_port too; give each a port of its own"
    listening = (
        ("sip", "udp_port", sip.address, sip.udp_port, socket.SOCK_DGRAM),
        ("sip", "tcp_port", sip.address, sip.tcp_port, socket.SOCK_STREAM),
        ("http", "port", http.address, http.port, socket.SOCK_STREAM),
    )
    found = {
        (section, key): (port, _bound(address, port, kind))
        for section, key, address, port, kind in listening
        if section not in foreign and port
    }
    is_running = bool(found) and all(problem == errno.EADDRINUSE for _, problem in found.values())
    for (section, key), (port, problem) in found.items():
        if problem == errno.EACCES:
            yield f"{section}.{key}", f"{port} may be used by root only; take one from 1024 on, or allow it to the user"
        # is_running: all ports are taken, by the daemon that the check is for
        if problem == errno.EADDRINUSE and not is_running:
            yield f"{section}.{key}", f"{port} is taken by another program; end it, or take another port"


def _bound(address: IPv4Address, port: int, kind: socket.SocketKind) -> int:
    """Bind a socket to the address and port for a moment; returns the errno, 0 when it worked."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(address), port))
            if kind is socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _ports(snapshot: Snapshot) -> Iterator[str]:
    """Warnings where the range of audio ports overlaps other ports."""
    settings = snapshot.settings
    media = settings.media
    own = range(media.first_port, media.last_port + 1)
    if settings.http.port in own and settings.http.address == media.address:
        yield (
            f"media.first_port to last_port ({own[0]}-{own[-1]}) covers http.port {settings.http.port}: a firewall that"
            " opens the range for audio opens the control plane too; move one of the two"
        )
    given = _range_of(EPHEMERAL_PORTS)
    common = range(max(own.start, given.start), min(own.stop, given.stop))
    if common and not _are_reserved(common):
        yield (
            f"media.first_port to last_port ({own[0]}-{own[-1]}) overlaps the ports that the system gives to any"
            f" program ({given[0]}-{given[-1]}), so that some may be taken when a call needs them; end the range below,"
            f" or set sysctl net.ipv4.ip_local_reserved_ports={common[0]}-{common[-1]}"
        )


def _range_of(file: Path) -> range:
    try:
        low, high = (int(part) for part in file.read_text().split())
    except (OSError, ValueError):  # not Linux: the range is not known
        return range(0)
    return range(low, high + 1)


def _are_reserved(ports: range) -> bool:
    try:
        text = RESERVED_PORTS.read_text().strip()
        spans = [[int(end) for end in part.split("-")] for part in text.split(",") if part]
    except (OSError, ValueError):
        return False
    return any(span[0] <= ports[0] and ports[-1] <= span[-1] for span in spans)


def _files(snapshot: Snapshot) -> Iterator[str]:
    """A warning when this shell may open fewer files than `limit` needs; a service has its own limits."""
    hard, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[1], files_needed(snapshot.settings)
    if hard != resource.RLIM_INFINITY and hard < needed:
        yield f"trunk_capacity.limit needs {needed} open files, {hard} are allowed here; raise ulimit -Hn"


# --- agents and customers ---


def _of_seeds(snapshot: Snapshot, seeds: Seeds) -> Iterator[str]:
    """Warnings about short passwords and unknown names in agents.toml and customers.toml."""
    agents = {agent.record.agent for agent in seeds.agents}
    regions = set(snapshot.settings.regions)
    for place, agent in enumerate(seeds.agents):
        if len(agent.password) < PASSWORD_MIN:
            yield (
                f"agents.toml: agents.{place}.password: is short enough to be guessed; give {PASSWORD_MIN} characters "
                "or more, or leave it out: then one is generated"
            )
    for place, customer in enumerate(seeds.customers):
        if customer.owner and agents and customer.owner not in agents:
            yield f"{CUSTOMERS_FILE}: customers.{place}.owner: there is no agent {customer.owner} in {AGENTS_FILE}"
        if customer.region and customer.region not in regions:
            there = _or_none(sorted(regions))
            yield f"{CUSTOMERS_FILE}: customers.{place}.region: there is no region {customer.region}; there are {there}"
    yield from (f"{CUSTOMERS_FILE}: {shared}" for shared in shared_numbers(seeds.customers))


def _or_none(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def strays(directory: Path) -> Iterable[str]:
    """Warnings about files that look like flows but are not read."""
    if not directory.is_dir():
        return
    for file in sorted(directory.iterdir()):
        if ".toml" in file.name.lower() and file.suffix != ".toml" and not file.name.startswith((".", "#")):
            yield f"{file} is not read: a flow's file ends in .toml"
