"""RFC 4733 telephone-events become presses: one for each, however its packets are numbered, timed, repeated or lost.

By the RFC all packets of a press have one timestamp. Many phones and gateways do otherwise: the end packets have another,
the timestamp moves with each packet, or two keys have one. What all of them keep is the order of their sequence numbers,
and that the duration grows within a press and is small again at the next. The first row that fits decides:

  packet                                              key held                        key let go, or reported
  its number is not above the newest one's            ended by the end bit            ignored, or new press
                                                                                      if it comes behind an end bit
  of another key                                      new press, the held one ends    new press
  of another key, as the press before left off        ignored                         ignored
  next segment after some 8 s (section 2.5.1.3)       continues                       continues, is not reported again
  the same timestamp
    end bit                                           reported                        ignored, unless it is shorter
    duration as before or longer                      longer                          new press once the end bit has been
    shorter duration                                  new press, the held one ends    new press
  another timestamp
    end bit, before one came                          reported                        ignored if it began with the press
    end bit, after one came                           -                               ignored if close to the one before
    began with the press, and no shorter              longer                          ignored, until the end bit has been
    close to the packet before, and no shorter        longer unless timestamps stood  new press
    anything else                                     new press, the held one ends    new press
  nothing for 250 ms                                  reported: all ends were lost     -

"Began with the press" is said of a packet whose timestamp less its duration is where the press began. Sequence numbers are
compared within one SSRC only. After ten seconds all that is remembered is that a press has not had its end bit.
"""

from dataclasses import dataclass

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from acdcore.media.rtp cimport get16

cdef enum:
    EVENT_SIZE = 4          # section 2.3: event, end bit and volume, 16 bits of duration
    LAST_KEY = 15           # section 3.2: 0-9, *, #, A-D; flash hook and line signals are no keys
    END_BIT = 0x80
    MISORDER_MAX = 100      # RFC 3550 A.1: further back is no packet that was overtaken, but a sequence begun anew
    # A segment ends with a duration of 0xFFFF (section 2.5.1.3), or with the last step below that; its last packets may
    # be lost.
    SEGMENT_SLACK = 8000
    SEGMENT_FULL = 0xFFFF - SEGMENT_SLACK
    BEGAN_SLACK = 240       # 30 ms: a packet more or less between timestamp and duration; no pause between keys is shorter
    # Two packets of one press lie at most so far apart, with 50 ms of loss and 50 ms of overtaking between them. Two
    # presses lie further apart when no end packet of the first came: those take 60 ms, and a pause 50 ms.
    CLOSE_SAMPLES = 1000
    STEP_SAMPLES = 160      # of end packets whose duration says nothing
    FORGOTTEN_MS = 10_000   # far below the 20 minutes after which sequence numbers come again
    # Five packets of the usual 50 ms; shorter and a network hiccup makes two presses of one.
    SILENT_MS = 250

cdef enum relation_t:
    STALE       # nothing new
    SAME        # of the press that is known
    SEGMENT     # the next segment of it
    NEW         # of another press

cdef enum order_t:
    LATER
    WITHIN      # between the first and the newest packet of the press
    EARLIER     # of a press before

KEYS = "0123456789*#ABCD"


cdef bint key_read(const uint8_t* payload, const rtp_header_t* header, key_packet_t* packet) noexcept nogil:
    """Read a telephone-event; False when it is of no key."""
    if header.payload_size < EVENT_SIZE or payload[0] > LAST_KEY:
        return False
    packet.key = payload[0]
    packet.is_end = (payload[1] & END_BIT) != 0
    packet.duration = get16(payload + 2)
    packet.timestamp = header.timestamp
    packet.ssrc = header.ssrc
    packet.sequence = header.sequence
    return True


cdef int keypad_hear(
    keypad_t* keypad, const key_packet_t* packet, int64_t now_ns, press_t* presses
) noexcept nogil:
    """Take a telephone-event; how many presses it finished, at most PRESSES."""
    cdef relation_t relation = _relation(keypad, packet, now_ns)
    cdef int told = 0
    if relation == STALE:
        return 0
    if relation == NEW:
        keypad.left_key = -1
        if keypad.is_down:
            keypad.left_key = keypad.key
            keypad.left_timestamp = keypad.timestamp
            keypad.left_duration = keypad.duration
            _tell(keypad, &presses[told])
            told += 1
        _begin(keypad, packet)
    elif relation == SEGMENT:
        _continue(keypad, packet)
    _follow(keypad, packet, now_ns)
    if packet.is_end:
        if not keypad.has_ended or <int16_t>(packet.sequence - keypad.end_sequence) < 0:
            keypad.end_sequence = packet.sequence
        keypad.has_ended = True
        if keypad.is_down:
            _tell(keypad, &presses[told])
            told += 1
    return told


cdef void _begin(keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    keypad.is_known = keypad.is_down = True
    keypad.has_ended = keypad.is_steady = False
    keypad.key = packet.key
    keypad.ssrc = packet.ssrc
    keypad.first_sequence = keypad.last_sequence = packet.sequence
    keypad.began = keypad.timestamp = packet.timestamp
    keypad.began_after = packet.duration
    keypad.before = keypad.duration = 0


cdef void _continue(keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    keypad.has_ended = keypad.is_steady = False
    keypad.began = packet.timestamp
    keypad.began_after = packet.duration
    keypad.before += keypad.duration
    keypad.duration = 0


cdef void _follow(keypad_t* keypad, const key_packet_t* packet, int64_t now_ns) noexcept nogil:
    """Take a packet of the press into it."""
    keypad.heard_ns = now_ns
    if _order(keypad, packet) != LATER and packet.sequence != keypad.last_sequence:  # the end, overtaken by its like
        keypad.duration = max(keypad.duration, packet.duration)
        return
    if packet.timestamp == keypad.timestamp and 0 < keypad.duration < packet.duration and not packet.is_end:
        keypad.is_steady = True
    keypad.ssrc = packet.ssrc
    keypad.last_sequence = packet.sequence
    keypad.timestamp = packet.timestamp
    keypad.duration = max(keypad.duration, packet.duration)


cdef order_t _order(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    cdef int distance = <int16_t>(packet.sequence - keypad.last_sequence)
    if packet.ssrc != keypad.ssrc or distance > 0 or distance < -MISORDER_MAX:
        return LATER
    return EARLIER if <int16_t>(packet.sequence - keypad.first_sequence) < 0 else WITHIN


cdef relation_t _relation(const keypad_t* keypad, const key_packet_t* packet, int64_t now_ns) noexcept nogil:
    cdef order_t order
    if not keypad.is_known:
        return NEW
    if now_ns - keypad.heard_ns > <int64_t>FORGOTTEN_MS * 1_000_000:
        return SAME if _is_unended(keypad, packet) else NEW
    order = _order(keypad, packet)
    if order != LATER:
        return _overtaken(keypad, packet) if order == WITHIN and packet.key == keypad.key else STALE
    if packet.key != keypad.key:
        return STALE if _is_left(keypad, packet) else NEW
    if _is_next_segment(keypad, packet):
        return SEGMENT
    if packet.timestamp == keypad.timestamp:
        return _with_same_timestamp(keypad, packet)
    return _while_down(keypad, packet) if keypad.is_down else _after_told(keypad, packet)


cdef bint _is_unended(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    """A late packet of a press that was reported because of its silence."""
    return packet.key == keypad.key and packet.timestamp == keypad.timestamp and not keypad.has_ended


cdef relation_t _overtaken(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    if packet.is_end:
        return SAME if keypad.is_down else STALE
    # A key goes on behind an end: what seemed an end again was that of the next press.
    return NEW if keypad.has_ended and <int16_t>(packet.sequence - keypad.end_sequence) > 0 else STALE


cdef bint _is_left(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    """The press before goes on, beside its successor."""
    return (
        packet.key == keypad.left_key
        and packet.timestamp == keypad.left_timestamp
        and packet.duration >= keypad.left_duration
    )


cdef bint _is_next_segment(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    cdef int past_end = <int>(packet.timestamp - keypad.began - keypad.duration)
    if keypad.duration < SEGMENT_FULL:
        return False
    if packet.timestamp == keypad.timestamp:  # some let the 16 bits run over instead
        return packet.duration < keypad.duration and not packet.is_end and not keypad.has_ended
    if packet.duration > keypad.duration and _began_with(keypad, packet):
        return False
    return -BEGAN_SLACK <= past_end <= (BEGAN_SLACK if keypad.has_ended else SEGMENT_SLACK)


cdef relation_t _with_same_timestamp(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    if packet.is_end:
        return NEW if keypad.has_ended and packet.duration < keypad.duration else SAME
    if keypad.has_ended or packet.duration < keypad.duration:
        return NEW
    return SAME


cdef relation_t _while_down(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    cdef int step = <int>(packet.timestamp - keypad.timestamp)
    if packet.is_end:
        return SAME
    if packet.duration < keypad.duration:
        return NEW
    if _began_with(keypad, packet):
        return SAME
    if keypad.is_steady or step > CLOSE_SAMPLES or step < -CLOSE_SAMPLES:
        return NEW
    return SAME


cdef relation_t _after_told(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    cdef int step = <int>(packet.timestamp - keypad.timestamp)
    cdef int reach
    if not keypad.has_ended:
        return SAME if packet.duration >= keypad.duration and _began_with(keypad, packet) else NEW
    if not packet.is_end:
        return NEW
    # The next press would have its own length and the pause before it between the two.
    reach = max(min(keypad.duration, packet.duration), STEP_SAMPLES) + BEGAN_SLACK
    return SAME if -reach < step < reach else NEW


cdef bint _began_with(const keypad_t* keypad, const key_packet_t* packet) noexcept nogil:
    """Whether a packet with a timestamp of its own counts its duration from where the press began."""
    cdef int after = <int>(packet.timestamp - packet.duration - keypad.began)
    return -BEGAN_SLACK - <int>keypad.began_after <= after <= BEGAN_SLACK


cdef void _tell(keypad_t* keypad, press_t* press) noexcept nogil:
    press.key = keypad.key
    press.duration = keypad.before + keypad.duration
    keypad.is_down = False


cdef int64_t keypad_deadline(const keypad_t* keypad) noexcept nogil:
    """When a key that is held counts as let go, nanoseconds; -1 when none is held."""
    return keypad.heard_ns + SILENT_MS * 1_000_000 if keypad.is_down else -1


cdef bint keypad_expire(keypad_t* keypad, int64_t now_ns, press_t* press) noexcept nogil:
    """Let go of a key that was not heard of until its deadline; True when `press` was filled."""
    if not keypad.is_down or now_ns < keypad_deadline(keypad):
        return False
    _tell(keypad, press)
    return True


@dataclass(frozen=True, slots=True)
class Press:
    """A key that was pressed and let go."""

    digit: str
    """One of 0-9, *, #, A-D."""
    duration_ms: int
    """As far as was heard."""


cdef class Keypad:
    """The same, for tests: times are seconds."""

    cdef keypad_t _state

    def __cinit__(self):
        memset(&self._state, 0, sizeof(self._state))

    def hear(self, packet, now):
        """Take an RTP packet with a telephone-event; the presses that it finished."""
        cdef press_t presses[PRESSES]
        cdef rtp_header_t header
        cdef key_packet_t read
        cdef const uint8_t[::1] view = packet.payload if packet.payload else b"\0"
        header.timestamp = packet.timestamp
        header.sequence = packet.sequence
        header.ssrc = packet.ssrc
        header.payload_size = len(packet.payload)
        if not key_read(&view[0], &header, &read):
            return []
        told = keypad_hear(&self._state, &read, int(now * 1e9), presses)
        return [Press(KEYS[presses[at].key], presses[at].duration // 8) for at in range(told)]

    def expire(self, now):
        """The press that ended because nothing more was heard, or None."""
        cdef press_t press
        if keypad_expire(&self._state, int(now * 1e9), &press):
            return Press(KEYS[press.key], press.duration // 8)
        return None
