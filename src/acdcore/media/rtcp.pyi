from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class SenderInfo:
    ntp: int
    timestamp: int
    packets: int
    octets: int

@dataclass(frozen=True, slots=True)
class ReportBlock:
    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    since_report: int

@dataclass(frozen=True, slots=True)
class Report:
    ssrc: int
    sender: SenderInfo | None = None
    block: ReportBlock | None = None
    is_bye: bool = False

def build(report: Report) -> bytes: ...
def parse(data: bytes) -> Report | None: ...
