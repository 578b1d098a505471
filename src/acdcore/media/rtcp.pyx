"""RTCP compound packets (RFC 3550 section 6): one parser and one writer, for the engine and for phones in Python."""

from dataclasses import dataclass

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from acdcore.media.rtp cimport get16, get32, put16, put32

cdef enum:
    SENDER_REPORT = 200
    RECEIVER_REPORT = 201
    DESCRIPTION = 202
    GOODBYE = 203
    BLOCK_SIZE = 24         # section 6.4.1
    SENDER_SIZE = 28        # header, SSRC and sender information
    RECEIVER_SIZE = 8       # header and SSRC
    ITEM_CNAME = 1
    DESCRIPTION_SIZE = 8 + 2 + CNAME_SIZE + 2   # header, SSRC, item, end of the list padded to a word


cdef bint rtcp_read(const uint8_t* data, Py_ssize_t size, uint32_t ssrc, incoming_t* incoming) noexcept nogil:
    """Read a compound; False when its lengths do not add up or it does not begin with a report (appendix A.2)."""
    cdef Py_ssize_t at = 0, length
    cdef int kind, count
    memset(incoming, 0, sizeof(incoming_t))
    while at < size:
        if size - at < 4 or (data[at] & 0xC0) != 0x80:
            return False
        length = 4 * (<Py_ssize_t>get16(data + at + 2) + 1)
        if length > size - at:
            return False
        kind = data[at + 1]
        count = data[at] & 0x1F
        if at == 0 and (kind not in (SENDER_REPORT, RECEIVER_REPORT) or data[0] & 0x20):
            return False
        if kind in (SENDER_REPORT, RECEIVER_REPORT) and not _read_report(data + at, length, ssrc, incoming):
            return False
        if kind == GOODBYE and count > 0:
            incoming.is_bye = True
        if at == 0:
            incoming.ssrc = get32(data + 4)
        at += length
    return size > 0


cdef bint _read_report(const uint8_t* data, Py_ssize_t length, uint32_t ssrc, incoming_t* incoming) noexcept nogil:
    cdef int count = data[0] & 0x1F
    cdef Py_ssize_t at = SENDER_SIZE if data[1] == SENDER_REPORT else RECEIVER_SIZE
    cdef uint32_t lost
    if at + count * BLOCK_SIZE > length:
        return False
    if data[1] == SENDER_REPORT:
        incoming.has_sender = True
        incoming.ntp_middle = (<uint32_t>get16(data + 10) << 16) | get16(data + 12)
    for _ in range(count):
        if get32(data + at) == ssrc:
            lost = get32(data + at + 4) & 0xFFFFFF
            incoming.has_block = True
            incoming.lost = <int64_t>lost - (0x1000000 if lost & 0x800000 else 0)
            incoming.jitter = get32(data + at + 12)
            incoming.last_report = get32(data + at + 16)
            incoming.since_report = get32(data + at + 20)
        at += BLOCK_SIZE
    return True


cdef int rtcp_write(uint8_t* data, const outgoing_t* outgoing) noexcept nogil:
    """Write report, CNAME and, at the end, BYE; returns the size, at most RTCP_SIZE_MAX."""
    cdef int at = _write_report(data, outgoing)
    at += _write_description(data + at, outgoing)
    if outgoing.is_bye:
        _write_head(data + at, GOODBYE, 1, 8)
        put32(data + at + 4, outgoing.sender.ssrc)
        at += 8
    return at


cdef void _write_head(uint8_t* data, int kind, int count, int size) noexcept nogil:
    data[0] = <uint8_t>(0x80 | count)
    data[1] = <uint8_t>kind
    put16(data + 2, <uint16_t>(size // 4 - 1))


cdef int _write_report(uint8_t* data, const outgoing_t* outgoing) noexcept nogil:
    cdef const sender_t* sender = &outgoing.sender
    cdef const report_block_t* block = &outgoing.block
    cdef int at = SENDER_SIZE if sender.has_sent else RECEIVER_SIZE
    cdef int size = at + (BLOCK_SIZE if outgoing.has_block else 0)
    _write_head(data, SENDER_REPORT if sender.has_sent else RECEIVER_REPORT, 1 if outgoing.has_block else 0, size)
    put32(data + 4, sender.ssrc)
    if sender.has_sent:
        put32(data + 8, <uint32_t>(sender.ntp >> 32))
        put32(data + 12, <uint32_t>sender.ntp)
        put32(data + 16, sender.timestamp)
        put32(data + 20, sender.packets)
        put32(data + 24, sender.octets)
    if outgoing.has_block:
        put32(data + at, block.ssrc)
        put32(data + at + 4, (<uint32_t>block.fraction_lost << 24) | <uint32_t>block.lost)
        put32(data + at + 8, block.highest)
        put32(data + at + 12, block.jitter)
        put32(data + at + 16, outgoing.last_report)
        put32(data + at + 20, outgoing.since_report)
    return size


cdef int _write_description(uint8_t* data, const outgoing_t* outgoing) noexcept nogil:
    memset(data, 0, DESCRIPTION_SIZE)
    _write_head(data, DESCRIPTION, 1, DESCRIPTION_SIZE)
    put32(data + 4, outgoing.sender.ssrc)
    data[8] = ITEM_CNAME
    data[9] = CNAME_SIZE
    memcpy(data + 10, outgoing.cname, CNAME_SIZE)
    return DESCRIPTION_SIZE


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender report says about its sender."""

    ntp: int
    """Wall clock, 32.32 bits since 1900."""
    timestamp: int
    """RTP timestamp for the same moment."""
    packets: int
    """Sent so far."""
    octets: int
    """Payload octets sent so far."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a report says about one source."""

    ssrc: int
    """The source."""
    fraction_lost: int
    """Since the report before, in 1/256."""
    lost: int
    """Since the source began."""
    highest: int
    """Extended highest sequence number."""
    jitter: int
    """In samples."""
    last_report: int
    """Middle 32 bits of the source's last sender report; 0 for none."""
    since_report: int
    """Time since it came, 1/65536 s."""


@dataclass(frozen=True, slots=True)
class Report:
    """A compound packet: report, CNAME, BYE."""

    ssrc: int
    """Who reports."""
    sender: SenderInfo | None = None
    """None in a receiver report."""
    block: ReportBlock | None = None
    """On at most one source."""
    is_bye: bool = False
    """The reporter leaves."""


def build(report):
    """The datagram of a report."""
    cdef outgoing_t outgoing
    cdef uint8_t data[RTCP_SIZE_MAX]
    cdef bytes cname = f"{report.ssrc:0{CNAME_SIZE}x}".encode()
    memset(&outgoing, 0, sizeof(outgoing))
    outgoing.cname = <const uint8_t*><const char*>cname
    outgoing.sender.ssrc = report.ssrc
    outgoing.is_bye = report.is_bye
    if report.sender is not None:
        outgoing.sender.has_sent = True
        outgoing.sender.ntp = report.sender.ntp
        outgoing.sender.timestamp = report.sender.timestamp
        outgoing.sender.packets = report.sender.packets
        outgoing.sender.octets = report.sender.octets
    if report.block is not None:
        outgoing.has_block = True
        outgoing.block.ssrc = report.block.ssrc
        outgoing.block.fraction_lost = report.block.fraction_lost
        outgoing.block.lost = report.block.lost
        outgoing.block.highest = report.block.highest
        outgoing.block.jitter = report.block.jitter
        outgoing.last_report = report.block.last_report
        outgoing.since_report = report.block.since_report
    return data[:rtcp_write(data, &outgoing)]


def parse(bytes data):
    """Parse a compound packet; None when it is malformed."""
    cdef incoming_t incoming
    cdef const uint8_t[::1] view = data if data else b"\0"
    if not rtcp_read(&view[0], len(data), 0, &incoming):
        return None
    sender = block = None
    at = RECEIVER_SIZE
    if data[1] == SENDER_REPORT:
        words = [int.from_bytes(data[i:i + 4], "big") for i in range(8, SENDER_SIZE, 4)]
        sender = SenderInfo(words[0] << 32 | words[1], *words[2:])
        at = SENDER_SIZE
    if data[0] & 0x1F:
        block = _parse_block(data[at:at + BLOCK_SIZE])
    return Report(int.from_bytes(data[4:8], "big"), sender, block, bool(incoming.is_bye))


def _parse_block(data):
    words = [int.from_bytes(data[i:i + 4], "big") for i in range(0, BLOCK_SIZE, 4)]
    return ReportBlock(words[0], words[1] >> 24, words[1] & 0xFFFFFF, *words[2:])
