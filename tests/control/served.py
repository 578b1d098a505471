"""A control plane at work, and what it stands on."""

from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry
from tests.control.fake_centre import (
    ENDED,
    NEW_WORK,
    SERVICE,
    FakeAgentStore,
    FakeCallCentre,
    FakeRecords,
    card,
    ended_call,
    recording_of,
)
from tests.control.fake_dispatcher import release_planner
from tests.control.fake_stores import FakeHoursStore, FakeScreeningStore, FakeTranscripts, FixedClock
from tests.fakes.strict_bus import strict_bus

from acdcore.calls.admission.refusals import Refusals
from acdcore.calls.model.directory import Tier
from acdcore.control import ApiKey, ControlParts, ControlPlane, ControlSettings, Right
from acdcore.kernel.address import Address
from acdcore.sip.admission import Sources

KEYS = {Right.READ: "read-secret", Right.OPERATE: "operate-secret", Right.ADMIN: "admin-secret"}

MADE_PASSWORD = "Zq3-vT9_hLx0aW7e"


@dataclass
class Served:
    """A running control plane with clients for it."""

    centre: FakeCallCentre
    agents: FakeAgentStore
    """Its store of agents."""
    plane: ControlPlane
    parts: ControlParts
    base: str
    """The server's URL without a path."""
    anyone: ClientSession
    """Without a key."""
    reader: ClientSession
    operator: ClientSession
    admin: ClientSession


def build_centre(directory: Path) -> FakeCallCentre:
    """Two calls up, one ended call with a recording, three customers."""
    directory.mkdir(parents=True, exist_ok=True)
    centre = FakeCallCentre(directory)
    cards = [
        card(1, "Harbour Machines", Tier.VIP, "02155550101", "M-1001"),
        card(2, "Riverside Garage", Tier.STANDARD, "02155550202"),
        card(3, "Hilltop Appliances", Tier.GOLD, "02155550303"),
    ]
    centre.customers = {one.id: one for one in cards}
    centre.cdrs.append(ended_call())
    centre.recording_rows.append(recording_of(ENDED, f"2026/11/21/{ENDED}-1.wav"))
    audio = directory / "2026/11/21" / f"{ENDED}-1.wav"
    audio.parent.mkdir(parents=True)
    audio.write_bytes(b"RIFF" + bytes(range(256)) * 4)
    return centre


def settings_for(centre: FakeCallCentre, address: Address) -> ControlSettings:
    keys = tuple(ApiKey.of(f"{right.name.lower()}-client", secret, right) for right, secret in KEYS.items())
    return ControlSettings(keys=keys, recordings=centre.recordings_directory, address=address)


def parts_of(centre: FakeCallCentre, agents: FakeAgentStore | None = None) -> ControlParts:
    records, bus = FakeRecords(centre), strict_bus()
    return ControlParts(
        commands=centre,
        events=centre.events,
        directory=records,
        customers=records,
        agents=agents or FakeAgentStore(centre),
        new_password=lambda: MADE_PASSWORD,
        history=records,
        transcripts=FakeTranscripts(centre),
        screening=FakeScreeningStore(centre),
        hours=FakeHoursStore(centre),
        new_work_id=lambda: NEW_WORK,
        targets=lambda: {SERVICE: 10.0},
        release=release_planner(),
        clock=FixedClock(),
        registry=CollectorRegistry(),
        bus=bus,
        refusals=Refusals(FixedClock(), Sources(), bus),
    )
