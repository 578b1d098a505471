"""An event bus for one part of acdcore: a handler's fault fails the test at once."""

import pytest

from acdcore.kernel.bus import EventBus, HandlerFault


def strict_bus() -> EventBus:
    """A bus without subscriptions."""
    return EventBus(failed)


def failed(fault: HandlerFault) -> None:
    """Fail, also where the bus keeps exceptions from its publisher."""
    pytest.fail(f"{fault.handler} raised on {fault.event}: {fault.error!r}")
