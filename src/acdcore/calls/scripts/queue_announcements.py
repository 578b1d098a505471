"""What a waiting caller is told: that nobody is free, before any music; the place and the wait, over the music."""

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
"""Notes after which the caller need not be told that nobody is free: something is about to happen."""


class Announcements:
    """The words for one caller from joining a queue until the wait is over; without a `caller` nobody hears them."""

    def __init__(self, call: Call, caller: Leg | None, context: CallContext, *, is_told_busy: bool = False) -> None:
        self.caller = caller
        self._call = call
        self._context = context
        self._is_told_busy = is_told_busy
        self._playing = 0
        """The playback that tells of busy agents, as long as it may be heard; 0: none."""
        self._put_off: Announce | None = None
        """The place that is told after it."""

    def queued(self, queue: QueueName) -> None:
        """The caller stands in `queue`: music, and before it the word for who is not connected at once."""
        if self.caller is not None:
            self.nobody_is_free()
            self.caller.set_music(self._call.prompts.music(queue))

    def nobody_is_free(self) -> None:
        """Say once that all agents are busy, unless something is about to happen already."""
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
        """Say the place, once nothing else is being said."""
        self._call.log(history.WaitAnnounced(self._context.clock.now(), decision.position, decision.wait_s))
        if self._playing:
            self._put_off = decision
        elif self.caller is not None:
            tell_position(self._call, self.caller, self._context, decision)

    def played(self, playback: int) -> None:
        """A playback has come to its end."""
        if playback != self._playing:
            return
        decision, self._playing, self._put_off = self._put_off, 0, None
        if decision is not None and self.caller is not None:
            tell_position(self._call, self.caller, self._context, decision)

    def broken_off(self) -> None:
        """A phone rings for the caller, or the caller steps aside: what was put off is not said any more."""
        self._playing, self._put_off = 0, None


def tell_position(call: Call, caller: Leg, context: CallContext, decision: Announce) -> None:
    """Say the position over the music, the wait if it is known, and the keys that may be pressed."""
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
