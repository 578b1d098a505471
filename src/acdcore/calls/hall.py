"""The hall: what a call's story may reach, gathered once at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from acdcore.calls.acd import Acd
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.desks import Desks
from acdcore.calls.lines import Lines
from acdcore.calls.ports import Directory
from acdcore.calls.recorder import Recorder
from acdcore.calls.trunks import Trunks
from acdcore.calls.voice import Voice
from acdcore.calls.wiring import Wiring
from acdcore.ivr.calendars import Calendar
from acdcore.ivr.model import Flow
from acdcore.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Hall:
    """One for the daemon; built by the composition root, never changed."""

    clock: Clock
    wiring: Wiring
    """SIP and audio."""
    acd: Acd
    """The dispatcher."""
    desks: Desks
    """The agents' phones."""
    voice: Voice
    """Prompts and music."""
    directory: Directory
    """Agents and customers."""
    chronicle: Chronicle
    """Where everything is written down."""
    recorder: Recorder
    """Recordings."""
    trunks: Trunks
    """Who calls in, and the way out."""
    lines: Lines
    """How many at once."""
    flows: Mapping[str, Flow]
    """By name."""
    calendars: Mapping[str, Calendar]
    """By name."""
