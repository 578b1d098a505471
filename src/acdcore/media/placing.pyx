"""Where a received packet belongs on a timeline: by its timestamp, until what arrives disproves it.

All numbers are samples at 8 kHz; places and arrivals count from the recording's beginning. The rules for one source:
  1. A source's first packet lies where it arrives, and begins a run. So does one whose number is far from all others.
  2. Later ones lie by timestamp from there: loss stays silence, and packets that overtook each other find their places.
  3. Timestamps that overlap the packet before, or run backwards, are wrong: the number tells the place (30 ms packets
     that count 20, clocks that stand still or leap back).
  4. A packet that lies ahead of its arrival (EARLY) proves that the run lies too late, when its number leaves no gap:
     the packets before were held back. A young run slides back by as much, samples and all; so a burst at the start
     ends where its last packet arrives. Where there is a gap, the clock has leapt, and 3 holds.
  5. A packet that lies well behind its arrival begins a run where it arrives: the clock stood still in silence, or leapt
     back. If the network had only held it back, those behind it come soon, and by 4 the run slides until it lies again
     where it would have: nothing has moved. What is well behind is more than a packet, and five times the jitter.
  6. The smallest difference between arrival and place in a window shows how far the phone's clock has drifted from ours.
     Beyond 5 ms it is corrected in silence, up to 5 ms with a packet; beyond 10 ms also in speech, one sample with a packet.
"""

from libc.stdint cimport int16_t, int64_t, uint16_t
from libc.string cimport memset

cdef enum:
    DROPOUT = 3000                  # rule 1: numbers, as in RFC 3550 appendix A.1
    MISORDER = 100
    EARLY_SAMPLES = 80              # rule 4: 10 ms
    EARLY_LEAP = 40                 # the same behind a gap in the timestamps
    EARLY_ESTABLISHED = 240         # the same once a run is not young: a smaller change is worked off by rule 6
    YOUNG_SAMPLES = 1600            # 200 ms: longer than a burst takes to arrive
    LATE_LEAST = 80                 # rule 5: 10 ms, whatever the packets' length
    LATE_MOST = 160                 # 20 ms, where there is no jitter
    LATE_JITTERS = 5
    JITTER_PACKETS = 16             # RFC 3550 appendix A.8
    JITTER_CHANGE_MAX = 640         # more is not jitter but a leap or a stall
    BACK_SAMPLES = 160              # a run that slid back to within it lies as the one before
    WINDOW_PACKETS = 64             # rule 6: in as many, one is hardly delayed
    WINDOW_SHARE = 4                # smoothed over some 5 s
    SILENT_DEVIATION = 40           # 5 ms
    SPOKEN_DEVIATION = 80           # 10 ms
    SETTLED_DEVIATION = 8           # 1 ms
    SILENT_STEP = 40                # 5 ms
    SILENT_PEAK = 256               # -42 dB below full scale: breath and line noise
    FAR = 1 << 30


cdef bint source_place(
    source_t* source, const packet_t* packet, int64_t arrival, placed_t* placed
) noexcept nogil:
    """Fill `placed`; False for a packet that came before."""
    cdef int step = <int16_t>(packet.sequence - source.sequence)
    memset(placed, 0, sizeof(placed_t))
    if not source.is_anchored or step > DROPOUT or step < -MISORDER:
        source.is_anchored = True
        source.ssrc = packet.ssrc
        source.is_clock_wrong = False
        _anchor(source, arrival, 0, placed)
    elif step == 0:
        return False
    elif step < 0:
        placed.place = _overtaken(source, packet, step)
        return True
    else:
        _follow(source, packet, step, arrival, placed)
    source.sequence = packet.sequence
    source.timestamp = packet.timestamp
    source.position = placed.place
    source.count = packet.count
    source.arrival = arrival
    source.late = arrival - placed.place
    return True


cdef void _anchor(source_t* source, int64_t arrival, int64_t moved, placed_t* placed) noexcept nogil:
    """Begin a run with a packet that lies where it arrives."""
    source.before = source.run
    source.run.began = source.run.origin = arrival
    source.run.moved = moved
    source.run.deviation = 0
    source.least = FAR
    source.measured = 0
    source.is_correcting = False
    placed.place = arrival
    placed.anchored = 1


cdef int64_t _overtaken(const source_t* source, const packet_t* packet, int step) noexcept nogil:
    """The place of a packet whose successors came first."""
    cdef int behind = <int>(packet.timestamp - source.timestamp)
    cdef int64_t place
    if source.is_clock_wrong or behind >= 0:
        return source.position + step * packet.count
    place = source.position + behind
    return place if place >= source.run.origin else place - source.run.moved


cdef void _follow(
    source_t* source, const packet_t* packet, int step, int64_t arrival, placed_t* placed
) noexcept nogil:
    """The place of a packet above all numbers so far."""
    cdef int ahead = <int>(packet.timestamp - source.timestamp)
    cdef int64_t by_number = source.position + step * source.count
    cdef bint is_wrong = ahead <= 0 or (step == 1 and ahead < source.count)
    cdef int64_t late
    if step == 1 and ahead == source.count:
        source.is_clock_wrong = False
    elif is_wrong:
        source.is_clock_wrong = True
    if source.is_clock_wrong and step > 1:
        is_wrong = True
    placed.place = by_number if is_wrong else source.position + ahead
    late = arrival - placed.place - <int64_t>source.run.deviation
    if late > _tolerance(source, packet):
        _anchor(source, arrival, 0 if is_wrong else arrival - placed.place, placed)
    elif late < -EARLY_LEAP and not is_wrong and placed.place > by_number:
        source.is_clock_wrong = True
        _leap(source, packet, by_number, arrival, placed)
    elif late >= -EARLY_SAMPLES:
        _keep(source, packet, arrival, placed)
    else:
        _come_early(source, packet, -late, arrival, placed)


cdef int64_t _tolerance(const source_t* source, const packet_t* packet) noexcept nogil:
    """Rule 5: how late a packet may be."""
    cdef int64_t least = max(<int64_t>LATE_LEAST, min(<int64_t>LATE_MOST, <int64_t>packet.count))
    return max(least, <int64_t>(LATE_JITTERS * source.jitter))


cdef void _leap(
    source_t* source, const packet_t* packet, int64_t by_number, int64_t arrival, placed_t* placed
) noexcept nogil:
    """A clock that leapt ahead: the number tells the place, if that is about when the packet arrived."""
    cdef int64_t late = arrival - by_number - <int64_t>source.run.deviation
    if -EARLY_ESTABLISHED <= late <= _tolerance(source, packet):
        placed.place = by_number
        _keep(source, packet, arrival, placed)
    else:
        _anchor(source, arrival, 0, placed)


cdef void _come_early(
    source_t* source, const packet_t* packet, int64_t early, int64_t arrival, placed_t* placed
) noexcept nogil:
    """Rule 4, for a packet that follows without a gap."""
    cdef int64_t age = arrival - source.run.began
    if age >= YOUNG_SAMPLES:
        if early > EARLY_ESTABLISHED:
            _anchor(source, arrival, 0, placed)
        else:
            _keep(source, packet, arrival, placed)
        return
    if source.run.moved > 0 and source.run.moved - early <= BACK_SAMPLES:
        early = source.run.moved
    placed.slid = early
    placed.slid_from = source.run.origin
    placed.slid_until = source.position + source.count
    placed.place -= early
    if early == source.run.moved:
        _note_jitter(source, source.run.moved)
        source.run = source.before
        source.least = FAR
        source.measured = 0
        placed.anchored = -1
    else:
        source.run.origin -= early
        source.run.moved = max(<int64_t>0, source.run.moved - early)


cdef void _keep(source_t* source, const packet_t* packet, int64_t arrival, placed_t* placed) noexcept nogil:
    """The packet lies where it ought to: what there is to learn from it, and rule 6."""
    cdef int64_t late = arrival - placed.place
    _note_jitter(source, late - source.late if late > source.late else source.late - late)
    _measure(source, late)
    placed.step = _correction(source, packet)
    placed.place += placed.step


cdef void _note_jitter(source_t* source, int64_t change) noexcept nogil:
    if change >= JITTER_CHANGE_MAX:
        return
    if source.changes < JITTER_PACKETS:
        source.changes += 1
    source.jitter += (change - source.jitter) / source.changes


cdef void _measure(source_t* source, int64_t late) noexcept nogil:
    source.least = min(source.least, late)
    source.measured += 1
    if source.measured == WINDOW_PACKETS:
        source.run.deviation += (source.least - source.run.deviation) / WINDOW_SHARE
        source.least = FAR
        source.measured = 0


cdef int _correction(source_t* source, const packet_t* packet) noexcept nogil:
    """Rule 6: by how much to move with this packet."""
    cdef double deviation = source.run.deviation
    cdef double size = deviation if deviation >= 0 else -deviation
    cdef int step
    if size < SETTLED_DEVIATION:
        source.is_correcting = False
    if size > SPOKEN_DEVIATION:
        source.is_correcting = True
    if not source.is_correcting and size <= SILENT_DEVIATION:
        return 0
    if _is_silent(packet):
        source.is_correcting = True
        step = <int>min(size, <double>SILENT_STEP)
    elif source.is_correcting:
        step = 1
    else:
        return 0
    if deviation < 0:
        step = -step
    source.run.deviation -= step
    source.least -= step
    return step


cdef bint _is_silent(const packet_t* packet) noexcept nogil:
    cdef int at
    for at in range(packet.count):
        if not -SILENT_PEAK < packet.table[packet.payload[at]] < SILENT_PEAK:
            return False
    return True
