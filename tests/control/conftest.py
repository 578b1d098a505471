"""The real server on a free loopback port, in front of a call centre in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from tests.control.fake_centre import FakeAgentStore
from tests.control.served import KEYS, Served, build_centre, parts_of, settings_for

from acdcore.control import ControlPlane, Right
from acdcore.kernel.address import Address


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    centre = build_centre(tmp_path / "recordings")
    agents = FakeAgentStore(centre)
    parts = parts_of(centre, agents)
    async with ControlPlane(settings_for(centre, Address("127.0.0.1", 0)), parts) as plane:
        base = f"http://{plane.address}"
        async with (
            ClientSession(base) as anyone,
            ClientSession(base, headers={"X-API-Key": KEYS[Right.READ]}) as reader,
            ClientSession(base, headers={"Authorization": f"Bearer {KEYS[Right.OPERATE]}"}) as operator,
            ClientSession(base, headers={"Authorization": f"Bearer {KEYS[Right.ADMIN]}"}) as admin,
        ):
            yield Served(centre, agents, plane, parts, base, anyone, reader, operator, admin)
