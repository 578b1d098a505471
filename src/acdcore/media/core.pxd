# All state of the engine, as plain structs: the thread works on them, commands change them between two wakes.

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from acdcore.media.dtmf cimport keypad_t
from acdcore.media.latch cimport latch_t
from acdcore.media.linux cimport pthread_mutex_t, sockaddr_in
from acdcore.media.outlet cimport outlet_t
from acdcore.media.reception cimport reception_t
from acdcore.media.rtcp cimport CNAME_SIZE
from acdcore.media.speech cimport speech_t
from acdcore.media.timeline cimport timeline_t
from acdcore.media.timers cimport timers_t

cdef enum:
    SLOTS = 8192                # open streams and, apart, recordings and ears: a port range of 64 K holds 32 K pairs at most
    PLAYLIST_MAX = 64           # clips in one playback: a spoken number of 20 digits with its frame takes some 30
    FRAME_MAX = 480             # samples in a packet of ours: 60 ms
    DATAGRAM_MAX = 2048         # above the Ethernet MTU; a longer datagram is malformed
    PAYLOAD_TYPES = 128         # RFC 3550 section 5.1: 7 bits
    EVENTS_MAX = 16384          # events waiting for the loop: ten keys a second on 150 lines for ten seconds

cdef enum deadline_kind_t:
    TICK        # a packet of ours is due
    QUIET       # has the stream been sent nothing for too long?
    REPORT      # RTCP
    SILENCE     # has the stream been heard?
    KEY         # has the held key been heard?
    BLOCK       # a second of a recording is due
    HUSH        # has speech been heard on a recording's left side?
    EAR         # a frame for who listens is due

cdef enum event_kind_t:
    PRESSED     # number: key, duration in samples
    PLAYED      # number: playback, whether it is complete
    LOST        # number: silence in ns
    RESUMED
    OVERFLOWED  # number: samples lost
    HUSHED      # number: silence in ns

cdef enum meaning_t:
    NOT_AGREED  # of a payload type that is not taken
    KEYS        # telephone-events
    MU_AUDIO    # audio, from here on: the law and MU_AUDIO
    A_AUDIO

cdef struct event_t:
    event_kind_t kind
    int64_t id              # stream or tap
    int64_t first           # numbers by kind, see above
    int64_t second

cdef struct clip_t:
    int64_t samples         # length, at least 1
    uint8_t* codes[2]       # by law
    int users               # playlists that hold it
    bint is_dropped         # free it with its last user

cdef struct playlist_t:
    clip_t* clips[PLAYLIST_MAX]
    int count               # clips, at least 1
    int index               # the clip being played; count when all were
    int64_t position        # sample in it
    bint is_loop            # background

cdef struct counters_t:
    int64_t packets_in
    int64_t packets_out
    int64_t octets_in
    int64_t octets_out
    int64_t strangers
    int64_t malformed
    int64_t unwanted
    int64_t send_failures

cdef struct peer_report_t:
    uint32_t ntp_middle     # of the peer's last sender report, 0 before one
    int64_t heard_ns        # when it came
    int64_t lost            # of our packets, by the peer's last report
    uint32_t jitter         # samples
    double rtt_ms           # -1 while unknown

cdef struct tap_t:
    int64_t id
    timeline_t timeline
    stream_t* streams[2]    # left and right, NULL for silence
    int waiting             # blocks not yet fetched
    int64_t skipped         # samples that found no room among them
    bint has_prompts        # what is played to one side lies on the other's
    int64_t hush_ns         # silence on the left that is reported once, 0 for none
    int64_t kept            # samples of the whole recording that are to be kept, -1 for all
    speech_t speech         # on the left, while `hush_ns` is above 0

cdef struct ear_t:
    int64_t id
    timeline_t timeline     # its left lane
    stream_t* stream        # NULL once that is closed
    int waiting             # frames not yet fetched

cdef struct frame_t:
    frame_t* next
    int64_t ear
    int64_t count           # samples
    int16_t* samples

cdef struct block_t:
    block_t* next
    int64_t tap
    int64_t skipped         # samples of silence before it
    int64_t count           # samples in `stereo`
    int16_t* stereo         # NULL when count is 0
    bint is_last
    int64_t kept            # of the last block: see the tap's

cdef struct stream_t:
    int64_t id
    int port                # RTP
    int rtp_fd
    int rtcp_fd
    # What was agreed.
    bint is_connected
    bint sends
    bint receives
    bint is_early           # before the answer: its silence is no loss
    int law                 # of what we send
    int payload_type        # of what we send
    int dtmf_payload_type   # of what we send, -1 for none
    uint8_t meanings[PAYLOAD_TYPES]     # of what we are sent: meaning_t
    int frame_samples       # in packets of ours
    # Where the peer is.
    latch_t latch           # whom we hear
    bint has_target         # there is somewhere to send to
    sockaddr_in target      # where our audio goes
    sockaddr_in rtcp_target
    # What comes in.
    reception_t reception   # of the audio's source
    reception_t beside      # of a source that sends no audio: keys, comfort noise
    keypad_t keypad
    bint is_key_armed
    int64_t heard_ns        # last packet, or connect
    int64_t alive_ns        # last sign of life, or connect
    bint is_lost            # reported as lost
    bint is_awaited         # nothing was heard since it was connected early: whoever is bridged hears music until then
    bint is_silence_armed
    tap_t* tap              # recording that it feeds
    int lane                # of the tap
    ear_t* ear              # of somebody who listens to it
    # What goes out.
    outlet_t outlet
    stream_t* bridge        # the other side
    playlist_t* playback
    int64_t playback_number
    bint is_over_music      # the playback is mixed over the background where that is heard
    playlist_t* background
    int depth               # how far the background is lowered (overlay.pyx)
    playlist_t* feeding     # what the last packet of ours was taken from; of a mix the background, NULL for silence
    bint is_flowing         # the next packet of ours follows the last one without a pause
    bint is_filling         # silence is sent, because there is nothing else
    bint is_quiet_armed
    int64_t sent_ns         # last packet to the peer, or connect
    bint is_tick_armed
    int64_t tick_ns         # when the next packet of ours is due
    # Reports and figures.
    uint8_t cname[CNAME_SIZE]
    peer_report_t peer
    counters_t counters

cdef struct tally_t:
    int streams             # open
    int taps                # in progress
    int ears                # somebody listens to
    int clips               # in memory
    int playlists           # holding clips
    int events              # waiting for the loop
    int blocks              # waiting for the writer
    int64_t dropped_events
    int64_t dropped_blocks
    int64_t dropped_frames
    int64_t wakes           # of the thread
    int64_t packets         # datagrams read, good and bad

cdef struct core_t:
    pthread_mutex_t mutex   # around a wake of the thread, and around a command
    int epoll_fd
    int wake_fd             # a command wants the thread to look at once
    int event_fd
    int block_fd
    int frame_fd
    bint is_stopping
    int64_t wakes_at_ns     # until when the thread sleeps at most
    bint has_early          # a command armed a deadline before that
    int64_t pause_ns
    int64_t learning_ns
    int64_t lost_after_ns   # 0: no silence is reported
    int64_t quiet_ns        # for so long a stream is sent nothing at most
    int64_t report_ns
    int64_t block_ns
    uint64_t random         # state for spreading reports
    stream_t* streams[SLOTS]
    tap_t* taps[SLOTS]
    ear_t* ears[SLOTS]
    tally_t tally
    int64_t serial          # makes ids unique
    timers_t timers
    event_t* events         # ring of EVENTS_MAX
    int event_head
    bint has_news           # event_fd must be written
    block_t* first_block
    block_t* last_block
    bint has_blocks         # block_fd must be written
    frame_t* first_frame
    frame_t* last_frame
    bint has_frames         # frame_fd must be written
    uint8_t buffer[DATAGRAM_MAX]    # the datagram being worked on

cdef core_t* core_create() noexcept nogil
cdef void core_free(core_t* core) noexcept nogil
cdef void core_enter(core_t* core) noexcept nogil
cdef void core_leave(core_t* core) noexcept nogil
cdef int64_t monotonic_ns() noexcept nogil
cdef int64_t core_take_slot(core_t* core, void** slots) noexcept nogil
cdef stream_t* core_stream(core_t* core, int64_t id) noexcept nogil
cdef tap_t* core_tap(core_t* core, int64_t id) noexcept nogil
cdef ear_t* core_ear(core_t* core, int64_t id) noexcept nogil
cdef void core_arm(core_t* core, int64_t due_ns, int kind, int64_t id) noexcept nogil
cdef void core_tell(core_t* core, event_kind_t kind, int64_t id, int64_t first, int64_t second) noexcept nogil
cdef int core_hear(core_t* core, event_t* events, int limit) noexcept nogil
cdef double core_random(core_t* core) noexcept nogil
cdef void core_send(core_t* core, stream_t* stream, const uint8_t* data, int size) noexcept nogil
