from dataclasses import dataclass

from acdcore.media.rtp import RtpPacket

KEYS: str
"""In the order of their event codes (RFC 4733 section 3.2)."""

@dataclass(frozen=True, slots=True)
class Press:
    digit: str
    duration_ms: int

class Keypad:
    def hear(self, packet: RtpPacket, now: float) -> list[Press]: ...
    def expire(self, now: float) -> Press | None: ...
