"""Prompts and music: a packet for each frame, from memory.

What a stream is sent: playback, else the bridge, else the background, else silence. Gateways hang up on a stream that
stops, and NATs forget it; so silence fills what would be a gap of more than `quiet_ns`, also where a
bridge's other side sends nothing (its phone is muted, suppresses silence, or is gone). It ends with the next packet of
anything else. Only a peer that asked for nothing (hold) is sent nothing. A bridge to a party that is rung and has not been
heard yet counts as none (RFC 3960 section 3.2: our ringback until its own is there).

There is a deadline each frame only while we make packets ourselves; while a bridge feeds the stream there is one each
`quiet_ns`. A playback goes on in time while the peer is on hold, so that its end is always reported;
a background stands still whenever it is not heard. A playback over music leaves the background its turn, in which the
two are mixed; where no background is to be heard it is as any other.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from acdcore.media.core cimport FRAME_MAX, PLAYED, QUIET, TICK, core_arm, core_send, core_tell
from acdcore.media.g711 cimport decoding, silence
from acdcore.media.outlet cimport outlet_generate
from acdcore.media.overlay cimport overlay_mix
from acdcore.media.rtp cimport RTP_HEADER_SIZE, rtp_header_t, rtp_write
from acdcore.media.timeline cimport timeline_play

cdef enum:
    NS_PER_SAMPLE = 125_000
    LATE_NS = 100_000_000   # after a longer stall of the machine we go on from now instead of sending in a burst


cdef playlist_t* playlist_create(core_t* core, clip_t** clips, int count, bint is_loop) noexcept nogil:
    """Hold clips for playing; NULL when there is no memory."""
    cdef playlist_t* playlist = <playlist_t*>calloc(1, sizeof(playlist_t))
    cdef int at
    if playlist == NULL:
        return NULL
    playlist.count = count
    playlist.is_loop = is_loop
    for at in range(count):
        playlist.clips[at] = clips[at]
        clips[at].users += 1
    core.tally.playlists += 1
    return playlist


cdef void _release(core_t* core, stream_t* stream, playlist_t* playlist) noexcept nogil:
    cdef int at
    if playlist == NULL:
        return
    if stream.feeding == playlist:
        stream.feeding = NULL
    for at in range(playlist.count):
        playlist.clips[at].users -= 1
        clip_release(core, playlist.clips[at])
    free(playlist)
    core.tally.playlists -= 1


cdef void clip_release(core_t* core, clip_t* clip) noexcept nogil:
    """Free a clip that is dropped and in no playlist."""
    if clip.users > 0 or not clip.is_dropped:
        return
    free(clip.codes[0])
    free(clip.codes[1])
    free(clip)
    core.tally.clips -= 1


cdef void playout_play(
    core_t* core, stream_t* stream, playlist_t* playlist, int64_t number, bint is_over_music
) noexcept nogil:
    """Begin a playback in place of the one before."""
    playout_stop(core, stream, False)
    stream.playback = playlist
    stream.playback_number = number
    stream.is_over_music = is_over_music


cdef void playout_stop(core_t* core, stream_t* stream, bint is_complete) noexcept nogil:
    """End the playback, if there is one, and report it."""
    if stream.playback == NULL:
        return
    _release(core, stream, stream.playback)
    stream.playback = NULL
    core_tell(core, PLAYED, stream.id, stream.playback_number, is_complete)


cdef void playout_loop(core_t* core, stream_t* stream, playlist_t* playlist) noexcept nogil:
    """Set the background, NULL for none; the same clips again keep their position."""
    if playlist != NULL and stream.background != NULL and _is_same(playlist, stream.background):
        _release(core, stream, playlist)
        return
    _release(core, stream, stream.background)
    stream.background = playlist


cdef bint _is_same(const playlist_t* one, const playlist_t* other) noexcept nogil:
    cdef int at
    if one.count != other.count:
        return False
    for at in range(one.count):
        if one.clips[at] != other.clips[at]:
            return False
    return True


cdef playlist_t* _source(stream_t* stream) noexcept nogil:
    """What our own packets are to be taken from now; NULL when we make none."""
    cdef playlist_t* music = _heard_background(stream)
    if not stream.is_connected:
        return NULL
    if stream.playback != NULL and (music == NULL or not stream.is_over_music):
        return stream.playback
    return music


cdef playlist_t* _heard_background(stream_t* stream) noexcept nogil:
    """The background, where but for a playback the peer would hear it; else NULL."""
    if not stream.sends or (stream.bridge != NULL and stream.bridge.receives and not stream.bridge.is_awaited):
        return NULL
    return stream.background


cdef void playout_wake(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Something about the stream has changed: see to it that a packet of ours is due, if there is anything to send."""
    if stream.is_tick_armed:
        return
    if _source(stream) == NULL:
        _await_quiet(core, stream)
        return
    _begin(core, stream, now_ns)


cdef bint _is_open(const stream_t* stream) noexcept nogil:
    """Whether the peer wants to be sent anything, and says where."""
    return stream.is_connected and stream.sends and stream.has_target


cdef void _await_quiet(core_t* core, stream_t* stream) noexcept nogil:
    """Look again when the stream could next have been sent nothing for too long."""
    if stream.is_quiet_armed or not _is_open(stream):
        return
    stream.is_quiet_armed = True
    core_arm(core, stream.sent_ns + core.quiet_ns, QUIET, stream.id)


cdef void playout_check_quiet(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """Fill with silence when nothing has been sent for too long."""
    stream.is_quiet_armed = False
    if stream.is_tick_armed or not _is_open(stream):
        return
    if now_ns - stream.sent_ns < core.quiet_ns:
        _await_quiet(core, stream)
        return
    stream.is_filling = True
    _begin(core, stream, now_ns)


cdef void _begin(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    stream.is_tick_armed = True
    stream.tick_ns = now_ns
    core_arm(core, now_ns, TICK, stream.id)


cdef void playout_tick(core_t* core, stream_t* stream, int64_t now_ns) noexcept nogil:
    """A packet of ours is due: send it and arm the next, or let it rest when there is nothing left."""
    cdef uint8_t frame[RTP_HEADER_SIZE + FRAME_MAX]
    cdef playlist_t* source
    if stream.playback != NULL and stream.playback.index == stream.playback.count:
        playout_stop(core, stream, True)
    source = _source(stream)
    if source != NULL:
        stream.is_filling = False
        _fill(source, stream.law, frame + RTP_HEADER_SIZE, stream.frame_samples)
        if source != stream.playback:
            _mix(stream, frame + RTP_HEADER_SIZE)
    elif stream.is_filling and _is_open(stream):
        memset(frame + RTP_HEADER_SIZE, silence(stream.law), stream.frame_samples)
    else:
        stream.is_tick_armed = stream.is_filling = stream.is_flowing = False
        _await_quiet(core, stream)
        return
    if source != NULL and stream.playback != NULL:
        _record(stream, frame + RTP_HEADER_SIZE)
    if _is_open(stream):
        _send(core, stream, source, frame, now_ns)
    else:
        stream.is_flowing = False
    stream.tick_ns += stream.frame_samples * NS_PER_SAMPLE
    if now_ns - stream.tick_ns > LATE_NS:
        stream.tick_ns = now_ns
        stream.is_flowing = False
    core_arm(core, stream.tick_ns, TICK, stream.id)


cdef void _record(stream_t* stream, const uint8_t* codes) noexcept nogil:
    """What one side of a recording is played lies on the other's, where whatever it hears lies."""
    if stream.tap != NULL and stream.tap.has_prompts:
        timeline_play(
            &stream.tap.timeline, 1 - stream.lane, codes, stream.frame_samples, decoding(stream.law), stream.tick_ns
        )


cdef void _send(core_t* core, stream_t* stream, playlist_t* source, uint8_t* frame, int64_t now_ns) noexcept nogil:
    cdef rtp_header_t header
    cdef bint is_first = not stream.is_flowing or stream.feeding != source
    outlet_generate(&stream.outlet, stream.frame_samples, is_first, now_ns, &header)
    stream.feeding = source
    stream.is_flowing = True
    stream.sent_ns = now_ns
    header.payload_type = stream.payload_type
    rtp_write(frame, &header)
    core_send(core, stream, frame, RTP_HEADER_SIZE + stream.frame_samples)


cdef void _mix(stream_t* stream, uint8_t* music) noexcept nogil:
    """Lay the playback, if there is one, over a packet's music; music alone at its full level stays as it is."""
    cdef uint8_t prompt[FRAME_MAX]
    if stream.playback != NULL:
        _fill(stream.playback, stream.law, prompt, stream.frame_samples)
        stream.depth = overlay_mix(stream.law, prompt, music, stream.frame_samples, stream.depth)
    elif stream.depth > 0:
        stream.depth = overlay_mix(stream.law, NULL, music, stream.frame_samples, stream.depth)


cdef void _fill(playlist_t* playlist, int law, uint8_t* codes, int count) noexcept nogil:
    """Copy the next `count` codes; silence after the end."""
    cdef clip_t* clip
    cdef int64_t part
    cdef int done = 0
    while done < count and playlist.index < playlist.count:
        clip = playlist.clips[playlist.index]
        part = min(<int64_t>(count - done), clip.samples - playlist.position)
        memcpy(codes + done, clip.codes[law] + playlist.position, part)
        done += <int>part
        playlist.position += part
        if playlist.position == clip.samples:
            playlist.position = 0
            playlist.index += 1
            if playlist.is_loop and playlist.index == playlist.count:
                playlist.index = 0
    memset(codes + done, silence(law), count - done)
