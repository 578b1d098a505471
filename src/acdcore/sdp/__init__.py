"""Session descriptions: what a stream is to be, as one side offers it and the other answers (RFC 8866, RFC 3264).

Pure: `parser.parse` reads, `negotiate.offer`, `negotiate.answer` and `negotiate.accept` are the offer/answer model.
"""

from acdcore.sdp.model import Codec, LocalMedia, MediaDirection, Negotiated, NotAcceptable, Preference, SdpError
from acdcore.sdp.negotiate import accept_answer, answer_offer, offer

__all__ = [
    "Codec",
    "LocalMedia",
    "MediaDirection",
    "Negotiated",
    "NotAcceptable",
    "Preference",
    "SdpError",
    "accept_answer",
    "answer_offer",
    "offer",
]
