"""Whole journeys in each language on the shipped configuration: what phones hear is what was to be said.

Mandarin and English are written down by a recogniser; no small one knows Cantonese, so its prompts are found by their
own sound. There are three callers at once in each language: one is served and rates the service, one leaves a message
after a wrong key, one asks for a callback.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import CONFIG, AgentSeed, Daemon, DaemonSettings
from bench.misheard import NOTHING, Misheard, compare
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port, media_environment
from bench.prompt_voice import PromptVoice
from bench.transcriber import Transcriber, missing
from tests.wire.hotline import share_prompts
from tests.wire.spoken import Listener, Part, places_of
from tests.wire.watch import Operator

from acdcore.ivr.model.flow import Language, PromptKey, PromptName, RuntimeText
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import SystemPhrase, phrase_key
from acdcore.ivr.reading.announcements import speak_digits, speak_position
from acdcore.ivr.reading.phrases import clips_of
from acdcore.ivr.reading.values import spoken_value

pytestmark = pytest.mark.wire

HOTLINE = "95500"
AGENT, PASSWORD = "1001", "spoken-journeys"
SERVED, MESSENGER, RECALLED = "13900000009", "13900000019", "13900000029"
LANGUAGE_KEYS = {Language.MANDARIN: "1", Language.CANTONESE: "2", Language.ENGLISH: "3"}
MEDIA_PORTS = 60
PHONE_RATE = 8_000
PAUSE = bytes(2 * PHONE_RATE * 35 // 100)
"""Behind each part: a recogniser says the last words again and again where nothing follows them."""
AFTER_THE_FIRST_S = 6.0
"""The one who asks for a callback calls so much later, and so waits behind."""
IN_THE_MENU_S = 1.0
TALK_S = 1.5
CHANGES = {
    "announce_first_s = 20": "announce_first_s = 2",
    '# keys = { 1 = "callback" }': 'keys = { 1 = "callback" }',
    '# keys_prompt = "system.callback-offer"': 'keys_prompt = "system.callback-offer"',
    '# survey = "survey"': 'survey = "survey"',
    "# may_dial_out = true": "may_dial_out = true\nask_every_s = 0",
    '# caller_id = "02088880000"': 'caller_id = "02088880000"',
}
"""What the shipped settings have as a comment, and a first announcement that comes sooner."""
LIMITS = [(Language.MANDARIN, 0.25), (Language.ENGLISH, 0.1)]
"""Measured: 18 % and 1.4 %, with numbers in single words and one part of which the recogniser left out the most."""
TARGET = '# target = "sip:192.0.2.10:5060"'


@dataclass(slots=True)
class Journey:
    """Three callers, an agent and a customer who is called back, all in one language."""

    language: Language
    daemon: Daemon
    operator: Operator
    voice: PromptVoice
    far_end_port: int
    parts: list[Part] = field(default_factory=list)
    """All that was heard."""
    waiting: dict[str, asyncio.Event] = field(
        default_factory=lambda: {caller: asyncio.Event() for caller in (SERVED, RECALLED)}
    )
    """Callers who know their place."""
    is_answered: asyncio.Event = field(default_factory=asyncio.Event)
    """The agent has taken the call of the one who is served."""
    is_told: asyncio.Event = field(default_factory=asyncio.Event)
    """The served caller has heard the agent's number."""
    is_introduced: asyncio.Event = field(default_factory=asyncio.Event)
    """The customer who is called back knows why."""

    def keys(self, *names: str) -> tuple[PromptKey, ...]:
        """Prompts in the journey's language."""
        return tuple(PromptKey(PromptName(name), self.language) for name in names)

    async def dial(self, phone: Phone, caller: str) -> Listener:
        """Call the hotline, be greeted, and choose the language."""
        me = Listener(await phone.call(HOTLINE, caller), self.voice, self.parts)
        await me.find("greeting", [PromptKey(PromptName("hotline.greeting"), Language.MANDARIN)])
        for language in LANGUAGE_KEYS:
            await me.find("choose-language", [PromptKey(PromptName("hotline.choose-language"), language)])
        me.press(LANGUAGE_KEYS[self.language])
        await asyncio.sleep(IN_THE_MENU_S)
        return me

    async def be_served(self) -> None:
        """Wait, talk, and rate the service."""
        async with Phone(PhoneSettings(self.daemon.sip)) as phone:
            me = await self.dial(phone, SERVED)
            me.press("1")
            await me.find("connecting", self.keys("hotline.connecting", "system.please-hold"))
            offer = self.keys("system.callback-offer")
            await me.find("first in the queue", (speak_position(1, self.language), *offer))
            self.waiting[SERVED].set()
            await self.is_answered.wait()
            me.skip()
            await me.listen("agent's number", self.keys(AGENT))
            self.is_told.set()
            await me.listen("survey", self.keys("survey.please-rate", "survey.satisfaction"))
            me.press("1")
            await me.listen("thanks for rating", self.keys("survey.thanks", "system.goodbye"))

    async def leave_message(self) -> None:
        """Press a wrong key, hear the keys again, and leave a message."""
        async with Phone(PhoneSettings(self.daemon.sip)) as phone:
            me = await self.dial(phone, MESSENGER)
            me.press("8")
            await me.listen("wrong key", self.keys("hotline.invalid", "hotline.main"))
            me.press("6")
            await me.listen("message: subject", self.keys("voicemail.welcome", "voicemail.subject"))
            me.press("2")
            await me.listen("message: reply", self.keys("voicemail.reply"))
            me.press("1")
            before = self.keys("voicemail.your-number")
            own = (*before, self.number(MESSENGER), *self.keys("voicemail.own-or-other"))
            await me.listen("message: number", own)
            me.press("1")
            limits = self.keys("system.message-length-180", "system.message-end-any")
            await me.listen("message: speak", (*self.keys("voicemail.speak"), *limits))
            await self.say_message(me)
            await me.listen("message: send", self.keys("voicemail.send-or-again"))
            me.press("1")
            await me.listen("message: thanks", self.keys("voicemail.thanks", "system.goodbye"))

    def number(self, caller: str) -> PromptKey:
        """A caller's own number, read back."""
        return PromptKey(PromptName(caller), self.language)

    def message(self) -> tuple[PromptKey, ...]:
        """What the caller says: words of our own prompts, which the recogniser can write down."""
        return self.keys("system.agent-lost")

    async def say_message(self, me: Listener) -> None:
        """Speak, and end with a key."""
        pcm = self.voice.sound(self.message()[0])
        me.call.sound.say(pcm)
        await asyncio.sleep(len(pcm) / (2 * PHONE_RATE))
        me.call.sound.say(b"")
        me.press("#")

    async def ask_for_callback(self) -> None:
        """Wait behind the other, and be called back instead."""
        await asyncio.sleep(AFTER_THE_FIRST_S)
        async with Phone(PhoneSettings(self.daemon.sip)) as phone:
            me = await self.dial(phone, RECALLED)
            me.press("1")
            await me.find("connecting", self.keys("hotline.connecting", "system.please-hold"))
            offer = self.keys("system.callback-offer")
            await me.find("second in the queue", (speak_position(2, self.language), *offer))
            self.waiting[RECALLED].set()
            me.press("1")
            await me.find("callback: offer", self.keys("callback.offer-own"))  # music, then silence, are before it
            await me.listen("callback: number", (self.number(RECALLED), *self.keys("callback.own-or-wait")))
            me.press("1")
            await me.listen("callback: placed", self.keys("callback.placed", "system.goodbye"))

    async def be_called_back(self) -> None:
        """The customer's phone."""
        async with Phone(PhoneSettings(self.daemon.sip, port=self.far_end_port)) as phone:
            call = await phone.incoming(150)
            call.answer()
            me = Listener(call, self.voice, self.parts)
            await me.find("called back", self.keys("system.callback-introduction-service"))
            self.is_introduced.set()
            await call.until_ended(10)

    async def serve(self) -> None:
        """The agent takes the caller, then the callback and the message."""
        async with Phone(PhoneSettings(self.daemon.sip)) as phone:
            assert await phone.register(AGENT, PASSWORD) == 200
            await self.operator.order(AGENT, "log_in")  # where nobody is at work, nobody waits
            for event in self.waiting.values():
                await event.wait()
            await self.operator.order(AGENT, "ready")
            me = await self.pick_up(phone)
            self.is_answered.set()
            await me.find("whisper: call", self.whisper("call-for"))
            await self.is_told.wait()
            await asyncio.sleep(TALK_S)
            me.call.hang_up()
            for offer in (2, 3):
                me = await self.pick_up(phone)
                if (await self.offered(offer))["kind"] == "callback":
                    await me.find("whisper: callback", self.whisper("callback-for"))
                    await self.is_introduced.wait()
                    await asyncio.sleep(TALK_S)
                else:
                    await me.find("whisper: message", self.whisper("message-for"))
                    await me.find("the message", self.message())
                    await me.find("the message's keys", self.keys("system.message-keys"))
                    me.press("3")
                me.call.hang_up()

    async def pick_up(self, phone: Phone) -> Listener:
        """Answer the next call."""
        call = await phone.incoming(150)
        call.ring()
        call.answer()
        return Listener(call, self.voice, self.parts)

    def whisper(self, kind: str) -> tuple[PromptKey, ...]:
        """What the agent hears of a caller who speaks the agent's language."""
        unexpected = {Language.CANTONESE: ["system.whisper-cantonese"], Language.ENGLISH: ["system.whisper-english"]}
        return self.keys(f"system.{kind}-service", *unexpected.get(self.language, []), "system.beep")

    async def offered(self, number: int) -> Mapping[str, object]:
        """The work of an offer, from 1."""
        work = (await self.operator.nth("agent_offered", number))["work"]
        assert isinstance(work, dict)
        return work

    async def travel(self) -> None:
        """Everybody at once."""
        async with asyncio.TaskGroup() as group:
            for who in (self.be_served, self.leave_message, self.ask_for_callback, self.be_called_back, self.serve):
                group.create_task(who())


def shipped_settings(far_end_port: int) -> str:
    """The shipped settings with callbacks, a survey, and a trunk that calls go out on."""
    text = (CONFIG / "acdcore.toml").read_text()
    for before, after in {**CHANGES, TARGET: f'target = "sip:127.0.0.1:{far_end_port}"'}.items():
        assert before in text, f"the shipped settings have no {before}"
        text = text.replace(before, after, 1)
    return text


async def journey(directory: Path, voice: PromptVoice, language: Language) -> Journey:
    """All that phones heard in one language."""
    share_prompts(directory)
    far_end_port = free_port(socket.SOCK_DGRAM)
    settings = DaemonSettings(
        directory,
        environment=media_environment(MEDIA_PORTS),
        toml=shipped_settings(far_end_port),
        agents=[AgentSeed(AGENT, PASSWORD, language=language.value)],
    )
    async with Daemon(settings) as daemon, Operator(daemon) as operator:
        travelled = Journey(language, daemon, operator, voice, far_end_port)
        await travelled.travel()
        return travelled


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def journeys(open_directory: Path) -> Mapping[Language, Journey]:
    """One in each language, side by side."""
    shared = open_directory / "prompts"  # what is spoken here is spoken for the daemons as well
    voice = PromptVoice(shared)
    for language in LANGUAGE_KEYS:
        know_sentences(voice, language)
    await asyncio.to_thread(voice.make_ready)
    async with asyncio.TaskGroup() as group:
        tasks = {
            language: group.create_task(journey(open_directory / f"spoken-{language.value}", voice, language))
            for language in LANGUAGE_KEYS
        }
    return {language: task.result() for language, task in tasks.items()}


def know_sentences(voice: PromptVoice, language: Language) -> None:
    """What is spoken while calls are up; such a sentence has the agent's or the caller's number as its name."""
    voice.know(AGENT, voice.agent(AGENT, language))
    for caller in (MESSENGER, RECALLED):
        voice.know(caller, RuntimeText(spoken_value(caller, ReadAs.DIGITS, language), language))


def in_clips(key: PromptKey) -> tuple[PromptKey, ...]:
    """What is heard in place of a sentence that could not be spoken in time."""
    if key.name == AGENT:
        return clips_of(phrase_key(SystemPhrase.AGENT, AGENT, key.language))
    return speak_digits(key.name, key.language) if key.name.isdigit() else (key,)


def nearest(heard: str, voice: PromptVoice, said: tuple[PromptKey, ...]) -> tuple[Misheard, str]:
    """How far `heard` is from what was to be said, and what that is: on a busy machine a value's words in a row."""
    in_words = tuple(clip for key in said for clip in in_clips(key))
    texts = [voice.text(keys) for keys in (said, in_words)]
    return min(((compare(text, heard, said[0].language), text) for text in texts), key=lambda each: each[0].edits)


def at_most_all(misheard: Misheard) -> Misheard:
    """No more wrong than was said: a recogniser may repeat a word without end that it takes for the next one."""
    return Misheard(min(misheard.edits, misheard.units), misheard.units)


def told(parts: Iterable[Part], language: Language) -> list[Part]:
    """Those in one language."""
    return [part for part in parts if part.said[0].language is language]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "limit"), LIMITS)
async def test_phones_hear_what_was_to_be_said(
    journeys: Mapping[Language, Journey], language: Language, limit: float
) -> None:
    if absent := missing():
        pytest.skip(f"writing down what was heard needs the extra acdcore[speech]: {', '.join(absent)}")
    travelled = journeys[language]
    if not travelled.voice.is_natural(language):
        pytest.skip("espeak reads this language, whose words a recogniser does not find even in silence")
    ears = Transcriber()
    total, lines = NOTHING, []
    for part in told(travelled.parts, language):
        heard = ears.heard(part.pcm + PAUSE, PHONE_RATE, language)
        misheard, meant = nearest(heard, travelled.voice, part.said)
        total += at_most_all(misheard)
        lines.append(f"{part.step}: {misheard.edits} of {misheard.units}: {meant!r} heard as {heard!r}")
    print("\n".join(lines))
    assert total.share < limit, "\n".join(lines)


@pytest.mark.asyncio(loop_scope="module")
async def test_cantonese_phones_hear_each_prompt_in_its_place(journeys: Mapping[Language, Journey]) -> None:
    travelled = journeys[Language.CANTONESE]
    sound = travelled.voice.sound
    absent = [
        part.step
        for part in told(travelled.parts, Language.CANTONESE)
        if places_of([sound(key) for key in part.said], part.pcm) is None
        and places_of([sound(clip) for key in part.said for clip in in_clips(key)], part.pcm) is None
    ]
    assert absent == []
