"""The prompts of the house in the engine's memory: names in, clips out, with nothing to wait for."""

from collections.abc import Iterable, Mapping, Sequence

from acdcore.calls.ports import Customer, Tier
from acdcore.ivr.model import Language, PromptKey, PromptName
from acdcore.ivr.numbers import speak_agent, speak_position
from acdcore.ivr.system import SystemPrompt, system_key
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.media.engine import Engine
from acdcore.media.model import ClipId


def queue_title(queue: QueueName, language: Language) -> PromptKey:
    """The prompt that speaks a queue's name."""
    return PromptKey(PromptName(f"queue.{queue}"), language)


class Voice:
    """Every prompt in every language as a clip of the media engine."""

    def __init__(
        self, engine: Engine, sounds: Mapping[PromptKey, bytes], music: Mapping[str, bytes], ringback: bytes
    ) -> None:
        """All sound is PCM (16 bit, mono, 8 kHz); `music` is by queue, with `""` for all others."""
        self._clips = {key: engine.add_clip(pcm) for key, pcm in sounds.items()}
        self._music = {queue: engine.add_clip(pcm) for queue, pcm in music.items()}
        self._ringback = engine.add_clip(ringback)
        self._engine = engine

    def clips(self, keys: Iterable[PromptKey]) -> tuple[ClipId, ...]:
        """The clips of `keys` in order."""
        return tuple(self._clips[key] for key in keys)

    def say(self, names: Sequence[PromptName], language: Language) -> tuple[ClipId, ...]:
        """The clips of `names` in `language`."""
        return tuple(self._clips[PromptKey(name, language)] for name in names)

    def music(self, queue: str = "") -> tuple[ClipId, ...]:
        """The music on hold of a queue."""
        return (self._music.get(queue) or self._music[""],)

    def ringback(self) -> tuple[ClipId, ...]:
        """The ringing tone, to be looped."""
        return (self._ringback,)

    def system(self, prompt: SystemPrompt, language: Language) -> tuple[ClipId, ...]:
        """One of the prompts that every flow has."""
        return self.clips([system_key(prompt, language)])

    def position(self, position: int, language: Language) -> tuple[ClipId, ...]:
        """The caller's place in the queue."""
        return self.clips(speak_position(position, language))

    def agent_number(self, agent: AgentId, language: Language) -> tuple[ClipId, ...]:
        """Who is speaking, before the talk."""
        return self.clips(speak_agent(agent, language))

    def whisper(self, queue: QueueName, customer: Customer | None, language: Language) -> tuple[ClipId, ...]:
        """What the agent hears before the caller is there: the queue, whether it is a VIP, and a beep."""
        keys = [system_key(SystemPrompt.WHISPER_CALL, language), queue_title(queue, language)]
        if customer is not None and customer.tier is Tier.VIP:
            keys.append(system_key(SystemPrompt.WHISPER_VIP, language))
        return self.clips([*keys, system_key(SystemPrompt.BEEP, language)])

    def close(self) -> None:
        """Give all clips back to the engine."""
        for clip in [*self._clips.values(), *self._music.values(), self._ringback]:
            self._engine.drop_clip(clip)
        self._clips.clear()
        self._music.clear()
