"""The call context: what a call's script may reach, gathered once at start."""

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
from acdcore.kernel.clock import Clock
from acdcore.queues.journal.lost_places import LostPlaces


@dataclass(slots=True)
class CallContext:
    """One for the daemon; built by the composition root. Only a reload changes it: `rules`, as a whole."""

    clock: Clock
    event_router: EventRouter
    """SIP and audio."""
    acd: Acd
    """The dispatcher."""
    queue_visits: QueueVisitRecorder
    """What figures are counted from."""
    agents: Agents
    """The agents' phones."""
    library: PromptLibrary
    """Prompts and music."""
    directory: Directory
    """Agents and customers."""
    event_log: CallEventLog
    """Where everything is written down."""
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
    """How many at once."""
    rules: Rules
    """What operators may change: for calls that come now, and where a word says that it holds at once."""
    resting_trunks: RestingTrunks = field(default_factory=RestingTrunks)
    """Trunks that have asked to be left alone."""

    @property
    def prompts(self) -> PromptSet:
        """What calls that come now hear."""
        return self.library.present

    def take_settings(self) -> CallSettings:
        """For a call that begins now; its end gives the voice back."""
        return CallSettings(self.rules, self.library.take(), self.acd.dispatcher.edition)
