"""What settings allow but surely do not mean: said at the check, at the start and at a reload, never a refusal.

Warnings are of what is wrong. Notes are of what could be better, and may well be as somebody wants it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from acdcore.calls.model.directory import AgentRecord, Tier
from acdcore.calls.numbers.trunk_numbers import AssertBy
from acdcore.calls.routing_rules import unasked
from acdcore.calls.trunks.overlaps import overlaps
from acdcore.calls.trunks.trunks import Trunk
from acdcore.configuration.queue_section import QueueSection
from acdcore.configuration.snapshot import Snapshot, shortages, skills_asked
from acdcore.configuration.voice_section import LANGUAGES as LANGUAGE_NAMES
from acdcore.ivr.checks.transitions import transitions
from acdcore.ivr.model.flow import (
    BranchNode,
    CalendarState,
    CallbackNode,
    CollectNode,
    Flow,
    FlowNode,
    Language,
    ListenNode,
    MessageNode,
    Node,
    NodeName,
    QueueNode,
    ReturnNode,
    Text,
)
from acdcore.ivr.model.kinds import BranchOn, CallbackChoice
from acdcore.ivr.tts.voices import SpeechEngine
from acdcore.kernel.ids import SkillName
from acdcore.kernel.mistakes import near
from acdcore.queues.inputs import Channel
from acdcore.queues.settings import OverflowCause
from acdcore.recognition.service import EXTRA
from acdcore.recognition.whisper import LANGUAGES

CONTACTS = {Channel.CALL: "calls", Channel.CALLBACK: "callbacks", Channel.VOICEMAIL: "messages"}
TIERS = ("unknown", *(tier.value for tier in Tier))
"""A caller without a card is `unknown`."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NOBODY_ASKS = "which no queue, rule or flow asks for"
PATTERN = re.compile(r"^[_^].|.\*|[\[?]")
"""Beginnings and wildcards as in `_95X.`, `955*` and `^955[0-9]+$`."""
Needs = Mapping[SkillName, int]
"""Skills with the least level of each."""


def config_warnings(snapshot: Snapshot, agents: Sequence[AgentRecord], wall: datetime) -> tuple[str, ...]:
    """Every warning, the machine's first, then queue by queue; `agents` empty: nothing is said about skills."""
    warnings = [*snapshot.warnings, *shortages(snapshot.settings)]
    with_routes = frozenset(name for name, table in snapshot.settings.trunks.items() if table.routes)
    warnings += overlaps(tuple(snapshot.settings.trunks.values()), with_routes)
    active = [agent for agent in agents if agent.is_active]
    for name, table in snapshot.settings.queues.items():
        warnings += (f"queue {name}: {text}" for text in _of_queue(snapshot, name, table))
        if active:
            warnings += (f"queue {name}: {text}" for text in _of_people(snapshot, name, table, active))
    for name, calendar in snapshot.calendars.items():
        moment = calendar.moment(wall)
        if moment.state is not CalendarState.OPEN and moment.next_change_at is None and _is_used(snapshot, name):
            warnings.append(f"calendar {name}: is not open at any time within the next fortnight")
    may_dial_out = any(trunk.may_dial_out for trunk in snapshot.settings.trunks.values())
    if not may_dial_out and any(Channel.CALLBACK in channels(snapshot, name) for name in snapshot.settings.queues):
        warnings.append("callbacks are offered, but no trunk may dial out; set may_dial_out and target on one")
    warnings += (f"flow {flow.name}: {text}" for flow in live_flows(snapshot) for text in _of_callbacks(snapshot, flow))
    warnings += (f"flow {flow.name}: {text}" for flow in live_flows(snapshot) for text in _of_listening(snapshot, flow))
    warnings += _of_voices(snapshot)
    for name, trunk in snapshot.settings.trunks.items():
        warnings += (f"trunk {name}: {text}" for text in (*_of_numbers(trunk), *_of_routes(trunk)))
    if snapshot.settings.notices.smtp and not snapshot.settings.notices.to:
        warnings.append("notices.smtp has no effect without notices.to")
    if active:
        warnings += _of_skills(snapshot, active)
    return tuple(warnings)


def config_notes(snapshot: Snapshot) -> tuple[str, ...]:
    """Languages that callers can choose and hardly understand."""
    found_notes = []
    for language, voice in snapshot.settings.voice.settings(snapshot.file.parent).by_language.items():
        flows = [flow.name for flow in live_flows(snapshot) if language in flow.languages]
        texts = sum(isinstance(one.source, Text) and one.key.language is language for one in snapshot.prompts)
        if voice.engine is SpeechEngine.ESPEAK and flows and texts:
            found_notes.append(
                f"voice.{language.value}: callers of the flow {flows[0]} can choose {LANGUAGE_NAMES[language]}, which "
                f"only espeak reads, and which they hardly understand; have its {texts} texts recorded (acdcore "
                f'prompts export), or set engine = "http" in [voice.{language.value}], as docs/voice.md says'
            )
    return tuple(found_notes)


# --- what the settings say by themselves ---


def _of_queue(snapshot: Snapshot, name: str, table: QueueSection) -> Iterator[str]:
    yield from _of_rules(snapshot, table)
    asked = most_asked(snapshot, table)
    for number, step in enumerate(table.widening, 1):
        if table.max_wait_s is not None and step.after_s >= table.max_wait_s:
            yield (
                f"widening step {number} begins after {step.after_s:g} s, "
                f"but callers overflow after {table.max_wait_s:g} s"
            )
        for skill, level in step.skills.items():
            if skill not in asked:
                yield f"widening step {number} lowers {skill}, which nobody asks for"
            elif level >= asked[skill]:
                yield f"widening step {number} leaves {skill} as it is: no more than {asked[skill]} is asked for anyway"
    if table.announce_first_s is None:
        if table.announce_wait:
            yield "announce_wait has no effect without announce_first_s"
        if table.keys_prompt:
            yield "keys_prompt is never heard without announce_first_s"
    if table.keys and not table.keys_prompt:
        yield "nobody is told of the keys; name the prompt that does as keys_prompt"
    if table.sticky is not None and not table.sticky.for_s:
        yield "sticky has no effect with for_s = 0"
    if waits_without_end(table):
        yield (
            "callers wait without end, even when no agent is logged in; set max_wait_s with overflow.wait, and "
            "overflow.nobody_logged_in, or give callers keys to press"
        )
    yield from _of_exits(snapshot, name, table)


def _of_voices(snapshot: Snapshot) -> Iterator[str]:
    """Keys that everybody on the way can read."""
    settings = snapshot.settings.voice.settings(snapshot.file.parent)
    server = urlsplit(settings.http.url)
    if settings.http.key_file and server.scheme == "http" and server.hostname not in LOOPBACK:
        yield f"voice.http.url: the key goes to {server.hostname} as everybody on the way can read it; use https"


def _of_numbers(trunk: Trunk) -> Iterator[str]:
    """What is shown on calls out, where a carrier would refuse it or nobody would see it."""
    if trunk.may_dial_out and not trunk.caller_id:
        yield (
            "may dial out but has no caller_id: a carrier that screens refuses its calls, and others show no number;"
            ' set caller_id = "+86..." to a number of yours on it'
        )
    if trunk.from_user and trunk.assert_by is AssertBy.NONE:
        yield "from_user takes the number's place in the From, and assert_by names no other: the number is not shown"


def _of_routes(trunk: Trunk) -> Iterator[str]:
    """Patterns as other switches have them; a route is for one number."""
    for dialled in trunk.routes:
        if PATTERN.search(dialled):
            yield (
                f"routes.{dialled}: is for this very number, it is no pattern; "
                'name whole numbers, or "*" for all others'
            )


def _of_callbacks(snapshot: Snapshot, flow: Flow) -> Iterator[str]:
    """Callbacks that the flow offers and the settings refuse."""
    guard = 'begin with a branch on = "callback"'
    _, refused = _callback_nodes(flow, CallbackChoice.NONE)
    if refused:
        yield f"{refused} offers a callback to who cannot be called back, such as who withholds the number; {guard}"
    asks, offered = _callback_nodes(flow, CallbackChoice.OWN)
    if asks and offered and not snapshot.settings.callbacks.numbers:
        yield f"{asks} asks for a number to call, but callbacks.numbers allows only the own; set it, or {guard}"


def _of_listening(snapshot: Snapshot, flow: Flow) -> Iterator[str]:
    """Questions that nobody hears the answers to, or not in every language."""
    asking = [(name, node) for name, node in flow.nodes.items() if isinstance(node, ListenNode)]
    engine = snapshot.settings.recognition.engine
    for name, _ in asking:
        if not engine:
            yield (
                f"{name} cannot hear, and all callers go its way unavailable; "
                f'pip install "{EXTRA}" and set engine = "whisper" in [recognition]'
            )
    for name, node in asking:
        deaf = sorted(set(flow.languages) - node.keys_only - {Language(known) for known in LANGUAGES})
        if engine == "whisper" and deaf:
            tongues = ", ".join(language.value for language in deaf)
            yield f"{name} cannot hear {tongues}, which whisper does not know; name {tongues} in keys_only"


def _callback_nodes(flow: Flow, choice: CallbackChoice) -> tuple[str, str]:
    """The nodes that ask such a caller for a number to be called at, and that place the callback; empty: none does."""
    found: dict[NodeName, Node] = {}
    ahead = [flow.start]
    while ahead:
        name = ahead.pop()
        if name in found or name not in flow.nodes:
            continue
        node = found[name] = flow.nodes[name]
        if isinstance(node, BranchNode) and node.on is BranchOn.CALLBACK:
            ahead.append(node.cases.get(choice.value, node.otherwise))
        else:
            ahead += [transition.target for transition in transitions(node)]
    placing = {name: node for name, node in found.items() if isinstance(node, CallbackNode)}
    numbers = {node.number for node in placing.values()}
    asks = [name for name, node in found.items() if isinstance(node, CollectNode) and node.variable in numbers]
    return next(iter(sorted(asks)), ""), next(iter(sorted(placing)), "")


def _of_rules(snapshot: Snapshot, table: QueueSection) -> Iterator[str]:
    spoken = {language for flow in live_flows(snapshot) for language in flow.languages}
    for number, rule in enumerate(table.rules, 1):
        for tier in rule.tiers:
            if tier not in TIERS:
                yield f"rule {number} is for the tier {tier}, which no customer can have; there are {', '.join(TIERS)}"
        for language in rule.languages:
            if language not in spoken:
                yield f"rule {number} is for {language}, which no flow speaks"


def waits_without_end(table: QueueSection) -> bool:
    """Whether nothing but an agent ever ends the wait."""
    return not table.keys and not {OverflowCause.WAIT, OverflowCause.NOBODY_LOGGED_IN} & table.overflow.keys()


def _of_exits(snapshot: Snapshot, name: str, table: QueueSection) -> Iterator[str]:
    """Where callers go who leave: another queue for good, or a queue after they have been served."""
    queues = snapshot.settings.queues
    for queue in dict.fromkeys(where.queue for where in table.overflow.values() if where.queue):
        last = queues[queue]
        if OverflowCause.WAIT not in last.overflow and not last.keys and not waits_without_end(last):
            yield f"overflows to queue {queue}, where callers wait without end; give {queue} an overflow.wait, or keys"
    for flow in reachable(snapshot.flows, [table.survey] if table.survey else []):
        if any(isinstance(node, QueueNode | ReturnNode) for node in flow.nodes.values()):
            yield f"survey leads back into a queue, by the flow {flow.name}: callers who were served wait again"


# --- what the people can do ---


def _of_people(snapshot: Snapshot, name: str, table: QueueSection, agents: Sequence[AgentRecord]) -> Iterator[str]:
    queue = table.skills
    there = able(agents, queue)
    if not there:
        yield f"nobody has {skills_in_words(queue)}"
        return
    come = channels(snapshot, name)
    for channel in (channel for channel in Channel if channel in come):
        if all(channel in agent.declines for agent in there):
            yield f"nobody with {skills_in_words(queue) or 'any skills'} takes {CONTACTS[channel]}"
    for number, rule in enumerate(table.rules, 1):
        yield from _of_needs(f"rule {number}", {**queue, **rule.skills}, table, agents)
    for flow in live_flows(snapshot):
        for node, what in flow.nodes.items():
            if isinstance(what, QueueNode) and what.queue == name and what.skills:
                yield from _of_needs(f"flow {flow.name}, {node}", {**queue, **what.skills}, table, agents)


def _of_needs(who: str, needs: Needs, table: QueueSection, agents: Sequence[AgentRecord]) -> Iterator[str]:
    if able(agents, needs):
        return
    left = dict(needs)
    for step in sorted(table.widening, key=lambda step: step.after_s):
        left = {skill: min(level, step.skills.get(skill, level)) for skill, level in left.items()}
        if able(agents, left):
            until = f"these callers wait {step.after_s:g} s for nothing"
            break
    else:
        until = "these callers are never served"
    yield f"{who} asks for {skills_in_words(needs)}, which nobody has together; {until}"


def able(agents: Iterable[AgentRecord], needs: Needs) -> list[AgentRecord]:
    """Those who have all these skills at these levels."""
    return [agent for agent in agents if all(agent.skills.get(skill, 0) >= level for skill, level in needs.items())]


def skills_in_words(needs: Needs) -> str:
    """`service 3 and vip 5`."""
    return " and ".join(f"{skill} {level}" for skill, level in needs.items())


def _of_skills(snapshot: Snapshot, agents: Sequence[AgentRecord]) -> Iterator[str]:
    """Skills that nobody asks for: most are misspelt."""
    asked = skills_asked(snapshot.settings, snapshot.flows)
    holders: dict[SkillName, list[str]] = {}
    for agent in agents:
        for skill in unasked(agent.skills, asked):
            holders.setdefault(skill, []).append(agent.agent)
    for skill, who in sorted(holders.items()):
        one = f"agent {who[0]} has" if len(who) == 1 else f"{len(who)} agents ({who[0]}, ...) have"
        yield f"{one} the skill {skill}, {NOBODY_ASKS}{near(skill, asked)}"


# --- what leads where ---


def most_asked(snapshot: Snapshot, table: QueueSection) -> dict[SkillName, int]:
    """The highest level of each skill that anybody can be asked for in this queue; flows' needs go along to others."""
    asked: dict[SkillName, int] = {}
    nodes = [node for flow in live_flows(snapshot) for node in flow.nodes.values() if isinstance(node, QueueNode)]
    rules = [rule.skills for rule in table.rules]
    for needs in (table.skills, *rules, *(node.skills for node in nodes)):
        for skill, level in needs.items():
            asked[skill] = max(level, asked.get(skill, 0))
    return asked


def channels(snapshot: Snapshot, name: str) -> set[Channel]:
    """The kinds of contacts that may come to a queue."""
    table = snapshot.settings.queues[name]
    found = {Channel.CALL}
    if table.call_back_abandoned:
        found.add(Channel.CALLBACK)
    own = {flow.name for flow in reachable(snapshot.flows, left_for(table))}
    for flow in live_flows(snapshot):
        for node in flow.nodes.values():
            if isinstance(node, CallbackNode) and (flow.name in own or node.queue == name):
                found.add(Channel.CALLBACK)
            if isinstance(node, MessageNode) and (node.queue == name or (flow.name in own and node.is_own_queue)):
                found.add(Channel.VOICEMAIL)
    return found


def live_flows(snapshot: Snapshot) -> list[Flow]:
    """All flows that a call can come to by itself."""
    routes = (route for trunk in snapshot.settings.trunks.values() for route in trunk.routes.values())
    first = [name for one in routes for name in (one.flow, one.closed_flow, one.holiday_flow, *one.flows.values())]
    queues = snapshot.settings.queues.values()
    return reachable(snapshot.flows, [*first, *(name for table in queues for name in (*left_for(table), table.survey))])


def left_for(table: QueueSection) -> list[str]:
    """The flows that a queue's callers go to while they wait, or instead."""
    return [*table.keys.values(), *(where.flow for where in table.overflow.values() if where.flow)]


def reachable(flows: Mapping[str, Flow], names: Iterable[str]) -> list[Flow]:
    """These flows and all that they lead to, each once."""
    found: dict[str, Flow] = {}
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in found and name in flows:
            found[name] = flows[name]
            ahead += [node.flow for node in flows[name].nodes.values() if isinstance(node, FlowNode)]
    return list(found.values())


def _is_used(snapshot: Snapshot, calendar: str) -> bool:
    routes = (route for trunk in snapshot.settings.trunks.values() for route in trunk.routes.values())
    queues = snapshot.settings.queues.values()
    return any(route.calendar == calendar for route in routes) or any(one.calendar == calendar for one in queues)
