"""Sentences that must be there at once when their time comes, spoken ahead of it: the numbers of agents.

Nobody waits for them: until one is ready, its caller hears single words in a row.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import structlog

from acdcore.calls.model.directory import AgentRecord
from acdcore.ivr.model.flow import Flow, Language, RuntimeText
from acdcore.ivr.reading.phrases import RuntimePhrases
from acdcore.kernel.errors import AcdError
from acdcore.media.engine import Engine
from acdcore.media.model import ClipId

READY_MAX = 600
"""Sentences that are kept, some 30 MB: two hundred agents in three languages. Of more those are kept that came last."""
BATCH_MAX = 10
"""Sentences that are spoken in one turn: starting an engine takes as long as some of them."""
WANTED_MAX = READY_MAX
"""Sentences that wait to be spoken; more would push each other out."""


class PrerenderedSpeech:
    """What is ready, what is wanted, and the turn in which one becomes the other."""

    def __init__(self, engine: Engine, can_speak: Callable[[Language], bool] = lambda language: True) -> None:
        """`can_speak` says whether a language's voice is installed; where it is not, words in a row are better."""
        self._engine = engine
        self._can_speak = can_speak
        self.ready: OrderedDict[RuntimeText, ClipId] = OrderedDict()
        """By what is said."""
        self._wanted: OrderedDict[RuntimeText, bool] = OrderedDict()
        """Whether somebody will want it within seconds."""
        self._is_wanted = asyncio.Event()
        self._voices = 0
        """Counts the changes of voices."""
        self._is_failing = False

    def want(self, words: RuntimeText | None, *, is_urgent: bool = False) -> None:
        """Have a sentence soon, an urgent one before all others; None: there is none to be had."""
        if words is None or words in self.ready or not self._can_speak(words.language):
            return
        if len(self._wanted) >= WANTED_MAX and not is_urgent:
            return
        self._wanted[words] = is_urgent
        if is_urgent:
            self._wanted.move_to_end(words, last=False)
        self._is_wanted.set()

    def want_agents(self, agents: Iterable[AgentRecord], flows: Iterable[Flow], sayings: RuntimePhrases) -> None:
        """Have the numbers of all who may serve, in all languages that callers hear: the first language first."""
        active = [agent.agent for agent in agents if agent.is_active]
        for language in dict.fromkeys(language for flow in flows for language in (flow.language, *flow.languages)):
            for agent in active:
                self.want(sayings.agent_words(agent, language))

    async def speak_some(self, read: Callable[[Sequence[RuntimeText]], Sequence[bytes]]) -> None:
        """Wait until something is wanted, and speak some of it in a thread; half of the time is left to others.

        `read` makes PCM of each sentence (16 bit, mono, 8 kHz). What cannot be made is tried again when it is wanted
        again.
        """
        while not self._wanted:
            self._is_wanted.clear()
            await self._is_wanted.wait()
        loop, batch, voices = asyncio.get_running_loop(), self._batch(), self._voices
        began_at = loop.time()
        try:
            spoken = await asyncio.to_thread(read, batch)
            if voices == self._voices:
                for words, pcm in zip(batch, spoken, strict=True):
                    self._keep(words, pcm)
            self._is_failing = False
        except (AcdError, OSError) as error:
            if not self._is_failing:  # once, however many agents there are
                structlog.get_logger("speech").warning("not spoken ahead", reason=str(error))
            self._is_failing = True
        await asyncio.sleep(loop.time() - began_at)

    def _batch(self) -> list[RuntimeText]:
        """What is to be spoken next; an urgent sentence by itself."""
        batch: list[RuntimeText] = []
        while self._wanted and len(batch) < BATCH_MAX:
            words, is_urgent = self._wanted.popitem(last=False)
            batch.append(words)
            if is_urgent:
                break
        return batch

    def _keep(self, words: RuntimeText, pcm: bytes) -> None:
        former = self.ready.pop(words, None)  # wanted again while it was being spoken
        if former is not None:
            self._engine.drop_clip(former)
        self.ready[words] = self._engine.add_clip(pcm)
        if len(self.ready) > READY_MAX:
            self._engine.drop_clip(self.ready.popitem(last=False)[1])

    def waiting(self) -> tuple[RuntimeText, ...]:
        """What is wanted, in the order in which it will be spoken."""
        return tuple(self._wanted)

    def forget(self) -> None:
        """Other voices speak from now on: nothing that the former have spoken, or are speaking, is kept."""
        self._voices += 1
        for clip in self.ready.values():
            self._engine.drop_clip(clip)
        self.ready.clear()

    def close(self) -> None:
        """Give all clips back to the engine."""
        self.forget()
        self._wanted.clear()
