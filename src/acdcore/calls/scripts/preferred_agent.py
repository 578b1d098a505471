"""The preferred agent of a caller: the customer's owner, or the agent of the last talk."""

from datetime import timedelta

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import AgentState
from acdcore.queues.inputs import CallerFacts

CONTACTS_LOOKED_AT = 10
"""Latest contacts among which the last talk is looked for."""


def preferred_agent(call: Call, context: CallContext, queue: QueueName) -> AgentId | None:
    """The customer's owner, or else the agent of the last talk if it was not too long ago; None: anybody.

    An agent who is not logged in is skipped: no caller should wait for an agent who has gone home.
    """
    owner = call.customer.owner if call.customer is not None else None
    if owner and is_logged_in(context, owner):
        return owner
    within_days = call.rules.queue(queue).sticky_within_days
    who = call.customer.id if call.customer is not None else call.view.caller
    if not within_days or not who:
        return None
    since = context.clock.wall() - timedelta(days=within_days)
    contacts = context.directory.last_contacts(who, CONTACTS_LOOKED_AT)
    last = next((contact.agent for contact in contacts if contact.agent and contact.at >= since), None)
    return last if last is not None and is_logged_in(context, last) else None


def is_logged_in(context: CallContext, agent: AgentId) -> bool:
    """Whether the agent is at work, free or not."""
    seen = context.acd.glance(agent)
    return seen is not None and seen.state is not AgentState.LOGGED_OUT


def caller_facts(call: Call, context: CallContext) -> CallerFacts:
    """The facts about the caller for the queue's rules."""
    customer = call.customer
    region = customer.region if customer is not None and customer.region else call.rules.regions.of(call.view.caller)
    return CallerFacts(
        tier=customer.tier.value if customer is not None else "unknown",
        language=call.language.value,
        region=region,
    )
