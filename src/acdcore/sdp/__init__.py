"""Session descriptions: what a stream is to be, as one side offers it and the other answers (RFC 8866, RFC 3264).

Pure: `parser.parse` reads, `negotiate.offer`, `negotiate.answer` and `negotiate.accept` are the offer/answer model.
"""

from acdcore.sdp.model import Codec, Direction, LocalMedia, Negotiated, NotAcceptable, Preference, SdpError
from acdcore.sdp.negotiate import accept, answer, offer

__all__ = [
    "Codec",
    "Direction",
    "LocalMedia",
    "Negotiated",
    "NotAcceptable",
    "Preference",
    "SdpError",
    "accept",
    "answer",
    "offer",
]
