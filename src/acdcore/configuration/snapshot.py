"""A snapshot of the configuration: settings, flows, calendars and prompts, read and checked together before anything
starts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from acdcore.calls.media.prompts import queue_title
from acdcore.calls.numbers.number_location import Regions
from acdcore.calls.routing_rules import BUSY_PROMPT, Rules
from acdcore.calls.trunks.trunks import InboundRoute, Trunks
from acdcore.configuration.queue_section import QueueSection
from acdcore.configuration.settings import Settings
from acdcore.control.connections import RULES as HTTP_CONNECTIONS
from acdcore.ivr.calendars.file import load_calendars
from acdcore.ivr.calendars.opening_hours import Calendar, CalendarName
from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.files.flows import read_flows
from acdcore.ivr.files.system_prompts import SystemFile, read_system
from acdcore.ivr.model.flow import ExternalNumberNode, Flow, Language, PromptRequest, QueueNode, RecordNode, Text
from acdcore.ivr.model.system_prompts import SYSTEM, SystemPhrase
from acdcore.ivr.prompts.recordings import with_recordings
from acdcore.ivr.prompts.render import flow_requests
from acdcore.ivr.reading.announcements import message_length_s
from acdcore.ivr.reading.phrases import OF_QUEUES, WORD_BY_WORD, RuntimePhrases
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.ids import QueueName, SkillName
from acdcore.kernel.mistakes import near
from acdcore.queues.settings import ToAnnouncement, ToExternalNumber, ToFlow, validate
from acdcore.sip.transports.tcp import TcpLimits
from acdcore.storage.postgres.database import CONNECTIONS_MAX

LINES_BUSY = f"{SYSTEM}.lines-busy"
"""A prompt's name as it is written, for messages."""
STREAMS_A_LINE = 2
"""The caller's and the agent's."""
FILES_A_LINE = STREAMS_A_LINE * 2 + 1
"""RTP and RTCP of each stream, and the recording."""
OTHER_FILES = 256
"""Descriptors for everything else: own sockets, database, spool, journal, log, prompts being read, mail and
HTTP services that flows ask, connections that are accepted only to be closed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
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
    sayings: RuntimePhrases = WORD_BY_WORD
    """How values are said that only calls bring up."""
    warnings: tuple[str, ...] = ()
    """What was read otherwise than it is meant now, though it works."""

    def rules(self) -> Rules:
        """What holds for calls from now on."""
        settings = self.settings
        return Rules(
            flows=self.flows,
            calendars=self.calendars,
            trunks=Trunks(tuple(settings.trunks.values()), settings.routes()),
            queues={QueueName(name): table.queue_rules() for name, table in settings.queues.items()},
            regions=self.regions,
            screening=settings.screening,
            services=settings.services,
            callbacks=settings.callbacks,
            skills_asked=skills_asked(settings, self.flows),
        )


def load_snapshot(settings: Settings, file: Path) -> Snapshot:
    """`read_snapshot`, when nothing is wrong; raises SettingsError for all that is."""
    snapshot, errors = read_snapshot(settings, file)
    raise_together(errors)
    return snapshot


def read_snapshot(settings: Settings, file: Path) -> tuple[Snapshot, Sequence[SettingsError]]:
    """Read flows, calendars and prompts, and check all that refers to each other.

    What cannot be read is not asked for what it does not say, so that one mistake brings no others.
    """
    here = file.parent
    dispatcher = settings.dispatcher_settings()
    errors = [SettingsError(str(file), problem.key, problem.text) for problem in validate(dispatcher)]
    if not dispatcher.queues:
        errors.append(
            SettingsError(str(file), "queues", "there is no queue; add [queues.NAME] for each one that flows name")
        )
    calendars = _gathered(errors, lambda: load_calendars(here / settings.ivr.calendars))
    references = FlowReferences(
        queues=frozenset(queue.name for queue in dispatcher.queues) or None,
        services=frozenset(settings.services),
        regions=frozenset(settings.regions),
        shifts=_names(calendars, lambda calendar: {shift.name for shift in calendar.shifts}),
        days=_names(calendars, lambda calendar: calendar.day_names()),
        trunks=frozenset(name for name, trunk in settings.trunks.items() if trunk.may_dial_out),
    )
    flows = read_flows(here / settings.ivr.flows, references)
    errors += flows.errors
    try:
        regions = settings.region_tables()
    except ValueError as error:
        errors.append(SettingsError(str(file), "regions", str(error)))
        regions = Regions({}, {})
    system = _gathered(errors, lambda: read_system(here / settings.ivr.prompts / "system.toml"))
    known = {str(name): flow for name, flow in flows.flows.items()}
    requests = [one for flow in known.values() for one in flow_requests(flow)]
    if system is not None:
        requests += (*system.requests, *sentences(system, settings, known), *queue_titles(system, settings, file))
    requests = [*with_recordings(requests, here / settings.ivr.prompts)]
    said = (WORD_BY_WORD, ()) if system is None else (system.sayings(requests), system.warnings)
    checked = Snapshot(settings, file, known, _by_text(calendars), tuple(requests), regions, *said)
    referable = ReferableNames(
        flows=frozenset({*known, *flows.unread}) if flows.are_named else None,
        calendars=None if calendars is None else frozenset(checked.calendars),
        prompts=None if system is None else frozenset(str(request.key.name) for request in requests),
        is_whole=not flows.unread,
    )
    return checked, [*errors, *reference_errors(checked, referable)]


T = TypeVar("T")


def _gathered(errors: list[SettingsError], read: Callable[[], T]) -> T | None:
    """What `read` gives; None when it raised a SettingsError, which is gathered."""
    try:
        return read()
    except SettingsError as error:
        errors.append(error)
        return None


def _names(
    calendars: Mapping[CalendarName, Calendar] | None, of: Callable[[Calendar], Collection[str]]
) -> frozenset[str] | None:
    """Names that calendars give to hours and days; None when they could not be read."""
    return None if calendars is None else frozenset(name for one in calendars.values() for name in of(one))


def _by_text(calendars: Mapping[CalendarName, Calendar] | None) -> dict[str, Calendar]:
    return {str(name): calendar for name, calendar in (calendars or {}).items()}


def sentences(system: SystemFile, settings: Settings, flows: Mapping[str, Flow]) -> Iterator[PromptRequest]:
    """The sentences that name a queue or the length of a message; a queue without a title is called by its key."""
    for name, table in settings.queues.items():
        titles = {language: table.title.get(language, name) for language in Language}
        for phrase in OF_QUEUES:
            yield from system.of_value(phrase, name, titles)
    nodes = (node for flow in flows.values() for node in flow.nodes.values() if isinstance(node, RecordNode))
    for length_s in sorted({message_length_s(node) for node in nodes if node.has_limits}):
        yield from system.of_value(SystemPhrase.MESSAGE_LENGTH, str(length_s), {})


def queue_titles(system: SystemFile, settings: Settings, file: Path) -> Iterator[PromptRequest]:
    """The queues' titles by themselves, in languages in which sentences are put together from recordings."""
    for language in Language:
        if all(language in system.templates[phrase] for phrase in OF_QUEUES):
            continue
        for name, table in settings.queues.items():
            source = Text(table.title.get(language, name))
            yield PromptRequest(queue_title(QueueName(name), language), source, str(file))


@dataclass(frozen=True, slots=True)
class ReferableNames:
    """What settings may refer to; None: could not be read, and is not asked for."""

    flows: frozenset[str] | None
    calendars: frozenset[str] | None
    prompts: frozenset[str] | None
    is_whole: bool
    """Whether every flow could be read: else a prompt may be that of one that could not."""

    def lacks_prompt(self, name: str) -> bool:
        """Whether no prompt is called so."""
        is_known = self.prompts is not None and (self.is_whole or name.startswith(f"{SYSTEM}."))
        return is_known and self.prompts is not None and name not in self.prompts

    def flow_problem(self, name: str) -> str:
        """What is wrong with a flow's name; "" when nothing is."""
        if self.flows is None or name in self.flows:
            return ""
        return f"there is no flow {name}; there are {', '.join(sorted(self.flows))}{near(name, self.flows)}"

    def calendar_problem(self, name: str) -> str:
        """What is wrong with a calendar's name; "" when nothing is."""
        if self.calendars is None or name in self.calendars:
            return ""
        names = ", ".join(sorted(self.calendars)) or "none"
        return f"there is no calendar {name}; there are {names}{near(name, self.calendars)}"


def reference_errors(checked: Snapshot, referable: ReferableNames) -> Iterator[SettingsError]:
    """Everything that one key says of another place and that leads nowhere."""
    settings, file = checked.settings, str(checked.file)
    may_dial_out = any(trunk.may_dial_out for trunk in settings.trunks.values())
    if referable.lacks_prompt(settings.trunk_capacity.announcement):
        problem = f"there is no prompt {settings.trunk_capacity.announcement}; name one as in {LINES_BUSY}"
        yield SettingsError(file, "trunk_capacity.announcement", problem)
    for name, table in settings.queues.items():
        for key, problem in queue_problems(table, checked, referable):
            yield SettingsError(file, f"queues.{name}.{key}", problem)
    for one in checked.flows.values():
        for node, what in one.nodes.items():
            if isinstance(what, ExternalNumberNode) and not what.trunk and not may_dial_out:
                yield SettingsError(one.file, f"nodes.{node}", "no trunk may dial out; set may_dial_out on one")
    for trunk, trunk_table in settings.trunks.items():
        for dialled, route in trunk_table.routes.items():
            for problem in route_problems(route, checked, referable):
                yield SettingsError(file, f"trunks.{trunk}.routes.{dialled}", problem)


def route_problems(route: InboundRoute, checked: Snapshot, referable: ReferableNames) -> Iterator[str]:
    """What is wrong with what a number leads to."""
    for flow in filter(None, (route.flow, route.closed_flow, route.holiday_flow, *route.flows.values())):
        problem = referable.flow_problem(flow)
        if problem:
            yield problem
    if not route.calendar:
        for key in ("closed_flow", "holiday_flow", "flows"):
            if getattr(route, key):
                yield f"has {key} but no calendar, which says when it is wanted; add calendar"
        return
    problem = referable.calendar_problem(route.calendar)
    if problem:
        yield problem
    elif not route.closed_flow:
        yield "has a calendar but no closed_flow for when it is closed"
    calendar = checked.calendars.get(route.calendar)
    for name in route.flows if calendar is not None else ():
        if calendar is not None and name not in calendar.names():
            names = (", ".join(sorted(calendar.names())) or "none") + near(name, calendar.names())
            yield f"flows.{name}: calendar {route.calendar} has no shift, holiday or special day {name}; it has {names}"


def queue_problems(table: QueueSection, checked: Snapshot, referable: ReferableNames) -> Iterator[tuple[str, str]]:
    """What a queue says of another place that is not there: the key, and what is wrong."""
    trunks = checked.settings.trunks
    may_dial_out = any(trunk.may_dial_out for trunk in trunks.values())
    for cause, where in table.overflow.items():
        target, key = where.target(), f"overflow.{cause.value}"
        match target:
            case ToAnnouncement(prompt) if referable.lacks_prompt(prompt):
                yield key, f"there is no prompt {prompt}; name one as in {LINES_BUSY}"
            case ToExternalNumber(trunk="") if not may_dial_out:
                yield key, "no trunk may dial out; set may_dial_out and target on one"
            case ToExternalNumber(trunk=name) if name and (name not in trunks or not trunks[name].may_dial_out):
                yield key, f"trunk {name} is not there or may not dial out; set may_dial_out and target on it"
            case ToFlow(flow) if referable.flow_problem(flow):
                yield key, referable.flow_problem(flow)
            case _:
                pass
    named = [(f"keys.{digit}", flow) for digit, flow in table.keys.items()]
    for key, flow in (*named, *([("survey", table.survey)] if table.survey else [])):
        if referable.flow_problem(flow):
            yield key, referable.flow_problem(flow)
    if table.busy_prompt and referable.lacks_prompt(table.busy_prompt):
        yield "busy_prompt", f'there is no prompt {table.busy_prompt}; name one as in {BUSY_PROMPT}, or none with ""'
    if table.keys_prompt and referable.lacks_prompt(table.keys_prompt):
        yield "keys_prompt", f"there is no prompt {table.keys_prompt}; name one as in system.callback-offer"
    if table.calendar and referable.calendar_problem(table.calendar):
        yield "calendar", referable.calendar_problem(table.calendar)
    if table.call_back_abandoned and not may_dial_out:
        yield "call_back_abandoned", "no trunk may dial out; set may_dial_out and target on one"
    spoken = {language.value for language in Language}
    for language in sorted({language for rule in table.rules for language in rule.languages} - spoken):
        yield "rules", f"there is no language {language}; there are {', '.join(sorted(spoken))}{near(language, spoken)}"
    regions = {region for rule in table.rules for region in rule.regions}
    for region in sorted(regions - set(checked.settings.regions)):
        yield "rules", f"there is no region {region}; name it under [regions]"


def skills_asked(settings: Settings, flows: Mapping[str, Flow]) -> frozenset[SkillName]:
    """Every skill that any queue, rule or flow asks an agent for."""
    asked = {skill for table in settings.queues.values() for skill in table.skills}
    asked |= {skill for table in settings.queues.values() for rule in table.rules for skill in rule.skills}
    nodes = (node for flow in flows.values() for node in flow.nodes.values() if isinstance(node, QueueNode))
    return frozenset(map(SkillName, asked)) | {skill for node in nodes for skill in node.skills}


def port_pairs(settings: Settings) -> int:
    """How many streams the range of RTP ports allows."""
    return (settings.media.last_port - settings.media.first_port + 1) // 2


def files_needed(settings: Settings) -> int:
    """Descriptors when all that is limited is at its limit: so many connections never take what a call needs."""
    lines = settings.trunk_capacity.limit + settings.trunk_capacity.reserve
    connections = TcpLimits().connections.descriptors + HTTP_CONNECTIONS.descriptors
    return OTHER_FILES + lines * FILES_A_LINE + connections + CONNECTIONS_MAX


def shortages(settings: Settings) -> list[str]:
    """What is too small for all lines at once: calls then get 503 before the limit of lines is reached."""
    wanted, referable = (
        (settings.trunk_capacity.limit + settings.trunk_capacity.reserve) * STREAMS_A_LINE,
        port_pairs(settings),
    )
    if referable >= wanted:
        return []
    return [f"media.last_port leaves {referable} port pairs, but all lines with their agents need {wanted}"]
