"""SIP messages in the log, at `log = "debug"`: every message in and out, without passwords."""

import re
from typing import Final

import structlog

from acdcore.kernel.buckets import Bucket, Rate
from acdcore.sip.events import SipFlow
from acdcore.sip.ladder import MessageDirection, Observer

MESSAGE_CHARS_MAX = 8_192
"""Characters of one message; longer ones are cut."""
MESSAGES = Rate(per_s=500.0, burst=2_000.0)
"""Messages logged in a second; a call set-up has some 15. Beyond it they are counted, and the next line has the
count."""
HIDDEN = "***"

_URI_PASSWORD: Final = re.compile(r"(sips?:[^\s:@;>]{1,256}:)[^\s@>]{1,256}@", re.IGNORECASE)
"""`sip:user:password@host`, RFC 3261 section 19.1.1: discouraged, but some send it."""
_CREDENTIALS: Final = re.compile(
    r"^((?:Proxy-)?Authorization[ \t]*:)(?![ \t]*Digest\b).*$", re.IGNORECASE | re.MULTILINE
)
"""All schemes but Digest show the password itself (Basic, Bearer)."""
_KEYS: Final = re.compile(r"^(a=crypto:[^\s]+ [^\s]+ ).*$|^k=.*$", re.IGNORECASE | re.MULTILINE)
"""Keys of encrypted audio (RFC 4568, RFC 4566 section 5.12)."""


def sip_observer() -> Observer:
    """An observer that writes each message as one event of the log."""
    log = structlog.get_logger("sip")
    budget = Bucket(MESSAGES, 0.0)
    left_out = 0

    def observe(direction: MessageDirection, flow: SipFlow, data: bytes, now: float) -> None:
        nonlocal left_out
        if not data.strip():
            return
        if not budget.take(now):
            left_out += 1
            return
        log.debug(
            "sip_message",
            direction=direction.value,
            transport=flow.transport.value,
            peer=str(flow.remote),
            message=without_secrets(data),
            **({"left_out": left_out} if left_out else {}),
        )
        left_out = 0

    return observe


def without_secrets(data: bytes) -> str:
    """A message as text: bytes that are not UTF-8 are replaced, passwords and keys hidden, long messages cut."""
    text = data.decode(errors="replace")
    text = _URI_PASSWORD.sub(rf"\1{HIDDEN}@", text)
    text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)
    text = _KEYS.sub(lambda found: f"{found[1] or 'k='}{HIDDEN}", text)
    return text if len(text) <= MESSAGE_CHARS_MAX else f"{text[:MESSAGE_CHARS_MAX]}… ({len(data)} bytes)"
