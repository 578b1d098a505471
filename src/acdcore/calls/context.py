"""The call context: the objects that a call script may use, gathered once at the start."""

from dataclasses import dataclass, field

from acdcore.calls.agents.agents import Agents
from acdcore.calls.core.call_settings import CallSettings
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.media.listening import SpeechListening
from acdcore.calls.media.prompts import PromptLibrary, PromptSet
from acdcore.calls.model.ports import Directory
from acdcore.calls.opening_hours import OpeningHours
from acdcore.calls.queueing.callback_scheduler import CallbackScheduler
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.queueing.queue_visits import QueueVisitRecorder
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.recording import CallRecorder
from acdcore.calls.routing_rules import Rules
from acdcore.calls.services.http_services import Services
from acdcore.calls.trunks.capacity import TrunkCapacity
from acdcore.calls.trunks.redirection import RestingTrunks
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.queues.journal.lost_places import LostPlaces


@dataclass(slots=True)
class CallContext:
    """One for the daemon; built by the composition root. Only a reload changes it, by replacing `rules`."""

    clock: Clock
    bus: EventBus
    """What happens, for whom it concerns."""
    event_router: EventRouter
    """SIP and audio."""
    acd: Acd
    """The dispatcher."""
    queue_visits: QueueVisitRecorder
    """Writes the visits from which all figures are counted."""
    agents: Agents
    """Agents, their seats and their phones."""
    library: PromptLibrary
    """Prompts and music."""
    directory: Directory
    """Agents and customers."""
    event_log: CallEventLog
    """Writes every event of calls and agents."""
    recorder: CallRecorder
    """Recordings."""
    callback_scheduler: CallbackScheduler
    """Callbacks and messages."""
    hours: OpeningHours
    """When queues are open."""
    services: Services
    """HTTP services that flows ask."""
    listening: SpeechListening
    """Callers who answer by speech."""
    places: LostPlaces
    """Places that a restart has cut off."""
    trunk_capacity: TrunkCapacity
    """Limits on the calls that may be up at once."""
    rules: Rules
    """The settings that a reload replaces. A call keeps those it began with, except where a docstring says
    otherwise."""
    resting_trunks: RestingTrunks = field(default_factory=RestingTrunks)
    """Trunks that asked for a pause by Retry-After."""

    @property
    def prompts(self) -> PromptSet:
        """The prompts for calls that come now."""
        return self.library.present

    def take_settings(self) -> CallSettings:
        """The settings for a call that begins now; at its end the call gives the prompts back."""
        return CallSettings(self.rules, self.library.take(), self.acd.dispatcher.edition)
