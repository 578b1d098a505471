"""The hall: what a call's story may reach, gathered once at start."""

from dataclasses import dataclass, field

from acdcore.calls.agents.agents import Desks
from acdcore.calls.core.call_settings import CallSettings
from acdcore.calls.core.event_router import Wiring
from acdcore.calls.media.listening import Listening
from acdcore.calls.media.prompts import PromptLibrary, Voice
from acdcore.calls.model.ports import Directory
from acdcore.calls.opening_hours import Hours
from acdcore.calls.queueing.callback_scheduler import Workbench
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.queueing.queue_visits import StayKeeper
from acdcore.calls.record.event_log import Chronicle
from acdcore.calls.recording import Recorder
from acdcore.calls.routing_rules import Rules
from acdcore.calls.services.http_services import Services
from acdcore.calls.trunks.capacity import Lines
from acdcore.calls.trunks.redirection import RestingTrunks
from acdcore.kernel.clock import Clock
from acdcore.queues.journal.lost_places import Places


@dataclass(slots=True)
class Hall:
    """One for the daemon; built by the composition root. Only a reload changes it: `rules`, as a whole."""

    clock: Clock
    wiring: Wiring
    """SIP and audio."""
    acd: Acd
    """The dispatcher."""
    stays: StayKeeper
    """What figures are counted from."""
    desks: Desks
    """The agents' phones."""
    library: PromptLibrary
    """Prompts and music."""
    directory: Directory
    """Agents and customers."""
    chronicle: Chronicle
    """Where everything is written down."""
    recorder: Recorder
    """Recordings."""
    workbench: Workbench
    """Callbacks and messages."""
    hours: Hours
    """When queues are open."""
    services: Services
    """HTTP services that flows ask."""
    listening: Listening
    """Callers who answer by speech."""
    places: Places
    """Places that a restart has cut off."""
    lines: Lines
    """How many at once."""
    rules: Rules
    """What operators may change: for calls that come now, and where a word says that it holds at once."""
    resting: RestingTrunks = field(default_factory=RestingTrunks)
    """Trunks that have asked to be left alone."""

    @property
    def voice(self) -> Voice:
        """What calls that come now hear."""
        return self.library.present

    def take_settings(self) -> CallSettings:
        """For a call that begins now; its end gives the voice back."""
        return CallSettings(self.rules, self.library.take(), self.acd.dispatcher.edition)
