"""Prompts as clips in the engine's memory: names in, clips out, without waiting.

Only words that are synthesised at run time, and messages that callers left, have to be waited for.
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
"""Sentences synthesised at run time that are kept for the next caller, some 10 MB."""
LANGUAGE_WHISPERS = {
    (Language.MANDARIN, False): SystemPrompt.WHISPER_MANDARIN,
    (Language.CANTONESE, False): SystemPrompt.WHISPER_CANTONESE,
    (Language.ENGLISH, False): SystemPrompt.WHISPER_ENGLISH,
    (Language.MANDARIN, True): SystemPrompt.WHISPER_VIP_MANDARIN,
    (Language.CANTONESE, True): SystemPrompt.WHISPER_VIP_CANTONESE,
    (Language.ENGLISH, True): SystemPrompt.WHISPER_VIP_ENGLISH,
    (None, True): SystemPrompt.WHISPER_VIP,
}
"""By the caller's language, if it is not the queue's first one, and whether the caller is a VIP."""
WORK_WHISPERS = {
    WorkKind.CALLBACK: SystemPhrase.CALLBACK_FOR,
    WorkKind.VOICEMAIL: SystemPhrase.MESSAGE_FOR,
}
"""What an agent hears before a callback or a message."""


def queue_title(queue: QueueName, language: Language) -> PromptKey:
    """The prompt with a queue's name alone, for use between recorded words."""
    return PromptKey(PromptName(f"queue.{queue}"), language)


class PromptSet:
    """Every prompt in every language, and all music, of one edition of the settings, as clips of the media engine."""

    def __init__(
        self,
        clips: Mapping[PromptKey, ClipId],
        music: Mapping[str, ClipId],
        ringback: ClipId,
        sayings: RuntimePhrases = WORD_BY_WORD,
        prerendered: Mapping[RuntimeText, ClipId] | None = None,
    ) -> None:
        """`prerendered` belongs to the library, which adds to it what it has synthesised meanwhile."""
        self.by_key = clips
        self.by_queue = music
        """Music by queue; `""` for all queues that have none of their own."""
        self.sayings = sayings
        self._ringback = ringback
        self._prerendered = {} if prerendered is None else prerendered

    def clips(self, keys: Iterable[PromptKey]) -> tuple[ClipId, ...]:
        """The clips of `keys` in order; for a sentence without a clip those of its words."""
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
        """A standard prompt."""
        return self.clips([system_key(prompt, language)])

    def position(self, position: int, language: Language) -> tuple[ClipId, ...]:
        """The prompt that says the caller's position in the queue."""
        return self.clips([speak_position(position, language)])

    def agent_number(self, agent: AgentId, language: Language) -> tuple[ClipId, ...]:
        """The prompt before the talk that says the agent's number: as one sentence if it is ready, else word by word.

        Empty for a number without digits.
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
        """What the agent hears before the talk: the queue, whether the caller is a VIP, and a beep.

        `speaks` is the caller's language, if it is not the queue's first one.
        """
        return self._whisper(SystemPhrase.CALL_FOR, queue, customer, language, speaks)

    def wait(self, wait_s: float, language: Language) -> tuple[ClipId, ...]:
        """The prompt that says the estimated wait."""
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
        """Every clip of the set, without the ringing tone and the prerendered sentences."""
        return frozenset((*self.by_key.values(), *self.by_queue.values()))


class PromptLibrary:
    """All clips in the engine: those of the present settings, and those that calls in progress still use."""

    def __init__(
        self,
        engine: Engine,
        sounds: Mapping[PromptKey, bytes],
        music: Mapping[str, bytes],
        ringback: bytes,
        runtime_tts: RuntimeTts | None = None,
        sayings: RuntimePhrases = WORD_BY_WORD,
    ) -> None:
        """All audio is PCM (16 bit, mono, 8 kHz); `music` is by queue, with `""` for all others."""
        self._engine = engine
        self._runtime_tts = runtime_tts
        self._spoken: OrderedDict[tuple[int, RuntimeText], ClipId] = OrderedDict()
        self._voices = 0
        """Counts the changes of voices."""
        self._ringback = engine.add_clip(ringback)
        clips = {key: engine.add_clip(pcm) for key, pcm in sounds.items()}
        self.prerendered = PrerenderedSpeech(engine, self.has_voice)
        """Sentences that are synthesised before they are needed."""
        tunes = {queue: engine.add_clip(pcm) for queue, pcm in music.items()}
        self.present = PromptSet(clips, tunes, self._ringback, sayings, self.prerendered.ready)
        """The prompts for calls that come now."""
        self._users = Counter({self.present: 1})
        """How many calls use each prompt set; the present set counts one more."""

    def extend(
        self,
        sounds: Mapping[PromptKey, bytes],
        music: Mapping[str, bytes],
        wanted: Collection[PromptKey],
        queues: Collection[str],
        sayings: RuntimePhrases = WORD_BY_WORD,
    ) -> None:
        """Use other prompts for the calls that come from now on; calls in progress keep theirs.

        `sounds` and `music` hold what is new or has changed. All other prompts of `wanted`, and the other music of
        `queues`, stay as they are.
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
        """A call is over. When it was the last one with these prompts, the clips that no other set uses are dropped."""
        self._users[prompts] -= 1
        if self._users[prompts] == 0:
            del self._users[prompts]
            for clip in prompts.all().difference(*(other.all() for other in self._users)):
                self._engine.drop_clip(clip)

    async def spoken(self, words: RuntimeText, prompts: PromptSet | None = None) -> tuple[ClipId, ...]:
        """Words that come up at run time, as clips; recorded clips where they are better, or synthesis is not in time.

        Recorded clips are better if people recorded them, and if the language's voice is not installed: the shipped
        clips have that voice, and nobody understands espeak between them. Empty when there are no clips at all.
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
            if key not in self._spoken:  # another call's wait for the same words may have ended first
                self._spoken[key] = self._engine.add_clip(pcm)
                if len(self._spoken) > SPOKEN_MAX:
                    self._engine.drop_clip(self._spoken.popitem(last=False)[1])
        self._spoken.move_to_end(key)
        return (self._spoken[key],)

    def has_voice(self, language: Language) -> bool:
        """Whether the voice that the settings ask for is installed for synthesis at run time."""
        return self._runtime_tts is None or self._runtime_tts.has_voice(language)

    def warm(self) -> None:
        """Load the voices for words at run time."""
        if self._runtime_tts is not None:
            self._runtime_tts.warm()

    def use_voices(self, voices: VoiceSettings) -> None:
        """Use other voices for words at run time from now on.

        Clips of the former voices are dropped only when they are the oldest: a call may be about to play one.
        """
        if self._runtime_tts is not None and self._runtime_tts.use(voices):
            self._voices += 1
            self.prerendered.forget()

    async def recording(self, file: Path) -> ClipId | None:
        """A caller's message as a clip, to be given back by `drop`; None when the file is missing or damaged."""
        pcm = await asyncio.to_thread(_message, file)
        return None if pcm is None else self._engine.add_clip(pcm)

    def drop(self, clip: ClipId) -> None:
        """Drop a clip made by `recording`; a playback that runs goes on to its end."""
        self._engine.drop_clip(clip)

    def close(self) -> None:
        """Give all clips back to the engine, and stop the synthesis."""
        if self._runtime_tts is not None:
            self._runtime_tts.close()
        known = frozenset().union(*(prompts.all() for prompts in self._users))
        for clip in (*known, *self._spoken.values(), self._ringback):
            self._engine.drop_clip(clip)
        self._users.clear()
        self._spoken.clear()
        self.prerendered.close()


def _message(file: Path) -> bytes | None:
    """The audio of a caller's message, as far as the file holds it."""
    try:
        return to_pcm(read_wav(file.read_bytes()).samples)
    except (OSError, WavError):
        return None
