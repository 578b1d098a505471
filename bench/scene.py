"""The demo's scene: callers and agents, what each does, and what they must see and hear. Read the stories first.

Nothing here waits a fixed time for the switch: a story goes on when the event stream says that it can.
"""

import asyncio
import math
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from operator import mul

import aiohttp

from acdcore.calls.model.rows import EndedBy
from acdcore.calls.record.event_stream import ScreenPop, StreamEventKind
from acdcore.ivr.model.flow import Language, PromptKey, PromptName
from acdcore.ivr.model.system_prompts import SystemPhrase, SystemPrompt, phrase_key, system_key
from acdcore.ivr.reading.announcements import speak_position
from acdcore.ivr.reading.phrases import clips_of
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome
from acdcore.media.g711 import decode, encode
from acdcore.media.model import EngineCodec
from acdcore.sip.events import EndCause, SipFlow
from acdcore.sip.ladder import LadderMessage, MessageDirection, Observer, ladder_message
from bench.board import Listener
from bench.phone import Phone, PhoneCall, PhoneSettings
from bench.sound import SILENCE, samples_of, tone

HOTLINE = "95500"
MENU_HEARD_S = 0.8
"""How long a caller listens before a key is pressed, so that it is answered to a menu that plays."""
RING_FOR_S = 0.8
"""How long agents let it ring."""
TALK_S = 3.0
"""How long people talk at least."""
HOLD_S = 2.0
"""How long the agent holds."""
PATIENCE_S = 6.0
"""Seconds after which the impatient caller hangs up: more than the limit for a short abandon."""
HEARD_WITHIN_S = 20.0
"""Longest wait for a sound; a prompt takes some four seconds, whisper and agent number as much."""
WORDS_SHARE_MIN = 0.9
"""Share of a prompt's pieces that must arrive as they were sent; what a key press cuts off is not asked for."""
LIKENESS_BYTES = 4_800
"""0.3 s of a prompt: enough to know it by."""
LIKENESS_MIN = 0.8
"""Speech over music that is 14 dB lower is as like itself as 0.9 and more, and as anything else as 0.5 at most."""
LOUD = 200
"""A piece with a sample beyond this (of 32,768) is not silence."""
CHECKED_EVERY_S = 0.25
"""How often what was heard is searched for words."""
BREATH_S = 0.02
"""Between two seconds of what was heard that are searched: live audio comes first."""
SEARCHED_BYTES = 16000
"""A second of PCM."""
PIECES_MAX = 40
"""Pieces of a sound that are looked for, spread over all of it: enough to tell, cheap beside live audio."""
SKIP = "#"
"""Any key stops the words that tell the caller to hold."""
DTMF_GAP_S = 0.3
"""Between two keys."""


class Expectation(StrEnum):
    """What must happen, each found out by what phones, event stream, records and files say."""

    ON_DUTY = "agents' phones register; 1001 logs in by dialling *11 and hears so, 1002 by HTTP"
    GREETING = "the first caller hears the greeting to its end and is led by keys to an agent"
    MISTYPED = "the caller who presses 7 is told that it is wrong, presses 1, and reaches an agent"
    TALKS = "in each of the four talks both ends hear the other's tone"
    AGENT_NUMBER = "before the talk the caller hears the agent's number"
    HELD = "on hold the caller hears music instead of the agent, and afterwards the agent again"
    WAITING = "who waits hears that all agents are busy, music, and the place in the queue"
    OVERTAKEN = "the VIP joins the queue after the ordinary caller and is connected before"
    SCREEN_POP = "the agent's screen shows the VIP's name before the answer, and the whisper says VIP"
    GAVE_UP = "the impatient caller hangs up while waiting and no phone rings for that call afterwards"
    OVERFLOWED = "after the longest wait the sales caller hears the announcement to its end, then is hung up"
    RECORDS = "every call is on record with the right outcome, queue, agent and side that hung up"
    LEVELS = "the queues' counts add up to what happened"
    RECORDINGS = "each talk is a WAV file: the caller's tone left, the agent's right, from the answer to the end"
    LADDER = "both legs of the VIP's call: INVITE, 200, ACK, BYE"
    NOTHING_LEFT = "after the last call no call and no audio stream is left"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls the hotline."""

    name: str
    """On the board and in the report."""
    number: str
    """The number that the trunk shows."""
    tone_hz: int
    """What the caller says."""
    outcome: Outcome
    """How the call must end."""
    queue: str = "service"
    """Where the keys lead."""
    ended_by: EndedBy = EndedBy.CALLER
    """Who must have hung up."""


FIRST = Caller("first", "13900000001", 520, Outcome.ANSWERED, ended_by=EndedBy.AGENT)
MISTYPER = Caller("mistyper", "13900000002", 600, Outcome.ANSWERED)
ORDINARY = Caller("ordinary", "13900000003", 680, Outcome.ANSWERED)
VIP = Caller("VIP", "13800000001", 760, Outcome.ANSWERED)  # known by this number in config/customers.toml
IMPATIENT = Caller("impatient", "13900000005", 840, Outcome.ABANDONED_QUEUE)
OVERFLOWING = Caller("overflowing", "13900000006", 920, Outcome.OVERFLOWED, "sales", EndedBy.SYSTEM)
CALLERS = (FIRST, MISTYPER, ORDINARY, VIP, IMPATIENT, OVERFLOWING)
TALKERS = tuple(caller for caller in CALLERS if caller.outcome is Outcome.ANSWERED)
AGENT_TONES_HZ = {"1001": 1100, "1002": 1300}
"""The agents at work, and what each says."""
ON_BREAK = "1003"
"""Logged in for sales, but at lunch: sales callers wait until the rule moves them on."""


@dataclass(frozen=True, slots=True)
class AgentTalk:
    """An agent's end of a talk."""

    agent: str
    call: PhoneCall


@dataclass(slots=True)
class Scene:
    """The state of the scene: phones, what was heard so far, and the verdicts so far."""

    server: Address
    """Where the switch takes calls."""
    client: aiohttp.ClientSession
    """The control plane."""
    listener: Listener
    """What happens, by the event stream."""
    sounds: Mapping[PromptKey, bytes]
    """Every prompt as PCM, to recognise it by."""
    music: bytes
    """The music on hold."""
    phones: AsyncExitStack
    """Holds the phones open."""
    verdicts: dict[Expectation, str] = field(default_factory=dict)
    """Empty for what was found true, else what was seen instead."""
    agent_talks: dict[str, asyncio.Future[AgentTalk]] = field(default_factory=dict)
    """The agents' ends of talks, by the caller's number."""
    messages: dict[str, list[LadderMessage]] = field(default_factory=dict)
    """SIP seen at each phone, by the caller's name or the agent's number."""
    addresses: dict[str, Address] = field(default_factory=dict)
    """Where these phones are."""
    is_waiting_heard: asyncio.Event = field(default_factory=asyncio.Event)
    """The ordinary caller has heard what is heard by who waits, or has given up listening for it."""

    def judge(self, expectation: Expectation, *faults: str) -> None:
        """Note what was found; an expectation that is judged several times must hold every time."""
        found = "; ".join(filter(None, faults))
        self.verdicts[expectation] = "; ".join(filter(None, [self.verdicts.get(expectation, ""), found]))

    async def phone(self, name: str) -> Phone:
        """A new phone whose SIP is kept."""
        kept = self.messages.setdefault(name, [])
        phone = await self.phones.enter_async_context(Phone(PhoneSettings(self.server), observer=keeper(kept)))
        self.addresses[name] = phone.address
        return phone

    async def order(self, agent: str, command: str, reason: str | None = None) -> int:
        """Change an agent's state by HTTP; the status."""
        body = {"command": command} | ({"reason": reason} if reason else {})
        async with self.client.post(f"/v1/agents/{agent}/state", json=body) as answer:
            return answer.status

    def agent_talk(self, caller: str) -> asyncio.Future[AgentTalk]:
        """The agent's end of the talk with `caller`, now or later."""
        return self.agent_talks.setdefault(caller, asyncio.get_running_loop().create_future())

    def spoken(self, name: str) -> bytes:
        """A prompt in Mandarin, which everybody here speaks."""
        return self.sounds[PromptKey(PromptName(name), Language.MANDARIN)]

    def system(self, prompt: SystemPrompt) -> bytes:
        """One of acdcore's own prompts."""
        return self.sounds[system_key(prompt, Language.MANDARIN)]


def keeper(kept: list[LadderMessage]) -> Observer:
    """An observer that keeps what it sees."""

    def observe(direction: MessageDirection, flow: SipFlow, data: bytes, at: float) -> None:
        kept.append(ladder_message(direction, flow, data, at))

    return observe


# --- the agents ---


async def start_work(scene: Scene, passwords: Mapping[str, str]) -> list[Coroutine[None, None, None]]:
    """Register the phones and log the agents in; what the agents do from now on."""
    phones = {agent: await scene.phone(agent) for agent in AGENT_TONES_HZ}
    statuses = [await phone.register(agent, passwords[agent]) for agent, phone in phones.items()]
    confirmation = await phones["1001"].call("*11", as_user="1001")
    told = await hears_words(confirmation, scene.system(SystemPrompt.LOGGED_IN))
    await confirmation.until_ended(HEARD_WITHIN_S)
    lunch = await scene.phone(ON_BREAK)
    statuses.append(await lunch.register(ON_BREAK, passwords[ON_BREAK]))
    statuses += [await scene.order("1002", "log_in"), await scene.order("1002", "ready")]
    statuses += [await scene.order(ON_BREAK, "log_in"), await scene.order(ON_BREAK, "not_ready", "lunch")]
    refused = [str(status) for status in statuses if status != 200]
    scene.judge(Expectation.ON_DUTY, told, f"refused with {', '.join(refused)}" if refused else "")
    return [answer_calls(scene, agent, phone) for agent, phone in phones.items()]


async def answer_calls(scene: Scene, agent: str, phone: Phone) -> None:
    """Answer whatever rings, after a moment, and talk."""
    while True:
        call = await phone.incoming(within_s=600)
        call.ring()
        await asyncio.sleep(RING_FOR_S)
        if call.caller == VIP.number:
            check_screen_pop(scene, agent)
        call.answer()
        call.sound.say(tone(AGENT_TONES_HZ[agent]))
        waiting = scene.agent_talk(call.caller)
        if not waiting.done():
            waiting.set_result(AgentTalk(agent, call))


def check_screen_pop(scene: Scene, agent: str) -> None:
    """The phone has rung, nobody has answered: the screen must show the VIP already."""
    event = scene.listener.find(StreamEventKind.AGENT_OFFERED, VIP.number)
    if event is None or not isinstance(event.data, ScreenPop):
        scene.judge(Expectation.SCREEN_POP, "the phone rang without a screen pop")
        return
    pop = event.data
    name, tier = (pop.customer.name, pop.customer.tier.value) if pop.customer else ("", "")
    scene.judge(
        Expectation.SCREEN_POP,
        "" if pop.agent == agent else f"the screen of {pop.agent} showed it, the phone of {agent} rang",
        "" if name and tier == "vip" else f"the screen shows customer {name!r}, tier {tier!r}",
    )


# --- the callers' stories ---


async def first_story(scene: Scene) -> None:
    """Listens to everything, gets an agent at once, is held, and is hung up by the agent when others wait."""
    call = await dial(scene, FIRST)
    scene.judge(Expectation.GREETING, await hears_words(call, scene.spoken("hotline.greeting")))
    await press(call, "1")
    await press(call, "1")
    agent_talk = await talk(scene, FIRST, call)
    await hold(scene, call, agent_talk)
    await asyncio.gather(*(scene.listener.until(StreamEventKind.CALL_QUEUED, who.number) for who in (ORDINARY, VIP)))
    agent_talk.call.hang_up()
    await call.until_ended(HEARD_WITHIN_S)


async def hold(scene: Scene, call: PhoneCall, agent_talk: AgentTalk) -> None:
    """The agent holds and comes back."""
    status = await agent_talk.call.hold()
    await asyncio.sleep(HOLD_S)
    heard = bytes(call.sound.heard[-int(HOLD_S / 2 * 16000) :])
    share = await share_found(heard, as_sent(scene.music))
    resumed = await agent_talk.call.resume()
    is_back = await call.sound.hear(AGENT_TONES_HZ[agent_talk.agent], HEARD_WITHIN_S)
    scene.judge(
        Expectation.HELD,
        "" if status == resumed == 200 else f"hold was answered with {status}, resume with {resumed}",
        "" if share >= WORDS_SHARE_MIN else f"only {share:.0%} of what the caller heard on hold was the music",
        "" if is_back else "the agent was not heard again",
    )


async def mistyped_story(scene: Scene) -> None:
    """Presses a key that leads nowhere, then the right one, and talks until others are served, or have waited."""
    await scene.listener.until(StreamEventKind.CALL_ANSWERED, FIRST.number)
    call = await dial(scene, MISTYPER)
    await press(call, "1")
    await press(call, "7")
    told = await hears_words(call, scene.spoken("hotline.invalid"))
    await press(call, "1")
    await talk(scene, MISTYPER, call)
    scene.judge(Expectation.MISTYPED, told)
    await scene.listener.until(StreamEventKind.CALL_CONNECTED, VIP.number)
    await scene.is_waiting_heard.wait()
    call.hang_up()


async def ordinary_story(scene: Scene) -> None:
    """Comes when all agents talk, and before the VIP."""
    await asyncio.gather(
        *(scene.listener.until(StreamEventKind.CALL_CONNECTED, who.number) for who in (FIRST, MISTYPER))
    )
    call = await dial(scene, ORDINARY)
    await press(call, "1")
    await press(call, "1")
    await press(call, SKIP)
    await scene.listener.until(StreamEventKind.CALL_QUEUED, ORDINARY.number)
    busy = await hears_words(call, scene.system(SystemPrompt.PLEASE_HOLD))
    places = [scene.sounds[speak_position(place, Language.MANDARIN)] for place in PLACES]
    told = await one_of(*(hears_over_music(call, place) for place in places))
    scene.is_waiting_heard.set()
    heard = bytes(call.sound.heard)
    played = await share_found(as_sent(scene.music)[: 2 * 8000], heard)
    music = "" if played >= WORDS_SHARE_MIN else f"only {played:.0%} of the music's beginning was heard"
    scene.judge(Expectation.WAITING, busy, told, music)
    await talk(scene, ORDINARY, call)
    call.hang_up()


async def vip_story(scene: Scene) -> None:
    """Comes last and is served first."""
    await scene.listener.until(StreamEventKind.CALL_QUEUED, ORDINARY.number)
    call = await dial(scene, VIP)
    await press(call, "1")
    await press(call, SKIP)
    agent_talk = await talk(scene, VIP, call)
    scene.judge(Expectation.SCREEN_POP, await hears_words(agent_talk.call, scene.system(SystemPrompt.WHISPER_VIP)))
    call.hang_up()


async def impatient_story(scene: Scene) -> None:
    """Waits a little and hangs up."""
    await asyncio.gather(
        *(scene.listener.until(StreamEventKind.CALL_CONNECTED, who.number) for who in (FIRST, MISTYPER))
    )
    call = await dial(scene, IMPATIENT)
    await press(call, "1")
    await press(call, "1")
    await press(call, SKIP)
    await scene.listener.until(StreamEventKind.CALL_QUEUED, IMPATIENT.number)
    await asyncio.sleep(PATIENCE_S)
    call.hang_up()


async def overflowing_story(scene: Scene) -> None:
    """Wants sales, where everybody is at lunch."""
    await scene.listener.until(StreamEventKind.CALL_CONNECTED, FIRST.number)
    call = await dial(scene, OVERFLOWING)
    await press(call, "1")
    await press(call, "4")
    told = await hears_words(call, scene.system(SystemPrompt.QUEUE_OVERFLOW))
    cause = await call.until_ended(HEARD_WITHIN_S)
    scene.judge(Expectation.OVERFLOWED, told, "" if cause == EndCause.BYE else f"the call ended by {cause}")


PLACES = (1, 2, 3)
"""Places in the queue that may be announced: the first, or a later one while other callers or VIPs are before it."""
STORIES = {
    FIRST: first_story,
    MISTYPER: mistyped_story,
    ORDINARY: ordinary_story,
    VIP: vip_story,
    IMPATIENT: impatient_story,
    OVERFLOWING: overflowing_story,
}
"""Who does what."""


# --- what callers do and hear ---


async def dial(scene: Scene, caller: Caller) -> PhoneCall:
    """Call the hotline from a phone of one's own; raises Dialled."""
    phone = await scene.phone(caller.name)
    call = await phone.call(HOTLINE, caller=caller.number)
    call.sound.say(tone(caller.tone_hz))
    await asyncio.sleep(MENU_HEARD_S)
    return call


async def press(call: PhoneCall, key: str) -> None:
    """Press a key, and give the menu a moment."""
    call.sound.press(key)
    await asyncio.sleep(DTMF_GAP_S + MENU_HEARD_S)


async def talk(scene: Scene, caller: Caller, call: PhoneCall) -> AgentTalk:
    """Wait for an agent, then both listen for each other."""
    agent_talk = await scene.agent_talk(caller.number)
    whole = phrase_key(SystemPhrase.AGENT, agent_talk.agent, Language.MANDARIN)
    ways = ([whole], clips_of(whole))
    numbered = await one_of(*(hears(call, scene, [scene.sounds[key] for key in way]) for way in ways))
    scene.judge(Expectation.AGENT_NUMBER, numbered)
    agent_heard, caller_heard = await asyncio.gather(
        call.sound.hear(AGENT_TONES_HZ[agent_talk.agent], HEARD_WITHIN_S),
        agent_talk.call.sound.hear(caller.tone_hz, HEARD_WITHIN_S),
    )
    scene.judge(
        Expectation.TALKS,
        "" if agent_heard else f"{caller.name} did not hear agent {agent_talk.agent}",
        "" if caller_heard else f"agent {agent_talk.agent} did not hear {caller.name}",
    )
    await asyncio.sleep(TALK_S)
    return agent_talk


async def one_of(*ways: Coroutine[None, None, str]) -> str:
    """Wait until something was heard in one of some ways; what was missing in the last of them, else an empty text."""
    waits = [asyncio.create_task(way) for way in ways]
    fault = ""
    try:
        for wait in asyncio.as_completed(waits):
            fault = await wait
            if not fault:
                break
    finally:
        for other in waits:
            other.cancel()
    return fault


async def hears(call: PhoneCall, scene: Scene, prompts: list[bytes]) -> str:
    """Wait until all prompts were heard; what was missing, else an empty text."""
    faults = [await hears_words(call, prompt) for prompt in prompts]
    return next(filter(None, faults), "")


async def hears_words(call: PhoneCall, prompt: bytes) -> str:
    """Wait until a prompt was heard; how much of it was heard when it was not, else an empty text."""
    search = Search(as_sent(prompt))
    try:
        async with asyncio.timeout(HEARD_WITHIN_S):
            while search.share < WORDS_SHARE_MIN:
                is_behind = search.go_on(call.sound.heard)
                await asyncio.sleep(BREATH_S if is_behind else CHECKED_EVERY_S)
    except TimeoutError:
        return f"{call.user} heard only {search.share:.0%} of a prompt of {len(prompt) / 16000:.1f} s"
    return ""


async def hears_over_music(call: PhoneCall, prompt: bytes) -> str:
    """The same for a prompt with music beneath it: by its likeness to what was heard, packet by packet."""
    frame = len(SILENCE)
    starts = range(0, max(1, len(prompt) - LIKENESS_BYTES), frame)
    piece = max((prompt[start : start + LIKENESS_BYTES] for start in starts), key=loudness)
    best, looked = 0.0, 0
    try:
        async with asyncio.timeout(HEARD_WITHIN_S):
            while best < LIKENESS_MIN:
                heard = bytes(call.sound.heard)
                for at in range(looked, len(heard) - len(piece) + 1, frame):
                    best = max(best, likeness(piece, heard[at : at + len(piece)]))
                    looked = at + frame
                    await asyncio.sleep(0)
                await asyncio.sleep(CHECKED_EVERY_S)
    except TimeoutError:
        return f"{call.user} heard nothing more like the prompt than {best:.0%}"
    return ""


def likeness(one: bytes, other: bytes) -> float:
    """The correlation (-1 to 1) of two sounds of one length; 0 beside silence."""
    a, b = samples_of(one), samples_of(other)
    scale = math.sqrt(loudness(one) * loudness(other))
    return sum(map(mul, a, b)) / scale if scale else 0.0


def loudness(sound: bytes) -> int:
    """The energy of a sound."""
    samples = samples_of(sound)
    return sum(map(mul, samples, samples))


async def share_found(sound: bytes, within: bytes) -> float:
    """The share (0 to 1) of `sound` that occurs in `within`."""
    search = Search(sound)
    is_behind = True
    while is_behind:
        is_behind = search.go_on(within)
        await asyncio.sleep(BREATH_S)
    return search.share


def as_sent(pcm: bytes) -> bytes:
    """What arrives of PCM that is sent in A-law without loss."""
    return decode(encode(pcm, EngineCodec.PCMA), EngineCodec.PCMA)


class Search:
    """Looks for a sound in another that may still grow, a second of it at a time, so that live audio is not held up.

    The sound counts as found by pieces of 20 ms that occur as they are; silent pieces are left out.
    """

    def __init__(self, sound: bytes) -> None:
        size = len(SILENCE)
        frames = [sound[start : start + size] for start in range(0, len(sound) - size + 1, size)]
        spread = frames[:: -(-len(frames) // PIECES_MAX)] if frames else []
        self._missing = [frame for frame in spread if max(map(abs, samples_of(frame))) > LOUD]
        self._pieces = len(self._missing)
        self._searched = 0

    @property
    def share(self) -> float:
        """The share (0 to 1) of the pieces that was found so far."""
        return 1 - len(self._missing) / self._pieces if self._pieces else 0.0

    def go_on(self, within: bytes | bytearray) -> bool:
        """Search a further second of `within`; whether there is more to search already."""
        end = min(len(within), self._searched + SEARCHED_BYTES)
        part = bytes(within[max(0, self._searched - len(SILENCE)) : end])
        self._missing = [piece for piece in self._missing if piece not in part]
        self._searched = end
        return end < len(within)
