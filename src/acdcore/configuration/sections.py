"""Sections that no one subsystem owns: what they say feeds several, which get it in forms of their own.

All other sections are the dataclasses of the subsystems that use them.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from annotated_types import Ge, Le, MinLen, MultipleOf
from pydantic import AfterValidator

from acdcore.calls.media.audio_address import AudioSettings
from acdcore.calls.trunks.trunks import DigestAlgorithms
from acdcore.kernel.setting_types import Port
from acdcore.sip.auth.digest_values import DEFAULT_ALGORITHMS
from acdcore.sip.events import InDialog


def _named(address: IPv4Address) -> IPv4Address:
    if address.is_unspecified:
        raise ValueError("peers are told this address; give the interface's own")
    return address


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name}") from error
    return name


def _postgres(dsn: str) -> str:
    if dsn and not dsn.startswith(("postgresql://", "postgres://")):
        raise ValueError(
            'is no address of a PostgreSQL server; write "postgresql://user@host/database", or leave it empty'
        )
    try:
        urlsplit(dsn).port  # noqa: B018  (asking is the check)
    except ValueError:
        raise ValueError("names a port that is none; write postgresql://user@host:5432/database") from None
    return dsn


LOOPBACK = IPv4Address("127.0.0.1")
Seconds = Annotated[float, Ge(0)]
"""A length of time."""
OwnAddress = Annotated[IPv4Address, AfterValidator(_named)]
"""An address of ours that goes into messages."""


@dataclass(frozen=True, slots=True)
class SipSection:
    """Where phones and trunks reach us."""

    address: OwnAddress = LOOPBACK
    """Where we listen, and what our messages name."""
    advertised: OwnAddress | None = None
    """What our messages name instead where addresses are translated (NAT); None: `address`."""
    udp_port: Port = 5060
    """Where we listen for UDP."""
    tcp_port: Port = 5060
    """Where we listen for TCP."""
    realm: Annotated[str, MinLen(1)] = "acdcore"
    """Goes into the hashes of all passwords."""
    digest_algorithms: Annotated[DigestAlgorithms, MinLen(1)] = DEFAULT_ALGORITHMS
    """What phones and trunks may prove their passwords with."""
    phones_in_dialog: InDialog = InDialog.SOURCE
    """What our requests within a call to or from an agent's phone follow."""
    tcp_ping_every_s: Annotated[float, Ge(0), Le(3600)] = 0.0
    """How often a connection that we opened carries a keep-alive; 0: never."""


@dataclass(frozen=True, slots=True)
class MediaSection(AudioSettings):
    """Where audio flows: ports and addresses for the engine, beside what `AudioSettings` says of parties."""

    address: OwnAddress = LOOPBACK
    """Where we take audio."""
    advertised: OwnAddress | None = None
    """What our session descriptions name instead; None: `address`."""
    first_port: Annotated[int, Ge(1024), Le(65534), MultipleOf(2)] = 20000
    """Lowest port for RTP."""
    last_port: Annotated[int, Ge(1025), Le(65535)] = 29999
    """Highest port, RTCP included."""
    learning_window_s: Annotated[float, Ge(0), Le(60)] = 10.0
    """For so long after a peer named an address, a source at an IP that nobody named may prove to be the peer."""

    def __post_init__(self) -> None:
        """Raises ValueError for a range without room."""
        if self.last_port <= self.first_port:
            raise ValueError("no pair of ports lies between first_port and last_port")


@dataclass(frozen=True, slots=True)
class HttpSection:
    """Where the control plane listens."""

    address: IPv4Address = LOOPBACK
    """It is plain HTTP."""
    port: Port = 8080
    """Where it listens."""


@dataclass(frozen=True, slots=True)
class StorageSection:
    """Where everything that lasts is kept."""

    directory: Path = Path("var")
    """Spool, rendered prompts, secrets and the embedded PostgreSQL, relative to the working directory."""
    dsn: Annotated[str, AfterValidator(_postgres)] = field(default="", repr=False)
    """A PostgreSQL server of one's own; empty: the embedded one."""


@dataclass(frozen=True, slots=True)
class IvrSection:
    """Where flows, prompts and calendars lie; relative paths start at the settings' own directory."""

    flows: Path = Path("ivr")
    """Directory of the flows."""
    prompts: Path = Path("prompts")
    """Directory of recordings and of `system.toml`."""
    calendars: Path = Path("calendars.toml")
    """File of the calendars."""


@dataclass(frozen=True, slots=True)
class JournalSection:
    """The dispatcher's journal, which replay, what-if and a restart read."""

    is_on: bool = True
    """Whether it is kept."""
    keep_days: Annotated[int, Ge(1), Le(3_650)] = 35
    """How long."""
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    """Whose midnight ends a day; also that of the times in notices."""
    reclaim_within_s: Annotated[float, Ge(0), Le(3_600)] = 120.0
    """Callers whose wait a restart cut off have their place again if they call back so soon; 0: they do not."""
