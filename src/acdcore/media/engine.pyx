"""The engine's face towards Python; engine.pyi says what each command does.

A command owns the state for as long as it changes it (`core_enter` to `core_leave`) and in between touches no Python
object. It keeps the interpreter's lock meanwhile: the engine's thread never wants that one, so neither can wait for the
other in a circle.
"""

import threading

from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from acdcore.media.core cimport (
    PLAYLIST_MAX, SLOTS, block_t, clip_t, core_create, core_ear, core_enter, core_free, core_hear, core_leave,
    core_stream, core_t, core_tap, ear_t, event_t, frame_t, monotonic_ns, playlist_t, stream_t, tally_t, tap_t,
)
from acdcore.media.ears cimport ear_close, ear_create, ear_take_frames
from acdcore.media.g711 cimport A_LAW, MU_LAW, encode_samples
from acdcore.media.linux cimport close, read
from acdcore.media.playout cimport (
    clip_release, playlist_create, playout_loop, playout_play, playout_stop, playout_wake,
)
from acdcore.media.poller cimport poller_run
from acdcore.media.rtcp cimport CNAME_SIZE
from acdcore.media.speech cimport speech_known, speech_t
from acdcore.media.streams cimport (
    agreed_t, stream_bridge, stream_close, stream_connect, stream_open, stream_unbridge,
)
from acdcore.media.taps cimport tap_attach, tap_close, tap_create, tap_take_blocks
from acdcore.media.views cimport view_agreed, view_block, view_event, view_figures, view_frame

from acdcore.media.model import (
    EngineCensus, OpenedStream, PortsExhausted, SpeechFigures, UnknownClip, UnknownEar, UnknownStream, UnknownTap,
)
from acdcore.media.ports import PortPairs

cdef enum:
    EVENT_BATCH = 64        # events copied out in one go


cdef class Engine:
    """All audio of the daemon, in one thread of its own that never holds the interpreter's lock."""

    cdef core_t* _core
    cdef object _ports
    cdef object _ids
    cdef object _thread
    cdef dict _clips        # ClipId -> address of its clip_t
    cdef int64_t _clip_serial
    cdef bint _is_stopped

    def __cinit__(self, settings, ids):
        self._core = core_create()
        if self._core == NULL:
            raise MemoryError("the media engine found no memory or no descriptors")
        self._core.pause_ns = settings.pause_us * 1000
        self._core.learning_ns = int(settings.learning_window_s * 1e9)
        self._core.lost_after_ns = int((settings.media_lost_after_s or 0) * 1e9)
        self._core.quiet_ns = settings.quiet_max_ms * 1_000_000
        self._core.report_ns = int(settings.rtcp_interval_s * 1e9)
        self._core.block_ns = settings.tap_block_ms * 1_000_000
        self._core.random = <uint64_t>ids.number(1 << 62) | 1
        self._ports = PortPairs(settings.address, settings.first_port, settings.last_port, ids)
        self._ids = ids
        self._clips = {}

    def __del__(self):
        if self._clips is not None:
            self.stop()

    def __dealloc__(self):
        if self._core != NULL:
            core_free(self._core)

    def start(self):
        if self._thread is not None:
            raise RuntimeError("the media engine was started before")
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)
        self._thread.start()

    def _run(self):
        with nogil:
            poller_run(self._core)

    def stop(self):
        if self._is_stopped:
            return
        self._is_stopped = True
        core_enter(self._core)
        self._core.is_stopping = self._core.has_early = True
        core_leave(self._core)
        if self._thread is not None:
            self._thread.join()
        self._close_all()

    cdef void _close_all(self):
        """End recordings and streams and drop all clips; the thread has ended or never ran."""
        cdef int64_t now_ns = monotonic_ns()
        cdef int slot
        cdef stream_t* stream
        core_enter(self._core)
        for slot in range(SLOTS):
            if self._core.taps[slot] != NULL:
                tap_close(self._core, self._core.taps[slot], now_ns)
            if self._core.ears[slot] != NULL:
                ear_close(self._core, self._core.ears[slot])
        for slot in range(SLOTS):
            stream = self._core.streams[slot]
            if stream != NULL:
                stream_close(self._core, stream, now_ns)
                _free_stream(stream)
        core_leave(self._core)
        for clip in list(self._clips):
            self.drop_clip(clip)

    @property
    def event_fd(self):
        return self._core.event_fd

    @property
    def block_fd(self):
        return self._core.block_fd

    @property
    def frame_fd(self):
        return self._core.frame_fd

    def events(self):
        cdef event_t batch[EVENT_BATCH]
        cdef uint64_t signals
        cdef int count = EVENT_BATCH, at
        events = []
        read(self._core.event_fd, &signals, sizeof(signals))
        while count == EVENT_BATCH:
            core_enter(self._core)
            count = core_hear(self._core, batch, EVENT_BATCH)
            core_leave(self._core)
            events += [view_event(&batch[at]) for at in range(count)]
        return events

    def blocks(self):
        cdef block_t* block
        cdef block_t* following
        cdef uint64_t signals
        read(self._core.block_fd, &signals, sizeof(signals))
        core_enter(self._core)
        block = tap_take_blocks(self._core)
        core_leave(self._core)
        blocks = []
        while block != NULL:
            following = block.next
            view_block(blocks, block)
            free(block.stereo)
            free(block)
            block = following
        return blocks

    def frames(self):
        cdef frame_t* frame
        cdef frame_t* following
        cdef uint64_t signals
        read(self._core.frame_fd, &signals, sizeof(signals))
        core_enter(self._core)
        frame = ear_take_frames(self._core)
        core_leave(self._core)
        frames = []
        while frame != NULL:
            following = frame.next
            frames.append(view_frame(frame))
            free(frame.samples)
            free(frame)
            frame = following
        return frames

    def add_clip(self, bytes pcm):
        cdef int64_t samples = len(pcm) // 2
        cdef clip_t* clip
        cdef int law
        if not pcm or len(pcm) % 2:
            raise ValueError("a clip is 16-bit PCM of at least one sample")
        clip = <clip_t*>calloc(1, sizeof(clip_t))
        if clip == NULL:
            raise MemoryError
        clip.samples = samples
        for law in (MU_LAW, A_LAW):
            clip.codes[law] = <uint8_t*>malloc(samples)
            if clip.codes[law] == NULL:
                free(clip.codes[MU_LAW])
                free(clip)
                raise MemoryError
            encode_samples(law, <const int16_t*><const char*>pcm, samples, clip.codes[law])
        core_enter(self._core)
        self._core.tally.clips += 1
        core_leave(self._core)
        self._clip_serial += 1
        self._clips[self._clip_serial] = <size_t>clip
        return self._clip_serial

    def drop_clip(self, clip):
        if clip not in self._clips:
            raise UnknownClip(clip)
        cdef clip_t* dropped = <clip_t*><size_t>self._clips.pop(clip)
        core_enter(self._core)
        dropped.is_dropped = True
        clip_release(self._core, dropped)
        core_leave(self._core)

    def open(self):
        cdef stream_t* stream
        cdef int64_t id
        stream = <stream_t*>calloc(1, sizeof(stream_t))
        if stream == NULL:
            raise MemoryError
        stream.rtp_fd = stream.rtcp_fd = -1
        try:
            cname = self._ids.token(CNAME_SIZE // 2).encode()
            memcpy(stream.cname, <const char*>cname, CNAME_SIZE)
            stream.outlet.ssrc = self._ids.number(1 << 32)
            stream.outlet.next_sequence = self._ids.number(1 << 16)
            stream.outlet.next_timestamp = self._ids.number(1 << 32)
            port, rtp, rtcp = self._ports.bind()
        except BaseException:
            free(stream)
            raise
        stream.port = port
        stream.rtp_fd = rtp.detach()
        stream.rtcp_fd = rtcp.detach()
        core_enter(self._core)
        id = 0 if self._core.is_stopping else stream_open(self._core, stream, monotonic_ns())
        core_leave(self._core)
        if id == 0:
            _free_stream(stream)
            self._ports.give_back(port)
            if self._is_stopped:
                raise RuntimeError("the media engine has stopped")
            raise PortsExhausted(f"the engine holds {SLOTS} streams or the machine refuses more descriptors")
        return OpenedStream(id, port)

    def connect(self, stream, target):
        cdef agreed_t agreed = view_agreed(target)
        cdef int64_t id = stream
        cdef stream_t* known
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            stream_connect(self._core, known, &agreed, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)

    def close(self, stream):
        cdef int64_t id = stream
        cdef stream_t* known
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            stream_close(self._core, known, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        figures = view_figures(known)
        port = known.port
        _free_stream(known)
        self._ports.give_back(port)
        return figures

    def figures(self, stream):
        cdef int64_t id = stream
        cdef stream_t* known
        cdef stream_t copy
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            copy = known[0]
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        return view_figures(&copy)

    def play(self, stream, clips, playback, *, over_music=False):
        cdef clip_t* found[PLAYLIST_MAX]
        cdef int count = self._find_clips(clips, found)
        cdef int64_t id = stream, number = playback
        cdef bint is_over_music = over_music
        cdef stream_t* known
        cdef playlist_t* playlist = NULL
        if count == 0:
            raise ValueError("a playback needs a clip")
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            playlist = playlist_create(self._core, found, count, False)
        if playlist != NULL:
            playout_play(self._core, known, playlist, number, is_over_music)
            playout_wake(self._core, known, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        if playlist == NULL:
            raise MemoryError

    def stop_playing(self, stream):
        cdef int64_t id = stream
        cdef stream_t* known
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            playout_stop(self._core, known, False)
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)

    def set_background(self, stream, clips):
        cdef clip_t* found[PLAYLIST_MAX]
        cdef int count = self._find_clips(clips, found)
        cdef int64_t id = stream
        cdef stream_t* known
        cdef playlist_t* playlist = NULL
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL and count:
            playlist = playlist_create(self._core, found, count, True)
        if known != NULL:
            playout_loop(self._core, known, playlist)
            playout_wake(self._core, known, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        if count and playlist == NULL:
            raise MemoryError

    cdef int _find_clips(self, clips, clip_t** found) except -1:
        cdef tuple chosen = tuple(clips)    # of a list that another thread extends the length would not hold
        if len(chosen) > PLAYLIST_MAX:
            raise ValueError(f"at most {PLAYLIST_MAX} clips can be played in one go")
        for at, clip in enumerate(chosen):
            if clip not in self._clips:
                raise UnknownClip(clip)
            found[<int>at] = <clip_t*><size_t>self._clips[clip]
        return len(chosen)

    def bridge(self, a, b):
        cdef int64_t id = a, other_id = b
        cdef stream_t* one
        cdef stream_t* other
        if id == other_id:
            raise ValueError("a stream cannot be bridged with itself")
        core_enter(self._core)
        one = core_stream(self._core, id)
        other = core_stream(self._core, other_id)
        if one != NULL and other != NULL:
            stream_bridge(self._core, one, other, monotonic_ns())
        core_leave(self._core)
        if one == NULL or other == NULL:
            raise UnknownStream(a if one == NULL else b)

    def unbridge(self, a):
        cdef int64_t id = a
        cdef stream_t* known
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            stream_unbridge(self._core, known, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(a)

    def tap(self, left, right=None, *, has_prompts=False, hush_s=0.0):
        cdef int64_t id = 0, hush_ns = int(hush_s * 1e9)
        cdef bint is_with_prompts = has_prompts
        cdef int64_t left_id = left, right_id = right or 0
        cdef tap_t* tap
        if left == right:
            raise ValueError("left and right of a recording are two streams")
        self._check_free(left)
        self._check_free(right)
        core_enter(self._core)
        tap = tap_create(self._core, is_with_prompts, hush_ns, monotonic_ns())
        if tap != NULL:
            id = tap.id
            _attach(self._core, tap, left_id, right_id)
        core_leave(self._core)
        if id == 0:
            raise MemoryError
        return id

    def _check_free(self, stream):
        """Raise when a stream that is given is not open or is being recorded."""
        cdef int64_t id
        cdef bint is_recorded
        cdef stream_t* known
        if stream is None:
            return
        id = stream
        core_enter(self._core)
        known = core_stream(self._core, id)
        is_recorded = known != NULL and known.tap != NULL
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        if is_recorded:
            raise ValueError(f"stream {stream} is being recorded already")

    def speech(self, tap):
        cdef int64_t id = tap
        cdef tap_t* holder
        cdef speech_t known
        core_enter(self._core)
        holder = core_tap(self._core, id)
        if holder != NULL:
            speech_known(&holder.speech, &known)
        core_leave(self._core)
        if holder == NULL:
            raise UnknownTap(tap)
        return SpeechFigures(known.total / 8000.0, known.ended / 8000.0, known.began / 8000.0, known.loud / 8000.0)

    def untap(self, tap, *, keep_s=None):
        cdef int64_t id = tap, kept = -1 if keep_s is None else round(8000 * keep_s)
        cdef tap_t* known
        core_enter(self._core)
        known = core_tap(self._core, id)
        if known != NULL:
            known.kept = kept
            tap_close(self._core, known, monotonic_ns())
        core_leave(self._core)
        if known == NULL:
            raise UnknownTap(tap)

    def listen(self, stream):
        cdef int64_t id = stream, ear_id = 0
        cdef stream_t* known
        cdef ear_t* ear
        cdef bint is_heard = False
        core_enter(self._core)
        known = core_stream(self._core, id)
        if known != NULL:
            is_heard = known.ear != NULL
            ear = NULL if is_heard else ear_create(self._core, known, monotonic_ns())
            if ear != NULL:
                ear_id = ear.id
        core_leave(self._core)
        if known == NULL:
            raise UnknownStream(stream)
        if is_heard:
            raise ValueError(f"somebody listens to stream {stream} already")
        if ear_id == 0:
            raise MemoryError
        return ear_id

    def unlisten(self, ear):
        cdef int64_t id = ear
        cdef ear_t* known
        core_enter(self._core)
        known = core_ear(self._core, id)
        if known != NULL:
            ear_close(self._core, known)
        core_leave(self._core)
        if known == NULL:
            raise UnknownEar(ear)

    def census(self):
        cdef tally_t tally
        core_enter(self._core)
        tally = self._core.tally
        core_leave(self._core)
        return EngineCensus(
            streams=tally.streams,
            taps=tally.taps,
            clips=tally.clips,
            sockets=2 * tally.streams,
            playlists=tally.playlists,
            waiting_events=tally.events,
            waiting_blocks=tally.blocks,
            dropped_events=tally.dropped_events,
            dropped_blocks=tally.dropped_blocks,
            wakes=tally.wakes,
            packets=tally.packets,
            ears=tally.ears,
            dropped_frames=tally.dropped_frames,
        )


cdef void _attach(core_t* core, tap_t* tap, int64_t left, int64_t right) noexcept nogil:
    """Let streams feed a recording; 0 leaves the lane as it is."""
    cdef stream_t* streams[2]
    cdef int lane
    streams[0] = core_stream(core, left)
    streams[1] = core_stream(core, right)
    for lane in range(2):
        if streams[lane] != NULL and tap.streams[lane] != streams[lane]:
            tap_attach(tap, lane, streams[lane])


cdef void _free_stream(stream_t* stream) noexcept:
    """Close the sockets, if there are any; epoll forgets them by that."""
    if stream.rtp_fd >= 0:
        close(stream.rtp_fd)
    if stream.rtcp_fd >= 0:
        close(stream.rtcp_fd)
    free(stream)
