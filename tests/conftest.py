"""For all tests."""

import asyncio


def pytest_configure() -> None:
    """Let no plugin make an event loop on the side.

    looptime asks the policy for a loop around each test, also around those that have none; the policy would make one
    that nobody closes. Once it has been told that there is none, it says so instead.
    """
    asyncio.set_event_loop(None)
