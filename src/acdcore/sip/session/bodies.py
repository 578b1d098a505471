"""Finds the session description in a message's body (RFC 3261 section 7.4, RFC 5621), pure.

    body       = part | multipart
    multipart  = *(CRLF "--" boundary CRLF *header CRLF part) CRLF "--" boundary "--"      (RFC 2046 section 5.1)

| a part | what becomes of it |
|---|---|
| application/sdp, disposition `session` or none | the session description; the first, of alternatives the last |
| multipart/mixed, multipart/related, multipart/alternative | its parts are looked through, `DEPTH_MAX` deep |
| anything else with `handling=required` written out | 415 (RFC 5621 section 3.2) |
| anything else as the whole body, without `handling=optional` | 415 |
| a multipart without a boundary that can be found | 415 |
| anything else: ISUP or QSIG (RFC 3204), PIDF-LO, text, early-session | ignored |

RFC 3261 section 20.11 makes `required` the default where a part says nothing of its handling. Carriers that send ISUP
along leave the parameter out and mean that it may be ignored: only the word itself refuses a call.
"""

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

from acdcore.sip.events import Fields
from acdcore.sip.syntax.charset import decoded, encoded
from acdcore.sip.syntax.message import Headers, Request, Response

SDP_TYPE = "application/sdp"
READ_TYPES = f"{SDP_TYPE}, multipart/mixed"
"""For Accept: what an INVITE may carry (RFC 5621 section 6.1 wants multipart/mixed named)."""
PARTS_MAX = 16
"""Parts of one message that are looked at; SIP-I sends two or three, emergency calls four."""
DEPTH_MAX = 3
"""Multiparts within each other; the alternatives within a mixed body make two."""
BOUNDARY_CHARS_MAX = 70
"""RFC 2046 section 5.1.1."""
PART_HEAD_BYTES_MAX = 2_048
"""Header lines of one part; three or four are usual."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
"""Also without the quotes that `=`, `/` and `?` would need."""
_HANDLING = re.compile(r';\s*handling\s*=\s*"?(\w+)', re.IGNORECASE)
_PLAIN_ENCODINGS = ("", "binary", "7bit", "8bit")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The body cannot be taken in: 415 with these fields."""

    headers: Fields


@dataclass(frozen=True, slots=True)
class _Part:
    """A body with what its headers say of it."""

    content_type: str
    """As written, with its parameters."""
    disposition: str
    encoding: str
    """Content-Transfer-Encoding."""
    data: bytes


def session_description(message: Request | Response) -> bytes | Unsupported:
    """The SDP of a message; empty when it has none, Unsupported when it requires something that we do not know."""
    headers = message.headers
    content_type = headers.get("Content-Type") or SDP_TYPE
    if not message.body or ("Content-Type" not in headers and not message.body.lstrip().startswith(b"v=")):
        return b""  # what nobody says the type of is a description if it looks like one (section 20.15 wants it said)
    disposition = headers.get("Content-Disposition") or ""
    if (headers.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return Unsupported((("Accept-Encoding", "identity"),))
    if _media_type(content_type) not in _READABLE and _handling(disposition) != "optional":
        return Unsupported((("Accept", READ_TYPES),))
    whole = _Part(
        content_type=content_type,
        disposition=disposition,
        encoding=headers.get("Content-Transfer-Encoding") or "",
        data=message.body,
    )
    try:
        return _description(whole, DEPTH_MAX) or b""
    except _RequiredPart:
        return Unsupported((("Accept", READ_TYPES),))


def description_or_nothing(message: Request | Response) -> bytes:
    """The same where refusing is too late, as in a response or an ACK: what cannot be read counts as absent."""
    found = session_description(message)
    return b"" if isinstance(found, Unsupported) else found


class _RequiredPart(Exception):
    """A part that we do not know must be understood."""


_MULTIPARTS = ("multipart/mixed", "multipart/related", "multipart/alternative")
_READABLE = (SDP_TYPE, *_MULTIPARTS)


def _description(part: _Part, depth: int) -> bytes | None:
    """The session description in a part, None when there is none; _RequiredPart when it must be something else."""
    kind = _media_type(part.content_type)
    is_required = _handling(part.disposition) == "required"
    if kind == SDP_TYPE and _media_type(part.disposition) in ("", "session"):
        data = _decoded(part)
        if data is None and is_required:
            raise _RequiredPart
        return data
    if kind in _MULTIPARTS and depth > 0:
        parts = list(_parts(part))
        if not parts:
            raise _RequiredPart
        found = [each for inner in parts if (each := _description(inner, depth - 1)) is not None]
        if not found:
            return None
        return found[-1] if kind == "multipart/alternative" else found[0]
    if is_required:
        raise _RequiredPart
    return None


def _parts(part: _Part) -> Iterator[_Part]:
    """The parts between the boundaries, at most `PARTS_MAX`; the last one may lack its closing boundary."""
    written = _BOUNDARY.search(part.content_type)
    boundary = (written[1] or written[2] or "") if written else ""
    if not 0 < len(boundary) <= BOUNDARY_CHARS_MAX:
        return
    # Each part begins after a line that is the boundary; the line break before it belongs to it.
    mark = re.escape(encoded(boundary))
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    marks = list(islice(delimiter.finditer(part.data), PARTS_MAX + 1))
    for found, following in zip_longest(marks[:PARTS_MAX], marks[1:]):
        if found is None or found[1]:
            return
        yield _part(part.data[found.end() : following.start() if following else None])


def _part(raw: bytes) -> _Part:
    """Read the header lines of a part; `raw` begins with the line break after the boundary."""
    end = _HEAD_END.search(raw, 0, PART_HEAD_BYTES_MAX)
    head, data = (raw[: end.start()], raw[end.end() :]) if end else (raw[:PART_HEAD_BYTES_MAX], b"")
    unfolded = re.sub(r"\r?\n[ \t]+", " ", decoded(head))
    pairs = [line.partition(":") for line in unfolded.splitlines()]
    fields = Headers([(name.strip(), value.strip()) for name, colon, value in pairs if colon])
    return _Part(
        content_type=fields.get("Content-Type") or "text/plain",
        disposition=fields.get("Content-Disposition") or "",
        encoding=fields.get("Content-Transfer-Encoding") or "",
        data=data,
    )


def _decoded(part: _Part) -> bytes | None:
    """The data of a part as they were; None when they are in an encoding that is unknown or broken."""
    encoding = part.encoding.strip().lower()
    if encoding == "base64":
        try:
            return a2b_base64(part.data)
        except BinasciiError:
            return None
    if encoding == "quoted-printable":
        return a2b_qp(part.data)
    return part.data if encoding in _PLAIN_ENCODINGS else None


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _handling(disposition: str) -> str:
    """`required`, `optional`, or empty when it is not written."""
    written = _HANDLING.search(disposition)
    return written[1].lower() if written else ""
