"""Who should take this caller: the agent who looks after the customer, or who served the last call."""

from datetime import timedelta

from acdcore.calls.call import Call
from acdcore.calls.hall import Hall
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.model import CallerFacts

CONTACTS_LOOKED_AT = 10
"""Latest contacts among which the last talk is looked for."""


def preferred_agent(call: Call, hall: Hall, queue: QueueName) -> AgentId | None:
    """The customer's owner, else the agent of the last talk if it was not too long ago; None: anybody."""
    customer = call.customer
    if customer is not None and customer.owner:
        return customer.owner
    within_days = hall.rules.queue(queue).sticky_within_days
    if not within_days or not (customer or call.view.caller):
        return None
    since = hall.clock.wall() - timedelta(days=within_days)
    contacts = hall.directory.last_contacts(customer.id if customer else call.view.caller, CONTACTS_LOOKED_AT)
    return next((contact.agent for contact in contacts if contact.agent and contact.at >= since), None)


def facts_of(call: Call, hall: Hall) -> CallerFacts:
    """What the queue's rules may ask about the caller."""
    customer = call.customer
    region = customer.region if customer is not None and customer.region else hall.rules.regions.of(call.view.caller)
    return CallerFacts(
        tier=customer.tier.value if customer is not None else "unknown",
        language=call.language.value,
        region=region,
    )
