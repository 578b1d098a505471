"""What Python sees of the engine's structs, and what it hands in, checked."""

import socket

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from acdcore.media.core cimport HUSHED, KEYS, LOST, MU_AUDIO, OVERFLOWED, PAYLOAD_TYPES, PLAYED, PRESSED, counters_t
from acdcore.media.latch cimport OPEN
from acdcore.media.linux cimport AF_INET, htons, ntohs
from acdcore.media.reception cimport reception_lost

from acdcore.kernel.address import Address
from acdcore.kernel.errors import PeerError
from acdcore.media import dtmf
from acdcore.media.events import StreamDigitPressed, StreamMediaLost, StreamMediaResumed, StreamPlaybackFinished, StreamSpeechEnded, TapOverflowed
from acdcore.media.g711 import law_of
from acdcore.media.model import EarFrame, StreamFigures, TapBlock

SILENT_CHUNK_SAMPLES = 8000
# One object stands for every second of a recording that was lost, however many there are.
SILENT_CHUNK = bytes(4 * SILENT_CHUNK_SAMPLES)


cdef agreed_t view_agreed(target) except *:
    """Check what was agreed and turn it into a struct."""
    cdef agreed_t agreed
    cdef bytes packed
    memset(&agreed, 0, sizeof(agreed))
    try:
        packed = socket.inet_pton(socket.AF_INET, target.address.host)
    except OSError:
        raise PeerError(f"{target.address.host!r} is not an IPv4 address") from None
    for payload_type in _payload_types(target):
        if not 0 <= payload_type < PAYLOAD_TYPES:
            raise PeerError(f"payload type {payload_type} is not in 0 to 127")
    if target.ptime_ms not in range(10, 61, 10):
        raise PeerError(f"packets of {target.ptime_ms} ms are not in 10 to 60 ms by steps of 10")
    if not 0 <= target.address.port <= 65535:
        raise PeerError(f"port {target.address.port} is not in 0 to 65535")
    agreed.peer.address.sin_family = AF_INET
    agreed.peer.address.sin_port = htons(target.address.port)
    memcpy(&agreed.peer.address.sin_addr, <const char*>packed, 4)
    agreed.peer.sip_ip = _ipv4_of(target.sip_host)
    agreed.peer.has_nat = target.has_nat
    agreed.peer.is_symmetric = target.is_symmetric
    agreed.peer.talks = target.receives
    agreed.law = law_of(target.codec)
    agreed.payload_type = target.payload_type
    agreed.dtmf_payload_type = -1 if target.dtmf_payload_type is None else target.dtmf_payload_type
    _take_meanings(&agreed, target)
    agreed.frame_samples = 8 * target.ptime_ms
    agreed.sends = target.sends
    agreed.receives = target.receives
    agreed.is_early = target.is_early
    return agreed


def _payload_types(target):
    sent = [target.payload_type] if target.dtmf_payload_type is None else [target.payload_type, target.dtmf_payload_type]
    return [*sent, *target.dtmf_payload_types_in, *[payload_type for payload_type, _ in target.audio_in]]


cdef void _take_meanings(agreed_t* agreed, target) except *:
    """What each payload type means: audio goes before keys, and what we send before what else the peer may."""
    if target.dtmf_payload_type is not None:
        agreed.meanings[<int>target.dtmf_payload_type] = KEYS
    for payload_type in target.dtmf_payload_types_in:
        agreed.meanings[<int>payload_type] = KEYS
    for payload_type, codec in target.audio_in:
        agreed.meanings[<int>payload_type] = MU_AUDIO + <int>law_of(codec)
    agreed.meanings[agreed.payload_type] = MU_AUDIO + agreed.law


cdef uint32_t _ipv4_of(host) except? 0:
    """In network order; 0 for none: SIP may come by IPv6, or from a name."""
    cdef uint32_t found
    cdef bytes packed
    try:
        packed = socket.inet_pton(socket.AF_INET, host or "")
    except OSError:
        return 0
    memcpy(&found, <const char*>packed, 4)
    return found


cdef object view_figures(const stream_t* stream):
    cdef const counters_t* counters = &stream.counters
    source = None
    if stream.latch.rank != OPEN:
        host = socket.inet_ntop(socket.AF_INET, (<const char*>&stream.latch.source.sin_addr)[:4])
        source = Address(host, ntohs(stream.latch.source.sin_port))
    return StreamFigures(
        packets_in=counters.packets_in,
        packets_out=counters.packets_out,
        octets_in=counters.octets_in,
        octets_out=counters.octets_out,
        lost=reception_lost(&stream.reception),
        reordered=stream.reception.reordered,
        duplicates=stream.reception.duplicates,
        jitter_ms=stream.reception.jitter_x16 / 128.0,
        strangers=counters.strangers,
        malformed=counters.malformed,
        unwanted=counters.unwanted,
        send_failures=counters.send_failures,
        rtt_ms=stream.peer.rtt_ms if stream.peer.rtt_ms >= 0 else None,
        peer_lost=stream.peer.lost,
        peer_jitter_ms=stream.peer.jitter / 8.0,
        source=source,
    )


cdef object view_event(const event_t* event):
    if event.kind == PRESSED:
        return StreamDigitPressed(event.id, dtmf.KEYS[event.first], event.second // 8)
    if event.kind == PLAYED:
        return StreamPlaybackFinished(event.id, event.first, bool(event.second))
    if event.kind == LOST:
        return StreamMediaLost(event.id, event.first / 1e9)
    if event.kind == OVERFLOWED:
        return TapOverflowed(event.id, event.first)
    if event.kind == HUSHED:
        return StreamSpeechEnded(event.id, event.first / 1e9)
    return StreamMediaResumed(event.id)


cdef object view_frame(const frame_t* frame):
    return EarFrame(frame.ear, (<const char*>frame.samples)[:2 * frame.count])


cdef void view_block(list blocks, const block_t* block) except *:
    """Turn a block into Python objects: the silence for what was lost before it, then its samples."""
    cdef int64_t skipped = block.skipped
    while skipped >= SILENT_CHUNK_SAMPLES:
        blocks.append(TapBlock(block.tap, SILENT_CHUNK, False))
        skipped -= SILENT_CHUNK_SAMPLES
    samples = bytes(4 * skipped)
    if block.count:
        samples += (<const char*>block.stereo)[:4 * block.count]
    kept = block.kept if block.is_last and block.kept >= 0 else None
    blocks.append(TapBlock(block.tap, samples, bool(block.is_last), kept))
