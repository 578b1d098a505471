"""Callers who answer by speech, in a whole call centre on virtual time: what is on the wire, and in the history."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.calls.call_centre import CLIP_S, SALES, SERVICE, VIP, CallCentre, Plan, flow, opened
from tests.calls.phone import Phone
from tests.calls.plain_recogniser import PlainRecogniser, noise, pause, speech, words
from tests.scenarios.ladders import ANSWERED, played

from acdcore.calls.core.call import SentTo
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.flow.actions import EnterQueue
from acdcore.ivr.model.flow import (
    EndReason,
    Flow,
    HangUpNode,
    Language,
    LanguageNode,
    ListenNode,
    MenuNode,
    Node,
    NodeName,
    PromptKey,
    PromptName,
    QueueNode,
    ReturnNode,
    Text,
    VariableName,
)
from acdcore.recognition.service import Understanding

pytestmark = pytest.mark.looptime

LINE = "95505"
"""Which department?"""
CMN, EN = Language.MANDARIN, Language.ENGLISH
ASK, KEYS, BYE = NodeName("ask"), NodeName("keys"), NodeName("bye")
SALES_NODE, SERVICE_NODE = NodeName("sales"), NodeName("service")
QUESTION = PromptName("ask.which")
PHRASES: Mapping[str, Mapping[Language, tuple[str, ...]]] = {
    "sales": {CMN: ("销售",), EN: ("sales",)},
    "service": {CMN: ("售后",), EN: ("service",)},
}
LISTEN = ListenNode(
    prompts=(QUESTION,),
    phrases=PHRASES,
    cases={"sales": SALES_NODE, "service": SERVICE_NODE},
    keys={"1": SALES_NODE, "2": SERVICE_NODE},
    timeout_s=5.0,
    longest_s=4.0,
    retries=1,
    on_timeout=BYE,
    on_no_match=BYE,
    unavailable=KEYS,
    variable=VariableName("department"),
    confirm={"sales": PromptName("ask.sure"), "service": PromptName("ask.sure")},
)
MENU = MenuNode((PromptName("ask.menu"),), {"1": SALES_NODE, "2": SERVICE_NODE}, 5.0, 0, BYE, BYE)


def asking(**nodes: Node) -> Flow:
    """A flow that asks, with a menu for those who are not listened to; it begins at `first`, if there is one."""
    made: dict[NodeName, Node] = {
        ASK: LISTEN,
        KEYS: MENU,
        SALES_NODE: QueueNode(SALES),
        SERVICE_NODE: QueueNode(SERVICE),
        BYE: HangUpNode((), EndReason.NO_INPUT),
        **{NodeName(name): node for name, node in nodes.items()},
    }
    prompts = [PromptName(f"ask.{name}") for name in ("which", "sure", "menu")]
    texts = {PromptKey(prompt, language): Text(prompt) for prompt in prompts for language in Language}
    return replace(flow("ask", NodeName("first" if "first" in nodes else "ask"), made), prompts=texts)


def plan(understanding: Understanding | None, **nodes: Node) -> Plan:
    return Plan(
        flows={"ask": asking(**nodes)}, routes=(InboundRoute("carrier", LINE, "ask"),), understanding=understanding
    )


async def asked(centre: CallCentre, number: str = VIP) -> Phone:
    """A caller who has just begun to hear the question."""
    caller = centre.caller(number)
    caller.call(LINE)
    await centre.pass_time(0.1)
    return caller


def entered(centre: CallCentre, number: int = 0) -> list[str]:
    """The nodes that the call went through, and what was heard, without times."""
    lines = [line.split(maxsplit=1)[1] for line in centre.call_history(number)]
    kinds = ("flow_entered ask.", "speech_heard", "not_listened")
    return [line.removeprefix("flow_entered ask.") for line in lines if line.startswith(kinds)]


def says(text: str) -> bytes:
    return words(text) + pause()


# --- what is heard ---


def test_department_that_is_said_into_the_question_stops_it_and_leads_to_its_queue() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), await asked(centre)
        centre.say(says("销售"))
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(10)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, plan(speech(PlainRecogniser(takes_s=0.7))))
    assert one.ladder[:7] == [
        *ANSWERED,
        "  0.800 acd > 1001: INVITE sdp",
        "  0.801 1001 > acd: 100 Trying (INVITE)",
        "  0.801 1001 > acd: 180 Ringing (INVITE)",
    ]
    assert one.histories[0][:6] == [
        "  0.0 arrived 95505",
        "  0.0 answered ask",
        "  0.0 flow_entered ask.ask",
        "  0.8 speech_heard sales 0.9 销售 service 0.20 1.0 0.7",
        "  0.8 flow_entered ask.sales",
        "  0.8 queued sales",
    ]


async def test_question_goes_on_over_noise_and_stops_at_speech() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        leg = centre.live().the_caller()
        centre.say(noise(0.3))
        assert centre.engine.streams[leg.stream].playback is not None
        centre.say(words("售后"))
        await centre.pass_time(0.01)
        assert centre.engine.streams[leg.stream].playback is None
        assert entered(centre) == ["ask"]  # nothing is made out before the caller has ended
        centre.say(pause())
        await centre.pass_time(0.01)
        caller.hang_up()
        await centre.pass_time(1)
        assert [line.split()[0] for line in entered(centre)] == ["ask", "speech_heard", "service"]


async def test_answer_and_what_was_understood_are_in_the_flow_and_in_the_story() -> None:
    async with opened(plan(speech(), service=HangUpNode())) as centre:
        await asked(centre)
        centre.say(says("售后"))
        await centre.pass_time(1)
        assert entered(centre) == ["ask", "speech_heard service 0.9 售后 sales 0.20 1.0 0.0", "service"]


async def test_language_of_an_earlier_node_is_the_one_that_is_listened_for() -> None:
    recogniser = PlainRecogniser()
    first = LanguageNode((QUESTION,), {"3": EN}, 5.0, 0, ASK)
    async with opened(plan(speech(recogniser), first=first)) as centre:
        caller = await asked(centre)
        centre.press("3")
        await centre.pass_time(0.1)
        centre.say(says("sales"))
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        assert recogniser.asked == [("en", "sales")]
        assert entered(centre)[-1] == "sales"


async def test_unclear_answer_is_asked_about_and_a_spoken_yes_takes_it() -> None:
    recogniser = PlainRecogniser()
    async with opened(plan(speech(recogniser))) as centre:
        caller = await asked(centre)
        centre.say(says("小手"))
        await centre.pass_time(1)
        assert centre.live().view.queue is None
        centre.say(says("是的"))
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)
        assert recogniser.asked == [("cmn", "小手"), ("cmn", "是的")]


async def test_words_that_fit_nothing_are_asked_for_again_and_then_given_up() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        for _ in range(2):
            centre.say(says("今天天气"))
            await centre.pass_time(1)
        assert not caller.is_up
        assert entered(centre) == ["ask", "speech_heard 1.0 0.0", "speech_heard 1.0 0.0", "bye"]


async def test_caller_who_says_nothing_is_asked_again_and_then_given_up() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        centre.say(pause(20))
        await centre.pass_time(2 * (CLIP_S + 5.0) + 0.5)
        assert not caller.is_up
        assert entered(centre) == ["ask", "bye"]


async def test_caller_who_never_stops_talking_is_cut_off_and_understood() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        centre.say(words("售后", 30.0))
        await centre.pass_time(1)
        assert centre.live().view.queue == SERVICE
        assert "4.0" in entered(centre)[1]
        caller.hang_up()
        await centre.pass_time(1)


async def test_noise_that_never_ends_is_silence() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        for _ in range(15):
            if caller.is_up:
                centre.say(noise(1.0))
            await centre.pass_time(1)
        assert not caller.is_up
        assert entered(centre) == ["ask", "bye"]


# --- keys ---


async def test_key_in_the_middle_of_speech_counts_and_the_words_do_not() -> None:
    recogniser = PlainRecogniser()
    async with opened(plan(speech(recogniser))) as centre:
        caller = await asked(centre)
        centre.say(words("销售"))
        centre.press("2")
        await centre.pass_time(0.1)
        assert centre.live().view.queue == SERVICE
        assert centre.ledger().keys().isdisjoint({"ears", "callers who are listened to"})
        caller.hang_up()
        await centre.pass_time(1)
        assert recogniser.asked == []


async def test_key_while_the_words_are_made_out_counts_and_gives_that_up() -> None:
    recogniser = PlainRecogniser(takes_s=1.5)
    async with opened(plan(speech(recogniser))) as centre:
        caller = await asked(centre)
        centre.say(says("销售"))
        await centre.pass_time(0.5)
        assert recogniser.running == 1
        assert centre.engine.ears == {}, "nobody listens while the words are made out"
        centre.press("2")
        await centre.pass_time(0.1)
        assert recogniser.running == 0
        assert centre.live().view.queue == SERVICE
        caller.hang_up()
        await centre.pass_time(1)
        assert entered(centre) == ["ask", "service"]


# --- who is not listened to ---


async def test_without_a_recogniser_the_other_way_is_taken_at_once_and_unspoken() -> None:
    async with opened(plan(None)) as centre:
        caller = await asked(centre)
        assert entered(centre) == ["ask", "not_listened no_recogniser", "keys"]
        assert centre.context.listening.results == {"no_recogniser": 1}
        centre.press("1")
        await centre.pass_time(0.1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)


async def test_caller_beyond_those_who_may_be_listened_to_takes_the_other_way_until_one_is_done() -> None:
    async with opened(replace(plan(speech()), listeners_max=1)) as centre:
        first = await asked(centre)
        second = await asked(centre, "13900000009")
        await centre.pass_time(0.1)
        assert entered(centre, 1) == ["ask", "not_listened too_many", "keys"]
        assert centre.context.listening.results == {"too_many": 1}
        first.hang_up()
        await centre.pass_time(0.1)
        third = await asked(centre, "13900000010")
        await centre.pass_time(0.1)
        assert entered(centre, 2) == ["ask"]
        second.hang_up()
        third.hang_up()
        await centre.pass_time(1)


@pytest.mark.parametrize(
    ("recogniser", "detail"),
    [
        (PlainRecogniser(is_broken=True), "the recogniser has no model"),
        (PlainRecogniser(takes_s=5.0), "no answer within 2 s"),
    ],
)
async def test_recogniser_that_fails_or_is_too_slow_leads_to_the_other_way(
    recogniser: PlainRecogniser, detail: str
) -> None:
    async with opened(plan(speech(recogniser, within_s=2.0))) as centre:
        caller = await asked(centre)
        centre.say(says("销售"))
        await centre.pass_time(2.5)
        assert entered(centre) == ["ask", f"not_listened failed {detail}", "keys"]
        caller.hang_up()
        await centre.pass_time(1)


# --- who is gone, or sent elsewhere ---


async def test_caller_who_hangs_up_while_listened_to_or_made_out_leaves_nothing_behind() -> None:
    recogniser = PlainRecogniser(takes_s=1.0)
    async with opened(plan(speech(recogniser))) as centre:
        for said in (b"", words("销售"), says("销售")):
            caller = await asked(centre)
            centre.say(said)
            await centre.pass_time(0.1)
            caller.hang_up()
            await centre.pass_time(0.1)
            assert centre.ledger() == {}
            assert recogniser.running == 0


async def test_caller_who_is_sent_elsewhere_is_listened_to_no_more() -> None:
    recogniser = PlainRecogniser(takes_s=1.0)
    async with opened(plan(speech(recogniser))) as centre:
        caller = await asked(centre)
        centre.say(says("销售"))
        await centre.pass_time(0.1)
        centre.live().mailbox.post(SentTo(EnterQueue(SERVICE, 0.0), "board"))
        await centre.pass_time(0.1)
        assert recogniser.running == 0
        assert centre.engine.ears == {}
        assert centre.live().view.queue == SERVICE
        caller.hang_up()
        await centre.pass_time(1)


async def test_call_goes_on_with_its_question_when_the_flow_is_read_anew_meanwhile() -> None:
    async with opened(plan(speech())) as centre:
        caller = await asked(centre)
        centre.context.rules = replace(
            centre.context.rules, flows={**centre.context.rules.flows, "ask": asking(ask=MENU)}
        )
        centre.say(says("售后"))
        await centre.pass_time(1)
        assert centre.live().view.queue == SERVICE
        caller.hang_up()
        await centre.pass_time(1)


async def test_waiting_caller_may_be_asked_in_a_flow_of_a_queues_key_and_keeps_the_place() -> None:
    nodes = {"sales": ReturnNode(SERVICE)}
    around = {SERVICE: QueueRules(keys={"5": "ask"})}
    routes = (InboundRoute("carrier", LINE, "service"),)
    async with opened(replace(plan(speech(), **nodes), around=around, routes=routes)) as centre:
        caller = await asked(centre)
        centre.press("5")
        await centre.pass_time(0.1)
        centre.say(says("销售"))
        await centre.pass_time(1)
        agent = await centre.seat("1001")
        await centre.pass_time(0.1)
        assert agent.rings
        assert [line.split()[1] for line in centre.call_history()][3:9] == [
            "queued",
            "stepped_aside",
            "flow_entered",
            "speech_heard",
            "flow_entered",
            "stepped_back",
        ]
        caller.hang_up()
        await centre.pass_time(1)


async def test_caller_whom_the_agent_has_left_answers_the_survey_by_speech() -> None:
    survey = replace(LISTEN, question="department", variable=None, cases={"sales": BYE, "service": BYE}, keys={})
    around = {SERVICE: QueueRules(survey="ask")}
    async with opened(replace(plan(speech(), ask=survey), around=around)) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hang_up()
        await centre.pass_time(0.5)
        centre.say(says("售后"))
        await centre.pass_time(1)
        assert not caller.is_up
        assert any("question_answered ask department choice service" in line for line in centre.call_history())


async def test_caller_may_be_listened_to_while_recorded_and_is_recorded_all_the_same() -> None:
    async with opened(replace(plan(speech()), is_recorded=True)) as centre:
        caller = await asked(centre)
        tap = centre.engine.tap(centre.live().the_caller().stream)
        centre.say(says("售后"))
        await centre.pass_time(1)
        assert centre.live().view.queue == SERVICE
        centre.engine.on_untapped = lambda _: None
        centre.engine.untap(tap)
        caller.hang_up()
        await centre.pass_time(1)
