"""Sentences that are synthesised before they are needed, so that they can be played at once: the agents' numbers.

No call waits for them: until a sentence is ready, callers hear its words one by one.
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
"""Sentences kept, some 30 MB: two hundred agents in three languages. Beyond that the oldest are dropped."""
BATCH_MAX = 10
"""Sentences synthesised in one turn: to start an engine takes as long as some of them."""
WANTED_MAX = READY_MAX
"""Sentences that may wait to be synthesised; more could not be kept."""


class PrerenderedSpeech:
    """The sentences that are ready, those that wait, and the turn that synthesises them."""

    def __init__(self, engine: Engine, can_speak: Callable[[Language], bool] = lambda language: True) -> None:
        """`can_speak` tells whether a language's voice is installed; without it single words sound better."""
        self._engine = engine
        self._can_speak = can_speak
        self.ready: OrderedDict[RuntimeText, ClipId] = OrderedDict()
        """The clip of each sentence."""
        self._wanted: OrderedDict[RuntimeText, bool] = OrderedDict()
        """The sentences that wait; True: needed within seconds."""
        self._is_wanted = asyncio.Event()
        self._voices = 0
        """Counts the changes of voices."""
        self._is_failing = False

    def want(self, words: RuntimeText | None, *, is_urgent: bool = False) -> None:
        """Ask for a sentence, an urgent one before all others; None: there is no such sentence."""
        if words is None or words in self.ready or not self._can_speak(words.language):
            return
        if len(self._wanted) >= WANTED_MAX and not is_urgent:
            return
        self._wanted[words] = is_urgent
        if is_urgent:
            self._wanted.move_to_end(words, last=False)
        self._is_wanted.set()

    def want_agents(self, agents: Iterable[AgentRecord], flows: Iterable[Flow], sayings: RuntimePhrases) -> None:
        """Ask for the numbers of all agents who may serve, in all languages of the prompts, first language first."""
        active = [agent.agent for agent in agents if agent.is_active]
        for language in dict.fromkeys(language for flow in flows for language in (flow.language, *flow.languages)):
            for agent in active:
                self.want(sayings.agent_words(agent, language))

    async def speak_some(self, read: Callable[[Sequence[RuntimeText]], Sequence[bytes]]) -> None:
        """Wait until a sentence is wanted, and synthesise some in a thread; half of the time is left to other work.

        `read` makes PCM of each sentence (16 bit, mono, 8 kHz). A sentence that fails is tried again when it is wanted
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
        """The sentences for the next turn; an urgent sentence by itself."""
        batch: list[RuntimeText] = []
        while self._wanted and len(batch) < BATCH_MAX:
            words, is_urgent = self._wanted.popitem(last=False)
            batch.append(words)
            if is_urgent:
                break
        return batch

    def _keep(self, words: RuntimeText, pcm: bytes) -> None:
        former = self.ready.pop(words, None)  # wanted again while it was being synthesised
        if former is not None:
            self._engine.drop_clip(former)
        self.ready[words] = self._engine.add_clip(pcm)
        if len(self.ready) > READY_MAX:
            self._engine.drop_clip(self.ready.popitem(last=False)[1])

    def waiting(self) -> tuple[RuntimeText, ...]:
        """The sentences that wait, in the order of synthesis."""
        return tuple(self._wanted)

    def forget(self) -> None:
        """Other voices are used from now on: no sentence of the former voices is kept."""
        self._voices += 1
        for clip in self.ready.values():
            self._engine.drop_clip(clip)
        self.ready.clear()

    def close(self) -> None:
        """Give all clips back to the engine."""
        self.forget()
        self._wanted.clear()
