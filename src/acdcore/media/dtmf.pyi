from dataclasses import dataclass

from acdcore.media.rtp import RtpPacket

KEYS: str

@dataclass(frozen=True, slots=True)
class Press:
    digit: str
    duration_ms: int

class Keypad:
    def hear(self, packet: RtpPacket, now: float) -> list[Press]: ...
    def expire(self, now: float) -> Press | None: ...
