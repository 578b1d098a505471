"""Announcements to a waiting caller: all agents are busy, before the music; position and wait, over the music."""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, SentTo
from acdcore.calls.core.leg import Leg
from acdcore.calls.model import history
from acdcore.calls.scripts.dial_out import callback_choice
from acdcore.ivr.model.flow import CallbackNode, PromptName
from acdcore.ivr.model.kinds import CallbackChoice
from acdcore.kernel.ids import QueueName
from acdcore.media.model import ClipId
from acdcore.queues.decisions import Announce, Offered, Overflowed

ON_ITS_WAY = (Offered, Overflowed, SentTo)
"""Notes in the mailbox that make the busy announcement needless: something else is about to happen."""


class Announcements:
    """The announcements to one caller from joining a queue to the end of the wait; none without a `caller`."""

    def __init__(self, call: Call, caller: Leg | None, context: CallContext, *, is_told_busy: bool = False) -> None:
        self.caller = caller
        self._call = call
        self._context = context
        self._is_told_busy = is_told_busy
        self._playing = 0
        """Number of the busy announcement's playback while it runs; 0: none."""
        self._put_off: Announce | None = None
        """The position that is announced after it."""

    def queued(self, queue: QueueName) -> None:
        """The caller has joined `queue`: play the busy announcement, then music."""
        if self.caller is not None:
            self.nobody_is_free()
            self.caller.set_music(self._call.prompts.music(queue))

    def nobody_is_free(self) -> None:
        """Play once that all agents are busy, unless something else is about to happen already."""
        queue = self._call.view.queue
        is_needless = self._is_told_busy or any(map(self._call.mailbox.holds, ON_ITS_WAY))
        if self.caller is None or queue is None or is_needless:
            return
        self._is_told_busy = True
        prompt = self._call.rules.queue(queue).busy_prompt
        if prompt:
            self._playing = self._call.next_playback()
            self.caller.play(self._call.prompts.say((PromptName(prompt),), self._call.language), self._playing)

    def position(self, decision: Announce) -> None:
        """Announce the position, after a busy announcement that runs."""
        self._call.log(history.WaitAnnounced(self._context.clock.now(), decision.position, decision.wait_s))
        if self._playing:
            self._put_off = decision
        elif self.caller is not None:
            tell_position(self._call, self.caller, self._context, decision)

    def played(self, playback: int) -> None:
        """A playback has ended."""
        if playback != self._playing:
            return
        decision, self._playing, self._put_off = self._put_off, 0, None
        if decision is not None and self.caller is not None:
            tell_position(self._call, self.caller, self._context, decision)

    def broken_off(self) -> None:
        """An agent's phone rings, or the caller goes into a flow: a position that waits is not announced any more."""
        self._playing, self._put_off = 0, None


def tell_position(call: Call, caller: Leg, context: CallContext, decision: Announce) -> None:
    """Play the position over the music, the wait if it is known, and the keys that may be pressed."""
    clips: list[ClipId] = [*call.prompts.position(decision.position, call.language)]
    if decision.wait_s is not None:
        clips += call.prompts.wait(decision.wait_s, call.language)
    prompt = call.rules.queue(decision.queue).keys_prompt
    if prompt and is_any_key_of_use(call, context, decision.queue):
        clips += call.prompts.say((PromptName(prompt),), call.language)
    caller.play(tuple(clips), call.next_playback(), over_music=True)


def is_any_key_of_use(call: Call, context: CallContext, queue: QueueName) -> bool:
    """Whether a key leads to more than a callback that would be refused."""
    flows = [call.rules.flows.get(name) for name in call.rules.queue(queue).keys.values()]
    return callback_choice(call, context) is not CallbackChoice.NONE or not all(
        flow is not None and any(isinstance(node, CallbackNode) for node in flow.nodes.values()) for flow in flows
    )
