from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class RtpPacket:
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

def parse(data: bytes) -> RtpPacket | None: ...
def build(packet: RtpPacket) -> bytes: ...
