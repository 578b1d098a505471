from dataclasses import dataclass

KEYS: str

@dataclass(frozen=True, slots=True)
class Press:
    digit: str
    duration_ms: int

class Keypad:
    def hear(self, payload: bytes, timestamp: int, now: float) -> Press | None: ...
    def expire(self, now: float) -> Press | None: ...
