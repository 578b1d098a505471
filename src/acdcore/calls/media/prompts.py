"""The prompts of the house in the engine's memory: names in, clips out, with nothing to wait for.

Only what no recording can know has to be waited for: words spoken at run time, and messages that callers left.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from acdcore.calls.media.prerendered import PrerenderedSpeech
from acdcore.calls.media.tts import RuntimeTts
from acdcore.calls.model.directory import Customer, Tier
from acdcore.ivr.audio.wav import WavError, read_wav, to_pcm
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, RuntimeText
from acdcore.ivr.model.system_prompts import SystemPhrase, SystemPrompt, phrase_key, system_key
from acdcore.ivr.reading.announcements import speak_position, speak_wait
from acdcore.ivr.reading.phrases import WORD_BY_WORD, RuntimePhrases, clips_of, digits_in
from acdcore.ivr.tts.voices import VoiceSettings
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.media.engine import Engine
from acdcore.media.model import ClipId
from acdcore.work.model import WorkKind

SPOKEN_MAX = 100
"""Sentences spoken at run time that are kept for the next caller, some 10 MB."""
LANGUAGE_WHISPERS = {
    (Language.MANDARIN, False): SystemPrompt.WHISPER_MANDARIN,
    (Language.CANTONESE, False): SystemPrompt.WHISPER_CANTONESE,
    (Language.ENGLISH, False): SystemPrompt.WHISPER_ENGLISH,
    (Language.MANDARIN, True): SystemPrompt.WHISPER_VIP_MANDARIN,
    (Language.CANTONESE, True): SystemPrompt.WHISPER_VIP_CANTONESE,
    (Language.ENGLISH, True): SystemPrompt.WHISPER_VIP_ENGLISH,
    (None, True): SystemPrompt.WHISPER_VIP,
}
"""By the caller's language, where it is not the one that is to be expected, and whether it is a VIP."""
WORK_WHISPERS = {
    WorkKind.CALLBACK: SystemPhrase.CALLBACK_FOR,
    WorkKind.VOICEMAIL: SystemPhrase.MESSAGE_FOR,
}
"""What an agent hears of work with nobody on the line."""


def queue_title(queue: QueueName, language: Language) -> PromptKey:
    """The prompt that speaks a queue's name, for a house that records the words around it."""
    return PromptKey(PromptName(f"queue.{queue}"), language)


class PromptSet:
    """Every prompt in every language, and all music, as clips of the media engine: those of one configuration."""

    def __init__(
        self,
        clips: Mapping[PromptKey, ClipId],
        music: Mapping[str, ClipId],
        ringback: ClipId,
        sayings: RuntimePhrases = WORD_BY_WORD,
        prerendered: Mapping[RuntimeText, ClipId] | None = None,
    ) -> None:
        """`ahead` is the library's, which adds to it what it has spoken meanwhile."""
        self.by_key = clips
        self.by_queue = music
        """`""` for all queues that have none of their own."""
        self.sayings = sayings
        self._ringback = ringback
        self._prerendered = {} if prerendered is None else prerendered

    def clips(self, keys: Iterable[PromptKey]) -> tuple[ClipId, ...]:
        """The clips of `keys` in order; of a sentence that has none the clips of its words."""
        found: list[ClipId] = []
        for key in keys:
            whole = self.by_key.get(key)
            found += (self.by_key[piece] for piece in clips_of(key) or (key,)) if whole is None else (whole,)
        return tuple(found)

    def say(self, names: Sequence[PromptName], language: Language) -> tuple[ClipId, ...]:
        """The clips of `names` in `language`."""
        return self.clips(PromptKey(name, language) for name in names)

    def music(self, queue: str = "") -> tuple[ClipId, ...]:
        """The music on hold of a queue."""
        return (self.by_queue.get(queue) or self.by_queue[""],)

    def ringback(self) -> tuple[ClipId, ...]:
        """The ringing tone, to be looped."""
        return (self._ringback,)

    def system(self, prompt: SystemPrompt, language: Language) -> tuple[ClipId, ...]:
        """One of the prompts that every flow has."""
        return self.clips([system_key(prompt, language)])

    def position(self, position: int, language: Language) -> tuple[ClipId, ...]:
        """The caller's place in the queue."""
        return self.clips([speak_position(position, language)])

    def agent_number(self, agent: AgentId, language: Language) -> tuple[ClipId, ...]:
        """Who is speaking, before the talk: as one sentence where it is ready by now, else word by word.

        Nothing of a number that is all letters.
        """
        if not digits_in(agent):
            return ()
        key = phrase_key(SystemPhrase.AGENT, digits_in(agent), language)
        words = self.sayings.agent_words(agent, language)
        if words is not None and words in self._prerendered and key not in self.by_key:
            return (self._prerendered[words],)
        return self.clips([key])

    def whisper(
        self, queue: QueueName, customer: Customer | None, language: Language, speaks: Language | None = None
    ) -> tuple[ClipId, ...]:
        """What the agent hears before the caller is there: the queue, whether it is a VIP, and a beep.

        `speaks` is the caller's language, where it is not the one that is to be expected.
        """
        return self._whisper(SystemPhrase.CALL_FOR, queue, customer, language, speaks)

    def wait(self, wait_s: float, language: Language) -> tuple[ClipId, ...]:
        """How long it will take."""
        return self.clips([speak_wait(wait_s, language)])

    def callback_introduction(self, queue: QueueName, language: Language) -> tuple[ClipId, ...]:
        """What the customer who is called back hears first: who calls, and why."""
        return self.clips([phrase_key(SystemPhrase.CALLBACK_INTRODUCTION, queue, language)])

    def work_whisper(
        self,
        kind: WorkKind,
        queue: QueueName,
        customer: Customer | None,
        language: Language,
        speaks: Language | None = None,
    ) -> tuple[ClipId, ...]:
        """What the agent hears before a callback or a message."""
        return self._whisper(WORK_WHISPERS[kind], queue, customer, language, speaks)

    def _whisper(
        self,
        phrase: SystemPhrase,
        queue: QueueName,
        customer: Customer | None,
        language: Language,
        speaks: Language | None,
    ) -> tuple[ClipId, ...]:
        is_vip = customer is not None and customer.tier is Tier.VIP
        about = LANGUAGE_WHISPERS.get((speaks, is_vip))
        prompts = (*([about] if about is not None else []), SystemPrompt.BEEP)
        return self.clips([phrase_key(phrase, queue, language), *(system_key(one, language) for one in prompts)])

    def all(self) -> frozenset[ClipId]:
        """Every clip that may be asked for here, the ringing tone and what is spoken meanwhile aside."""
        return frozenset((*self.by_key.values(), *self.by_queue.values()))


class PromptLibrary:
    """The engine's memory of sounds: the present configuration's, and those that earlier calls began with."""

    def __init__(
        self,
        engine: Engine,
        sounds: Mapping[PromptKey, bytes],
        music: Mapping[str, bytes],
        ringback: bytes,
        runtime_tts: RuntimeTts | None = None,
        sayings: RuntimePhrases = WORD_BY_WORD,
    ) -> None:
        """All sound is PCM (16 bit, mono, 8 kHz); `music` is by queue, with `""` for all others."""
        self._engine = engine
        self._runtime_tts = runtime_tts
        self._spoken: OrderedDict[tuple[int, RuntimeText], ClipId] = OrderedDict()
        self._voices = 0
        """Counts the changes of voices."""
        self._ringback = engine.add_clip(ringback)
        clips = {key: engine.add_clip(pcm) for key, pcm in sounds.items()}
        self.prerendered = PrerenderedSpeech(engine, self.has_voice)
        """Sentences that are spoken before their time comes."""
        tunes = {queue: engine.add_clip(pcm) for queue, pcm in music.items()}
        self.present = PromptSet(clips, tunes, self._ringback, sayings, self.prerendered.ready)
        """Those of calls that come now."""
        self._users = Counter({self.present: 1})
        """How many calls go by each configuration's prompts, and one for the present."""

    def extend(
        self,
        sounds: Mapping[PromptKey, bytes],
        music: Mapping[str, bytes],
        wanted: Collection[PromptKey],
        queues: Collection[str],
        sayings: RuntimePhrases = WORD_BY_WORD,
    ) -> None:
        """Other prompts for the calls that come from now on; calls in progress keep theirs.

        `sounds` and `music` are what is new or sounds otherwise; the rest of what is `wanted`, and of the music of
        `queues`, is as before.
        """
        former = self.present
        clips = {key: clip for key, clip in former.by_key.items() if key in wanted and key not in sounds}
        tunes = {queue: clip for queue, clip in former.by_queue.items() if queue in queues and queue not in music}
        clips |= {key: self._engine.add_clip(pcm) for key, pcm in sounds.items()}
        tunes |= {queue: self._engine.add_clip(pcm) for queue, pcm in music.items()}
        self.present = PromptSet(clips, tunes, self._ringback, sayings, self.prerendered.ready)
        self._users[self.present] = 1
        self.give_back(former)

    def take(self) -> PromptSet:
        """The present prompts, for a call that gives them back at its end."""
        self._users[self.present] += 1
        return self.present

    def give_back(self, prompts: PromptSet) -> None:
        """A call is over; what only such calls could hear is forgotten with the last of them."""
        self._users[prompts] -= 1
        if self._users[prompts] == 0:
            del self._users[prompts]
            for clip in prompts.all().difference(*(other.all() for other in self._users)):
                self._engine.drop_clip(clip)

    async def spoken(self, words: RuntimeText, prompts: PromptSet | None = None) -> tuple[ClipId, ...]:
        """Words as they come up; the clips of `voice` for them when they cannot be in time, or are better.

        They are where they were recorded by people, and where the language's voice is not installed: clips of that
        voice come along, and nobody understands espeak between them. Empty when there are no such clips.
        """
        prompts = prompts or self.present
        clips = prompts.clips(words.clips)
        if clips and (words.language in prompts.sayings.recorded or not self.has_voice(words.language)):
            return clips
        key = (self._voices, words)
        if key not in self._spoken:
            pcm = None if self._runtime_tts is None else await self._runtime_tts.pcm(words)
            if pcm is None:
                return clips
            if key not in self._spoken:  # somebody else's wait for the same words may have ended first
                self._spoken[key] = self._engine.add_clip(pcm)
                if len(self._spoken) > SPOKEN_MAX:
                    self._engine.drop_clip(self._spoken.popitem(last=False)[1])
        self._spoken.move_to_end(key)
        return (self._spoken[key],)

    def has_voice(self, language: Language) -> bool:
        """Whether sentences can be spoken at run time by the voice that the settings ask for."""
        return self._runtime_tts is None or self._runtime_tts.has_voice(language)

    def warm(self) -> None:
        """Have the voices for words at run time loaded."""
        if self._runtime_tts is not None:
            self._runtime_tts.warm()

    def use_voices(self, voices: VoiceSettings) -> None:
        """Other voices for the words that come up from now on.

        What the former have spoken goes with time: somebody may be about to hear it.
        """
        if self._runtime_tts is not None and self._runtime_tts.use(voices):
            self._voices += 1
            self.prerendered.forget()

    async def recording(self, file: Path) -> ClipId | None:
        """A caller's message as a clip, to be given back by `drop`; None when the file is gone or spoilt."""
        pcm = await asyncio.to_thread(_message, file)
        return None if pcm is None else self._engine.add_clip(pcm)

    def drop(self, clip: ClipId) -> None:
        """Forget a clip made by `recording`; who hears it hears it to its end."""
        self._engine.drop_clip(clip)

    def close(self) -> None:
        """Give all clips back to the engine, and speak no more."""
        if self._runtime_tts is not None:
            self._runtime_tts.close()
        known = frozenset().union(*(prompts.all() for prompts in self._users))
        for clip in (*known, *self._spoken.values(), self._ringback):
            self._engine.drop_clip(clip)
        self._users.clear()
        self._spoken.clear()
        self.prerendered.close()


def _message(file: Path) -> bytes | None:
    """What a caller left, as much of it as is there."""
    try:
        return to_pcm(read_wav(file.read_bytes()).samples)
    except (OSError, WavError):
        return None
