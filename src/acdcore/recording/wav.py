"""The one file format: RIFF WAVE, PCM of 16 bits, two channels (caller left, agent right), 8,000 Hz.

0   "RIFF"  size of the rest    "WAVE"
12  "fmt "  16  format 1  channels 2  rate 8000  bytes a second 32000  bytes a frame 4  bits 16
36  "data"  size of the samples
44  samples, interleaved, little-endian
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8_000
CHANNELS = 2
FRAME_BYTES = 4
"""One sample of each channel."""
HEADER_BYTES = 44
FRAMES_MAX = (0xFFFF_FFFF - HEADER_BYTES) // FRAME_BYTES
"""The sizes have 32 bits: 37 hours."""
SIZES_UNKNOWN = 0xFFFF_FFFF
"""What an unfinished file says, and players take as `up to the end`."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


@dataclass(frozen=True, slots=True)
class Length:
    """How long a file is."""

    frames: int
    """Whole frames of audio."""

    @property
    def duration_s(self) -> float:
        """The same in seconds."""
        return self.frames / RATE_HZ

    @property
    def size_bytes(self) -> int:
        """The size of the file with its header."""
        return HEADER_BYTES + self.frames * FRAME_BYTES


def wav_header(frames: int | None = None) -> bytes:
    """The first 44 bytes of a file with `frames` frames, or of one whose length is not known yet."""
    data_bytes = SIZES_UNKNOWN if frames is None else frames * FRAME_BYTES
    riff_bytes = SIZES_UNKNOWN if frames is None else HEADER_BYTES - 8 + data_bytes
    second_bytes = RATE_HZ * FRAME_BYTES
    return _HEADER.pack(
        *(b"RIFF", riff_bytes, b"WAVE", b"fmt ", 16, 1, CHANNELS, RATE_HZ, second_bytes, FRAME_BYTES, 16),
        *(b"data", data_bytes),
    )


def repair(path: Path) -> Length:
    """Make a valid file of one whose writer died: drop a torn last frame and write the header for what is there.

    A file without a whole frame is left as it is and reported with no frames. Raises OSError.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        length = Length(min(max(0, size - HEADER_BYTES) // FRAME_BYTES, FRAMES_MAX))
        if length.frames:
            file.truncate(length.size_bytes)
            file.seek(0)
            file.write(wav_header(length.frames))
            file.flush()
            os.fsync(file.fileno())
    return length
