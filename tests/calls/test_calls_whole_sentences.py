"""What is heard as a whole sentence, what is put together from words, and who waits for it: nobody."""

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from structlog.testing import capture_logs
from tests.calls.call_centre import SERVICE_LINE, VIP, Plan, opened
from tests.calls.silent_engine import SilentEngine
from tests.ivr.read_by import read_by

from acdcore.calls.media import prerendered
from acdcore.calls.media.prompts import PromptLibrary
from acdcore.calls.media.tts import RuntimeTts
from acdcore.calls.model.directory import AgentRecord, Customer, Tier
from acdcore.ivr.audio.wav import write_wav
from acdcore.ivr.model.flow import (
    Flow,
    FlowName,
    Language,
    Node,
    NodeName,
    PlayNode,
    PromptKey,
    PromptName,
    QueueNode,
    RuntimeText,
    ValueToRead,
    VariableName,
)
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import SystemPhrase, SystemPrompt, clip_names, phrase_key, system_key
from acdcore.ivr.reading.phrases import RuntimePhrases, clips_of
from acdcore.ivr.tts.engines import TtsEngines
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import CHOSEN, NATURAL, SpeechEngine, TtsRequest, VoiceChoice, VoiceSettings
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import INTERNAL_FAULT, Rhythm, repeat_in_background
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId, CustomerId, QueueName
from acdcore.media.engine import Engine
from acdcore.media.model import ClipId
from acdcore.work.model import WorkKind

CMN = Language.MANDARIN
SERVICE = QueueName("service")
TOLD = RuntimePhrases({CMN: "工号{number}，为您服务。"})
AGENT = RuntimeText("工号幺零零幺，为您服务。", CMN)
MEMBER = RuntimeText(
    "八八零，零零幺", CMN, tuple(PromptKey(PromptName(f"system.digit-{one}"), CMN) for one in "880001")
)
VIP_CUSTOMER = Customer(CustomerId(7), "Customer Seven", Tier.VIP, "cmn", (), None, (), "", "", 1)
SLOWER = VoiceSettings({**CHOSEN, CMN: VoiceChoice(SpeechEngine.KOKORO, NATURAL[CMN], 0.9)})
TIMEOUT_S = 5.0


@dataclass
class Talkative:
    """Reads anything at once."""

    is_installed: bool = True

    def is_there(self) -> bool:
        return self.is_installed

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        for reading in readings:
            reading.file.write_bytes(write_wav(bytes(320), 8_000))

    def close(self) -> None:
        pass

    def stop(self) -> None:
        pass


def library(*more: PromptKey, sayings: RuntimePhrases = TOLD, runtime_tts: RuntimeTts | None = None) -> PromptLibrary:
    """All single words in Mandarin, and some sentences."""
    words = [PromptKey(PromptName(f"system.{name}"), CMN) for name in clip_names()]
    keys = [*words, system_key(SystemPrompt.BEEP, CMN), PromptKey(PromptName(f"queue.{SERVICE}"), CMN), *more]
    return PromptLibrary(
        cast(Engine, SilentEngine(10)), dict.fromkeys(keys, bytes(320)), {}, bytes(2), runtime_tts, sayings
    )


def spoken_at_once(wanted: Sequence[RuntimeText]) -> list[bytes]:
    return [bytes(2) for _ in wanted]


async def over_and_over(
    kept: prerendered.PrerenderedSpeech, read: Callable[[Sequence[RuntimeText]], Sequence[bytes]]
) -> None:
    """As the daemon does."""
    while True:
        await kept.speak_some(read)


def clips(of: PromptLibrary, *keys: PromptKey) -> tuple[ClipId, ...]:
    return tuple(of.present.by_key[key] for key in keys)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a thread."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 a thread sets no asyncio event
            await asyncio.sleep(0.005)


# --- prompts ---------------------------------------------------------------------------------------------------

SENTENCES = [
    (lambda prompts: prompts.position(3, CMN), SystemPhrase.PLACE, "3"),
    (lambda prompts: prompts.wait(130.0, CMN), SystemPhrase.WAIT, "3"),
    (lambda prompts: prompts.callback_introduction(SERVICE, CMN), SystemPhrase.CALLBACK_INTRODUCTION, SERVICE),
    (lambda prompts: prompts.whisper(SERVICE, None, CMN)[:-1], SystemPhrase.CALL_FOR, SERVICE),
    (
        lambda prompts: prompts.work_whisper(WorkKind.CALLBACK, SERVICE, None, CMN)[:-1],
        SystemPhrase.CALLBACK_FOR,
        SERVICE,
    ),
    (
        lambda prompts: prompts.work_whisper(WorkKind.VOICEMAIL, SERVICE, None, CMN)[:-1],
        SystemPhrase.MESSAGE_FOR,
        SERVICE,
    ),
]


@pytest.mark.parametrize(("said", "phrase", "value"), SENTENCES)
async def test_sentence_is_one_prompt_where_there_is_one_and_its_words_elsewhere(
    said: Callable[[object], tuple[ClipId, ...]], phrase: SystemPhrase, value: str
) -> None:
    key = phrase_key(phrase, value, CMN)
    whole, spliced = library(key), library()
    assert said(whole.present) == clips(whole, key)
    assert said(spliced.present) == clips(spliced, *clips_of(key))
    assert len(said(spliced.present)) > 1


@pytest.mark.parametrize(
    ("customer", "speaks", "about"),
    [
        (None, None, []),
        (VIP_CUSTOMER, None, [SystemPrompt.WHISPER_VIP]),
        (None, Language.ENGLISH, [SystemPrompt.WHISPER_ENGLISH]),
        (VIP_CUSTOMER, Language.CANTONESE, [SystemPrompt.WHISPER_VIP_CANTONESE]),
    ],
)
async def test_agent_hears_the_queue_then_who_it_is_then_a_beep(
    customer: Customer | None, speaks: Language | None, about: list[SystemPrompt]
) -> None:
    key = phrase_key(SystemPhrase.CALL_FOR, SERVICE, CMN)
    told = library(key)
    rest = (system_key(prompt, CMN) for prompt in (*about, SystemPrompt.BEEP))
    assert told.present.whisper(SERVICE, customer, CMN, speaks) == clips(told, key, *rest)


# --- the agent's number ----------------------------------------------------------------------------------------


async def test_number_of_an_agent_is_a_sentence_from_when_it_is_ready_and_words_before() -> None:
    told = library()
    speaking = asyncio.create_task(over_and_over(told.prerendered, spoken_at_once))
    words = clips(told, *clips_of(phrase_key(SystemPhrase.AGENT, "1001", CMN)))
    assert told.present.agent_number(AgentId("1001"), CMN) == words
    told.prerendered.want(AGENT)
    await until(lambda: AGENT in told.prerendered.ready)
    assert told.present.agent_number(AgentId("1001"), CMN) == (told.prerendered.ready[AGENT],)
    assert len(told.present.agent_number(AgentId("1002"), CMN)) > 1, "another agent"
    speaking.cancel()


async def test_recorded_number_goes_before_one_that_an_engine_has_spoken() -> None:
    key = phrase_key(SystemPhrase.AGENT, "1001", CMN)
    told = library(key)
    told.prerendered.ready[AGENT] = ClipId(999)
    assert told.present.agent_number(AgentId("1001"), CMN) == clips(told, key)


async def test_house_that_has_recorded_the_words_hears_them_though_an_engine_would_speak() -> None:
    told = library(
        sayings=RuntimePhrases({}, frozenset({CMN})), runtime_tts=RuntimeTts(make=lambda _: read_by(Talkative()))
    )
    assert told.present.sayings.agent_words("1001", CMN) is None
    assert len(told.present.agent_number(AgentId("1001"), CMN)) == len("1001") + 2
    assert await told.spoken(MEMBER) == clips(told, *MEMBER.clips)
    assert len(await told.spoken(RuntimeText("Jade", CMN))) == 1, "what has no words is spoken all the same"
    told.close()


async def test_value_is_spoken_as_a_whole_where_an_engine_is_in_time() -> None:
    told = library(runtime_tts=RuntimeTts(make=lambda _: read_by(Talkative())))
    (whole,) = await told.spoken(MEMBER)
    assert whole not in told.present.all()
    told.close()


async def test_value_is_put_together_from_words_of_its_voice_where_only_another_could_speak_it() -> None:
    kokoro = Talkative(is_installed=False)
    voices = TtsEngines(CHOSEN, {SpeechEngine.KOKORO: kokoro, SpeechEngine.ESPEAK: Talkative()})
    told = library(runtime_tts=RuntimeTts(make=lambda _: voices))
    assert await told.spoken(MEMBER) == clips(told, *MEMBER.clips)
    assert len(await told.spoken(RuntimeText("Jade", CMN))) == 1, "what has no words is spoken all the same"
    told.prerendered.want(AGENT)
    assert told.prerendered.waiting() == ()
    kokoro.is_installed = True  # acdcore voice install, then a reload
    told.use_voices(VoiceSettings())
    told.prerendered.want(AGENT)
    assert told.prerendered.waiting() == (AGENT,)
    assert (await told.spoken(MEMBER))[0] not in told.present.all()
    told.close()


async def test_value_is_put_together_from_words_where_nothing_can_speak_it() -> None:
    told = library()
    assert await told.spoken(MEMBER) == clips(told, *MEMBER.clips)
    assert await told.spoken(RuntimeText("Jade", CMN)) == ()


async def test_urgent_sentence_is_spoken_before_those_that_wait_and_by_itself() -> None:
    told, spoken = library(), []
    gate = threading.Event()

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        gate.wait(TIMEOUT_S)
        spoken.append("".join(words.text for words in wanted))
        return spoken_at_once(wanted)

    speaking = asyncio.create_task(over_and_over(told.prerendered, read))
    for text in "一二三四五六七八九十百千":
        told.prerendered.want(RuntimeText(text, CMN))
    await until(lambda: len(told.prerendered.waiting()) == len("百千"))
    told.prerendered.want(RuntimeText("万", CMN), is_urgent=True)
    gate.set()
    await until(lambda: len(spoken) == 3)
    assert spoken == ["一二三四五六七八九十", "万", "百千"]
    speaking.cancel()


async def test_failing_engine_is_told_once_and_tried_again_when_wanted_again() -> None:
    told, failing = library(), True

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        if failing:
            raise Unavailable("no voice")
        return spoken_at_once(wanted)

    with capture_logs() as log:
        speaking = asyncio.create_task(over_and_over(told.prerendered, read))
        for text in ("一", "二", "三"):
            told.prerendered.want(RuntimeText(text, CMN), is_urgent=True)  # each by itself
        await until(lambda: not told.prerendered.waiting())
        await asyncio.sleep(0.02)
    assert [entry["event"] for entry in log] == ["not spoken ahead"]
    failing = False
    told.prerendered.want(RuntimeText("二", CMN))
    await until(lambda: [words.text for words in told.prerendered.ready] == ["二"])
    speaking.cancel()


async def test_machine_without_room_for_a_helper_is_a_failing_engine_too() -> None:
    told, failing = library(), True

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        if failing:
            raise OSError("Cannot allocate memory")
        return spoken_at_once(wanted)

    speaking = asyncio.create_task(over_and_over(told.prerendered, read))
    told.prerendered.want(AGENT)
    await until(lambda: not told.prerendered.waiting())
    await asyncio.sleep(0.02)
    failing = False
    told.prerendered.want(AGENT)
    await until(lambda: AGENT in told.prerendered.ready)
    speaking.cancel()


async def test_sentence_that_is_wanted_again_while_it_is_spoken_leaves_one_clip() -> None:
    engine, gate = SilentEngine(10), threading.Event()
    kept = prerendered.PrerenderedSpeech(cast(Engine, engine))

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        gate.wait(TIMEOUT_S)
        return spoken_at_once(wanted)

    speaking = asyncio.create_task(over_and_over(kept, read))
    kept.want(AGENT)
    await until(lambda: not kept.waiting())
    kept.want(AGENT, is_urgent=True)
    other = RuntimeText("工号幺零零二，为您服务。", CMN)
    kept.want(other)
    gate.set()
    await until(lambda: other in kept.ready)
    assert len(engine.clips) == len(kept.ready) == 2
    speaking.cancel()
    kept.close()
    assert engine.clips == {}


async def test_other_voice_says_numbers_anew_also_those_that_the_former_is_at() -> None:
    gate, spoken = threading.Event(), list[RuntimeText]()
    told = library(runtime_tts=RuntimeTts(make=lambda _: read_by(Talkative())))

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        spoken.extend(wanted)
        gate.wait(TIMEOUT_S)
        return spoken_at_once(wanted)

    gate.set()
    speaking = asyncio.create_task(over_and_over(told.prerendered, read))
    told.prerendered.want(AGENT)
    await until(lambda: AGENT in told.prerendered.ready)
    gate.clear()
    other = RuntimeText("工号幺零零二，为您服务。", CMN)
    told.prerendered.want(other)
    await until(lambda: other in spoken)
    told.use_voices(SLOWER)
    assert not told.prerendered.ready
    gate.set()
    for words in (AGENT, other):
        told.prerendered.want(words)
    await until(lambda: {AGENT, other} == set(told.prerendered.ready))
    assert spoken == [AGENT, other, AGENT, other]
    speaking.cancel()
    told.close()


async def test_reload_takes_no_clip_from_a_caller_whose_other_words_are_still_being_spoken() -> None:
    told = library(runtime_tts=RuntimeTts(make=lambda _: read_by(Talkative())))
    (former,) = await told.spoken(MEMBER)
    told.use_voices(SLOWER)
    assert former in cast(SilentEngine, told._engine).clips
    assert await told.spoken(MEMBER) != (former,), "the next caller hears the other voice"
    told.close()
    assert cast(SilentEngine, told._engine).clips == {}


async def test_no_more_sentences_are_kept_than_the_limit() -> None:
    engine = SilentEngine(10)
    kept = prerendered.PrerenderedSpeech(cast(Engine, engine))
    speaking = asyncio.create_task(over_and_over(kept, spoken_at_once))
    for number in range(prerendered.READY_MAX + 3):
        kept.want(RuntimeText(str(number), CMN), is_urgent=True)
    await until(lambda: not kept.waiting() and len(kept.ready) == prerendered.READY_MAX)
    assert len(engine.clips) == prerendered.READY_MAX
    speaking.cancel()
    kept.close()
    assert engine.clips == {}


async def test_all_agents_are_wanted_in_all_languages_of_the_flows() -> None:
    kept = prerendered.PrerenderedSpeech(cast(Engine, SilentEngine(10)))
    sayings = RuntimePhrases(dict.fromkeys(Language, "{number}"))
    agents = [AgentRecord(AgentId(number), "", "", "", {}, (), number == "1001") for number in ("1001", "1002")]
    flow = Flow(FlowName("f"), "f.toml", Language.ENGLISH, (CMN, Language.ENGLISH), NodeName("a"), {}, {})
    kept.want_agents(agents, [flow], sayings)
    assert [(words.text, words.language) for words in kept.waiting()] == [
        ("one zero zero one", Language.ENGLISH),
        ("幺零零幺", CMN),
    ]


async def test_fault_of_ours_is_an_alarm_and_the_next_sentence_is_spoken_all_the_same() -> None:
    told, alarms = library(), Alarms(LoopClock(asyncio.get_running_loop()))

    def read(wanted: Sequence[RuntimeText]) -> list[bytes]:
        if wanted == [AGENT]:
            raise ZeroDivisionError
        return spoken_at_once(wanted)

    async with repeat_in_background("agents' numbers", lambda: told.prerendered.speak_some(read), Rhythm(0.0), alarms):
        told.prerendered.want(AGENT)
        await until(lambda: alarms.is_raised(INTERNAL_FAULT, "agents' numbers"))
        told.prerendered.want(MEMBER)
        await until(lambda: MEMBER in told.prerendered.ready)
    told.close()


@pytest.mark.looptime
async def test_agent_who_is_rung_has_the_number_spoken_before_the_answer() -> None:
    async with opened() as centre:
        centre.context.library.present.sayings = TOLD
        centre.context.library.prerendered.want(RuntimeText("工号幺零零二，为您服务。", CMN))
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert centre.context.library.prerendered.waiting()[0] == AGENT, "before those who are not rung"
        centre.context.library.prerendered.ready[AGENT] = centre.engine.add_clip(bytes(16_000))
        agent.answer()
        await centre.pass_time(0.1)
        leg = centre.leg(centre.live(), "caller")
        assert centre.engine.hears(leg.stream) == (centre.context.library.prerendered.ready[AGENT],)
        caller.hang_up()


@pytest.mark.looptime
async def test_agent_whose_number_is_all_letters_is_connected_without_an_introduction() -> None:
    async with opened() as centre:
        centre.context.library.present.sayings = TOLD
        agent = await centre.seat("anna")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert centre.context.library.prerendered.waiting() == ()
        agent.answer()
        await centre.pass_time(30)
        assert centre.engine.streams[centre.leg(centre.live(), "caller").stream].partner is not None
        caller.hang_up()


@pytest.mark.looptime
async def test_voice_is_loaded_while_a_caller_hears_the_first_words_of_a_flow_that_reads_values() -> None:
    loaded: list[str] = []

    class Loading(RuntimeTts):
        def warm(self) -> None:
            loaded.append("once")

    read = PlayNode((ValueToRead(VariableName("caller"), ReadAs.DIGITS),), NodeName("service"))
    nodes: dict[NodeName, Node] = {NodeName("say"): read, NodeName("service"): QueueNode(SERVICE)}
    flow = Flow(FlowName("service"), "service.toml", CMN, (CMN,), NodeName("say"), nodes, {})
    for flows, wanted in (({}, []), ({"service": flow}, ["once"])):
        async with opened(Plan(flows=flows)) as centre:
            centre.context.library._runtime_tts = Loading(make=lambda _: read_by(Talkative()))
            caller = centre.caller(VIP)
            caller.call(SERVICE_LINE)
            await centre.pass_time(0.2)
            assert loaded == wanted
            caller.hang_up()


async def test_voice_that_cannot_be_loaded_is_not_tried_for_each_caller() -> None:
    broken = HelperProcesses(SpeechEngine.KOKORO, (), 1, command=(sys.executable, "-c", "raise SystemExit(1)"))
    runtime_tts = RuntimeTts(make=lambda _: TtsEngines(CHOSEN, {SpeechEngine.KOKORO: broken}))
    with capture_logs() as logs:
        runtime_tts.warm()
        await until(lambda: bool(logs))
        for _ in range(3):
            runtime_tts.warm()
        await asyncio.sleep(0.3)
    runtime_tts.close()
    assert [entry["event"] for entry in logs] == ["voice not loaded"]
