"""The plan: settings, flows, calendars and prompts, read and checked together before anything starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acdcore.calls.region import Regions
from acdcore.calls.rules import Rules
from acdcore.calls.trunks import Trunks
from acdcore.calls.voice import queue_title
from acdcore.control.connections import RULES as HTTP_CONNECTIONS
from acdcore.ivr.calendars import load_calendars
from acdcore.ivr.check import Surroundings
from acdcore.ivr.flow_file import load_flows
from acdcore.ivr.model import Flow, Language, OutsideNode, PromptRequest, Text
from acdcore.ivr.opening import Calendar
from acdcore.ivr.prompts import flow_requests, system_requests
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName
from acdcore.queue_table import QueueTable
from acdcore.queues.settings import ToAnnouncement, ToFlow, ToOutside, validate
from acdcore.settings import Settings
from acdcore.sip.tcp import TcpLimits
from acdcore.storage.database import CONNECTIONS_MAX

STREAMS_A_LINE = 2
"""The caller's and the agent's."""
FILES_A_LINE = STREAMS_A_LINE * 2 + 1
"""RTP and RTCP of each stream, and the recording."""
OTHER_FILES = 256
"""Descriptors for everything else: own sockets, database, spool, journal, log, prompts being read, mail and
HTTP services that flows ask, connections that are accepted only to be closed."""


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
    regions: Regions
    """Where numbers belong to."""

    def rules(self) -> Rules:
        """What holds for calls from now on."""
        settings = self.settings
        return Rules(
            flows=self.flows,
            calendars=self.calendars,
            trunks=Trunks(settings.trunk_list(), settings.routes()),
            queues={QueueName(name): table.around() for name, table in settings.queues.items()},
            regions=self.regions,
            screening=settings.screening_rules(),
            services=settings.service_settings(),
            callback_numbers=tuple(settings.callbacks.numbers),
        )


def make_plan(settings: Settings, file: Path) -> Plan:
    """Read flows, calendars and prompts, and check all that refers to each other; raises SettingsError."""
    here = file.parent
    floor = settings.floor()
    for problem in validate(floor):
        raise SettingsError(str(file), problem.key, problem.text)
    calendars = {str(name): one for name, one in load_calendars(here / settings.ivr.calendars).items()}
    surroundings = Surroundings(
        queues=frozenset(queue.name for queue in floor.queues),
        services=frozenset(settings.services),
        regions=frozenset(settings.regions),
        shifts=frozenset(shift.name for calendar in calendars.values() for shift in calendar.shifts),
        days=frozenset(name for calendar in calendars.values() for name in calendar.day_names()),
        trunks=frozenset(name for name, trunk in settings.trunks.items() if trunk.may_dial_out),
    )
    flows = {str(name): flow for name, flow in load_flows(here / settings.ivr.flows, surroundings).items()}
    try:
        regions = settings.region_tables()
    except ValueError as error:
        raise SettingsError(str(file), "regions", str(error)) from error
    requests = [*system_requests(here / settings.ivr.prompts / "system.toml")]
    for flow in flows.values():
        requests += flow_requests(flow)
    requests += queue_titles(settings, file)
    checked = Plan(settings, file, flows, calendars, tuple(requests), regions)
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
        for key, problem in queue_problems(table, checked, prompts):
            raise SettingsError(file, f"queues.{name}.{key}", problem)
    for one in checked.flows.values():
        for node, what in one.nodes.items():
            if isinstance(what, OutsideNode) and not may_dial_out:
                raise SettingsError(one.file, f"nodes.{node}", "no trunk may dial out; set may_dial_out on one")
    for trunk, trunk_table in settings.trunks.items():
        for dialled, route in trunk_table.routes.items():
            key = f"trunks.{trunk}.routes.{dialled}"
            for flow in filter(None, (route.flow, route.closed_flow, route.holiday_flow, *route.flows.values())):
                if flow not in checked.flows:
                    raise SettingsError(file, key, f"there is no flow {flow}; there are {', '.join(checked.flows)}")
            if route.calendar and route.calendar not in checked.calendars:
                raise SettingsError(file, key, f"there is no calendar {route.calendar}")
            if route.calendar and not route.closed_flow:
                raise SettingsError(file, key, "has a calendar but no closed_flow for when it is closed")


def queue_problems(table: QueueTable, checked: Plan, prompts: set[str]) -> Iterator[tuple[str, str]]:
    """What a queue says of another place that is not there: the key, and what is wrong."""
    trunks = checked.settings.trunks
    flows = ", ".join(checked.flows)
    for cause, where in table.overflow.items():
        target, key = where.target(), f"overflow.{cause.value}"
        match target:
            case ToAnnouncement(prompt) if prompt not in prompts:
                yield key, f"there is no prompt {prompt}"
            case ToOutside(trunk="") if not any(trunk.may_dial_out for trunk in trunks.values()):
                yield key, "no trunk may dial out; set may_dial_out and target on one"
            case ToOutside(trunk=name) if name and (name not in trunks or not trunks[name].may_dial_out):
                yield key, f"trunk {name} is not there or may not dial out; set may_dial_out and target on it"
            case ToFlow(flow) if flow not in checked.flows:
                yield key, f"there is no flow {flow}; there are {flows}"
            case _:
                pass
    for digit, flow in table.keys.items():
        if flow not in checked.flows:
            yield f"keys.{digit}", f"there is no flow {flow}; there are {flows}"
    if table.survey and table.survey not in checked.flows:
        yield "survey", f"there is no flow {table.survey}; there are {flows}"
    if table.keys_prompt and table.keys_prompt not in prompts:
        yield "keys_prompt", f"there is no prompt {table.keys_prompt}"
    if table.calendar and table.calendar not in checked.calendars:
        yield "calendar", f"there is no calendar {table.calendar}"
    if table.call_back_abandoned and not any(trunk.may_dial_out for trunk in trunks.values()):
        yield "call_back_abandoned", "no trunk may dial out; set may_dial_out and target on one"
    regions = {region for rule in table.rules for region in rule.regions}
    for region in sorted(regions - set(checked.settings.regions)):
        yield "rules", f"there is no region {region}; name it under [regions]"


def port_pairs(settings: Settings) -> int:
    """How many streams the range of RTP ports allows."""
    return (settings.media.last_port - settings.media.first_port + 1) // 2


def files_needed(settings: Settings) -> int:
    """Descriptors when all that is limited is at its limit: so many connections never take what a call needs."""
    lines = settings.lines.limit + settings.lines.reserve
    connections = TcpLimits().connections.descriptors + HTTP_CONNECTIONS.descriptors
    return OTHER_FILES + lines * FILES_A_LINE + connections + CONNECTIONS_MAX


def shortages(settings: Settings) -> list[str]:
    """What is too small for all lines at once: calls then get 503 before the limit of lines is reached."""
    wanted, there = (settings.lines.limit + settings.lines.reserve) * STREAMS_A_LINE, port_pairs(settings)
    if there >= wanted:
        return []
    return [f"media.last_port leaves {there} port pairs, but all lines with their agents need {wanted}"]
