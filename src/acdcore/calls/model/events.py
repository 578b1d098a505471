"""What call control publishes on the event bus (`kernel.bus`)."""

from dataclasses import dataclass

from acdcore.calls.model import history
from acdcore.calls.model.commands import LiveCall, LiveHours
from acdcore.kernel.ids import AgentId
from acdcore.work.model import WorkItem


@dataclass(frozen=True, slots=True)
class CallEventLogged:
    """Something happened in a call; its row is written."""

    view: LiveCall
    """The call after it."""
    event: history.Event


@dataclass(frozen=True, slots=True)
class OpeningHoursChanged:
    """A calendar's state has changed."""

    hours: LiveHours
    """The calendar from now on."""


@dataclass(frozen=True, slots=True)
class PhoneReachabilityChanged:
    """A phone of this user has registered, is gone, or does or does not answer any more; `Phones` tells which."""

    user: AgentId
    """The user with which it is or was registered."""


@dataclass(frozen=True, slots=True)
class RegistrationsChanged:
    """A phone has registered, registered again, or is not registered any more."""


@dataclass(frozen=True, slots=True)
class ScreeningChanged:
    """Staff have changed the black and white list; the store has the entries as they are now."""


@dataclass(frozen=True, slots=True)
class WorkItemChanged:
    """A callback or a message has changed; its row is written."""

    item: WorkItem
    """As it is now."""
