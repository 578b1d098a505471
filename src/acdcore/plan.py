"""The plan: settings, flows, calendars and prompts, read and checked together before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acdcore.calls.voice import queue_title
from acdcore.ivr.calendars import Calendar, load_calendars
from acdcore.ivr.check import Surroundings
from acdcore.ivr.flow_file import load_flows
from acdcore.ivr.model import Flow, Language, OutsideNode, PromptRequest, Text
from acdcore.ivr.prompts import flow_requests, system_requests
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName
from acdcore.queues.settings import ToAnnouncement, ToOutside, validate
from acdcore.settings import Settings

STREAMS_A_LINE = 2
"""The caller's and the agent's."""
OTHER_FILES = 256
"""Descriptors for everything else: database, HTTP, SIP over TCP, the spool."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was read and checked before anything starts."""

    settings: Settings
    """The operator's file and environment."""
    file: Path
    """Where the settings came from; other files lie beside it."""
    flows: Mapping[str, Flow]
    """All flows, by name."""
    calendars: Mapping[str, Calendar]
    """All calendars, by name."""
    prompts: tuple[PromptRequest, ...]
    """Every prompt that any call may need."""


def make_plan(settings: Settings, file: Path) -> Plan:
    """Read flows, calendars and prompts, and check all that refers to each other; raises SettingsError."""
    here = file.parent
    floor = settings.floor()
    for problem in validate(floor):
        raise SettingsError(str(file), problem.key, problem.text)
    queues = frozenset(queue.name for queue in floor.queues)
    flows = {str(name): flow for name, flow in load_flows(here / settings.ivr.flows, Surroundings(queues)).items()}
    calendars = {str(name): one for name, one in load_calendars(here / settings.ivr.calendars).items()}
    requests = [*system_requests(here / settings.ivr.prompts / "system.toml")]
    for flow in flows.values():
        requests += flow_requests(flow)
    requests += queue_titles(settings, file)
    checked = Plan(settings, file, flows, calendars, tuple(requests))
    check_references(checked)
    return checked


def queue_titles(settings: Settings, file: Path) -> list[PromptRequest]:
    """The queues' spoken names; a queue without a title is called by its key."""
    return [
        PromptRequest(queue_title(QueueName(name), language), Text(table.title.get(language, name)), str(file))
        for name, table in settings.queues.items()
        for language in Language
    ]


def check_references(checked: Plan) -> None:
    """Everything that one key says of another place; raises SettingsError for the first that leads nowhere."""
    settings, file = checked.settings, str(checked.file)
    may_dial_out = any(trunk.may_dial_out for trunk in settings.trunks.values())
    prompts = {str(request.key.name) for request in checked.prompts}
    if settings.lines.announcement not in prompts:
        raise SettingsError(file, "lines.announcement", f"there is no prompt {settings.lines.announcement}")
    for name, table in settings.queues.items():
        for cause, where in table.overflow.items():
            key = f"queues.{name}.overflow.{cause.value}"
            target = where.target()
            if isinstance(target, ToAnnouncement) and target.prompt not in prompts:
                raise SettingsError(file, key, f"there is no prompt {target.prompt}")
            if isinstance(target, ToOutside) and not may_dial_out:
                raise SettingsError(file, key, "no trunk may dial out; set may_dial_out and target on one")
    for one in checked.flows.values():
        for node, what in one.nodes.items():
            if isinstance(what, OutsideNode) and not may_dial_out:
                raise SettingsError(one.file, f"nodes.{node}", "no trunk may dial out; set may_dial_out on one")
    for trunk, trunk_table in settings.trunks.items():
        for dialled, route in trunk_table.routes.items():
            key = f"trunks.{trunk}.routes.{dialled}"
            for flow in filter(None, (route.flow, route.closed_flow)):
                if flow not in checked.flows:
                    raise SettingsError(file, key, f"there is no flow {flow}; there are {', '.join(checked.flows)}")
            if route.calendar and route.calendar not in checked.calendars:
                raise SettingsError(file, key, f"there is no calendar {route.calendar}")
            if route.calendar and not route.closed_flow:
                raise SettingsError(file, key, "has a calendar but no closed_flow for when it is closed")


def port_pairs(settings: Settings) -> int:
    """How many streams the range of RTP ports allows."""
    return (settings.media.last_port - settings.media.first_port + 1) // 2


def files_needed(settings: Settings) -> int:
    """Descriptors that every line in use at once would take: two streams of two sockets and a recording each."""
    lines = settings.lines.limit + settings.lines.reserve
    return OTHER_FILES + lines * (STREAMS_A_LINE * 2 + 1)


def shortages(settings: Settings) -> list[str]:
    """What is too small for all lines at once: calls then get 503 before the limit of lines is reached."""
    wanted, there = (settings.lines.limit + settings.lines.reserve) * STREAMS_A_LINE, port_pairs(settings)
    if there >= wanted:
        return []
    return [f"media.last_port leaves {there} port pairs, but all lines with their agents need {wanted}"]
