# What one phone is sent: a single RTP source, whatever feeds it.

from libc.stdint cimport int64_t, uint16_t, uint32_t

from acdcore.media.rtp cimport rtp_header_t

cdef struct outlet_t:
    uint32_t ssrc               # for the stream's whole life
    bint has_sent               # anything went out yet
    uint16_t next_sequence      # one above the highest sent
    uint32_t next_timestamp     # end of the newest audio sent
    uint32_t newest             # timestamp of the newest packet
    int64_t newest_ns           # when the first packet with that timestamp went out
    bint is_relaying            # a relay run is on; the fields below belong to it
    uint32_t source_ssrc        # whose packets are relayed
    uint16_t source_highest     # highest sequence number that came
    int64_t source_span         # sequence numbers from the run's first, or the last change of offset, to the highest
    uint32_t source_newest      # timestamp of the audio packet with the highest sequence number
    int64_t source_newest_ns    # when it came
    int audio_samples           # of the newest audio relayed in the run, 0 before any,
    uint16_t audio_sequence     # its number at the source,
    uint32_t audio_timestamp    # its timestamp there, and
    int64_t audio_ns            # when it came
    int64_t held_samples        # by how much audio was late after a pause, as it still is
    int64_t held_since_ns       # when that began
    uint16_t sequence_offset    # ours less the source's
    uint16_t earlier_offset     # the same before it changed last
    int64_t earlier_span        # sequence numbers that it held for
    uint32_t timestamp_offset   # ours less the source's
    bint has_key                # a key with a clock of its own was relayed; the fields below belong to it
    uint32_t key_ssrc
    uint32_t key_source         # timestamp of its packets as they came
    uint32_t key_timestamp      # the one that they went out with

cdef void outlet_generate(
    outlet_t* outlet, int samples, bint is_first, int64_t now_ns, rtp_header_t* header
) noexcept nogil
cdef bint outlet_relay(
    outlet_t* outlet, const rtp_header_t* source, int samples, int64_t now_ns, rtp_header_t* header
) noexcept nogil
cdef bint outlet_relay_key(
    outlet_t* outlet, const rtp_header_t* source, bint is_beside, int64_t now_ns, rtp_header_t* header
) noexcept nogil
cdef void outlet_omit(outlet_t* outlet, uint32_t ssrc, uint16_t sequence) noexcept nogil
cdef void outlet_interrupt(outlet_t* outlet) noexcept nogil
