"""Header values with a type: Via, CSeq, and the addresses of From, To, Contact and Route (RFC 3261 section 20)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from acdcore.kernel.address import Address
from acdcore.sip.syntax.charset import double_bytes_escaped, is_text, readable
from acdcore.sip.syntax.uri import REMEMBERED_MAX, MalformedValue, OtherUri, Params, SipUri, Uri, find_param, parse_uri

LIST_VALUES_MAX = 64
"""Most values in one header list: Via and Route grow by one a hop, and 70 hops are the most (section 8.1.1.6)."""
SEQUENCE_MAX = 2**31 - 1
"""CSeq numbers stay below 2**31, RFC 3261 section 8.1.1.5."""
SECONDS_MAX = 2**32 - 1
"""delta-seconds, RFC 3261 section 20.19; greater values are read as this one."""
DEFAULT_PORT = 5060
"""Where UDP and TCP without a written port listen, RFC 3261 section 19.1.2."""

# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]++")
_WILDCARD = OtherUri("", "*")
# Any version of the protocol is read, so that it can be told which one we speak (505).
# via-parm = sent-protocol LWS sent-by *( SEMI via-params ), with LWS around each separator; lines are unfolded by now.
_VIA = re.compile(
    r"[Ss][Ii][Pp]\s*+/\s*+[0-9]++\.[0-9]++\s*+/\s*+([A-Za-z0-9\-.!%*_+`'~]++)\s++"
    r"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._\-]++)(?:\s*+:\s*+([0-9]{1,5}))?\s*+((?:;.*)?)",
    re.DOTALL,
)
# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT. A display name without quotes may hold more than tokens here
# (phones send bare UTF-8, and commas), and blanks may surround the URI; what follows is never in doubt for it.
_NAME_ADDR = re.compile(
    r'(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"\s*+|([^"<>;]*+))<([^<>]++)>\s*+((?:;.*)?)',
    re.DOTALL,
)
_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*"', re.DOTALL)
# What may hide a separator, or is one; a quote or bracket by itself is what is left of an open pair.
_QUOTED_OR_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*"|<[^>]*+>|[",;<>]', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'(["\\])')
# gen-value = token / host / quoted-string; hosts bring brackets and colons.
# Parameters without quotes and blanks, as nearly all are.
_PLAIN_PARAMS = re.compile(r"(?:;[A-Za-z0-9\-.!%*_+`'~]++(?:=[A-Za-z0-9\-.!%*_+`'~\[\]:]++)?)+")
_BARE_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]++")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """An address with its display name and parameters, as in From, To, Contact, Route and Record-Route."""

    uri: Uri
    """Where it points to."""
    display: str = ""
    """Display name without quotes and escapes, control characters left out, readable whatever its bytes were (see
    `charset`); empty when absent."""
    params: Params = ()
    """Header parameters, quoted values without their quotes, for people as `display`."""

    def __str__(self) -> str:
        if self.is_wildcard:
            return "*"
        display = f"{quoted(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"

    @property
    def is_wildcard(self) -> bool:
        """Whether this is the `*` of an un-REGISTER."""
        return self.uri == _WILDCARD

    @property
    def tag(self) -> str | None:
        """The `tag` of From and To, None when absent."""
        return find_param(self.params, "tag")

    @property
    def sip_uri(self) -> SipUri:
        """The URI where only a SIP one will do; raises MalformedValue."""
        if isinstance(self.uri, SipUri):
            return self.uri
        raise MalformedValue("SIP URI expected")

    def param(self, name: str) -> str | None:
        """Value of a header parameter: None when absent, empty for a flag."""
        return find_param(self.params, name)

    def with_param(self, name: str, value: str | None = None) -> "NameAddr":
        """The same with one parameter set (a flag when `value` is None)."""
        return NameAddr(self.uri, self.display, _set_param(self.params, name, value))


@dataclass(frozen=True, slots=True)
class Via:
    """One hop, RFC 3261 section 20.42."""

    transport: str
    """Upper case: UDP, TCP, TLS, WS, WSS, or whatever the peer has."""
    host: str
    """Host of sent-by, IPv6 without brackets."""
    port: int | None = None
    """Port of sent-by, None when not written."""
    params: Params = ()
    """Via parameters."""

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{format_params(self.params)}"

    @property
    def sent_by(self) -> str:
        """Host and, when written, port, as they stand in the header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def branch(self) -> str | None:
        """The transaction's mark, None when absent (RFC 2543 peers)."""
        return find_param(self.params, "branch")

    @property
    def received(self) -> str | None:
        """Where the request really came from, None when absent."""
        return find_param(self.params, "received")

    @property
    def rport(self) -> int | None:
        """Source port as filled in by the server (RFC 3581); None when absent or not yet filled in."""
        value = find_param(self.params, "rport")
        return _number(value, 65535, "rport") if value else None

    @property
    def is_rport_asked(self) -> bool:
        """Whether the client asks for replies to its source port, RFC 3581 section 3."""
        return find_param(self.params, "rport") is not None

    def stamped(self, source: Address) -> "Via":
        """The same with `received` and `rport` as the server adds them, RFC 3261 section 18.2.1, RFC 3581 section 4."""
        if not self.is_rport_asked:
            if self.host == source.host:
                return self
            params = self.params
        else:
            port = str(source.port)
            params = tuple([(name, port if name == "rport" else value) for name, value in self.params])
        return Via(self.transport, self.host, self.port, _set_param(params, "received", source.host))


@dataclass(frozen=True, slots=True)
class CSeq:
    """Order of a request within its dialog, RFC 3261 section 20.16."""

    number: int
    """0 to 2**31 - 1."""
    method: str
    """Method of the request, case as written (methods are case-sensitive)."""

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@lru_cache(REMEMBERED_MAX)
def parse_name_addr(value: str) -> NameAddr:
    """Read one address; raises MalformedValue."""
    if "<" not in value:
        return _bare_address(value)
    found = _NAME_ADDR.fullmatch(value)
    if found is None and not value.isascii():
        found = _NAME_ADDR.fullmatch(double_bytes_escaped(value))
    if found is None:
        raise MalformedValue("malformed address")
    in_quotes, bare, uri, params = found.groups()
    display = bare.strip() if in_quotes is None else in_quotes
    if "\\" in display and in_quotes is not None:
        display = _ESCAPED.sub(r"\1", display)
    read = parse_params(params)
    if not value.isascii() and not is_text(value):
        display, read = _readable_display(display, in_quotes or ""), _readable_params(read)
    if not display.isprintable():
        display = "".join([mark for mark in display if mark.isprintable()])
    return NameAddr(parse_uri(uri.strip(" \t")), display, read)


def parse_contact(value: str) -> NameAddr:
    """Read one Contact, which may be the wildcard `*`; raises MalformedValue."""
    return NameAddr(_WILDCARD) if value == "*" else parse_name_addr(value)


def parse_via(value: str) -> Via:
    """Read one Via value; raises MalformedValue."""
    found = _VIA.fullmatch(value)
    if found is None:
        raise MalformedValue("malformed Via")
    transport, host, port, params = found.groups()
    if host[0] == "[":
        host = SipUri.parse(f"sip:{host}").host
    return Via(transport.upper(), host, None if port is None else _number(port, 65535, "port"), parse_params(params))


@lru_cache(REMEMBERED_MAX)
def parse_top_via(value: str) -> Via:
    """Read the first of the Vias in one line; raises MalformedValue."""
    return parse_via(split_values(value)[0])


@lru_cache(REMEMBERED_MAX)
def parse_cseq(value: str) -> CSeq:
    """Read a CSeq; raises MalformedValue."""
    words = value.split()
    if len(words) != 2 or TOKEN.fullmatch(words[1]) is None:
        raise MalformedValue("malformed CSeq")
    return CSeq(_number(words[0], SEQUENCE_MAX, "CSeq"), words[1])


def parse_seconds(value: str) -> int:
    """Read delta-seconds as in Expires, capped at the greatest (section 20.19); raises MalformedValue."""
    digits = value.partition(";")[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedValue("not a number of seconds")
    return min(int(digits[:20]), SECONDS_MAX)


def parse_small_number(value: str) -> int:
    """Read a number from 0 to 255 as in Max-Forwards; raises MalformedValue."""
    return _number(value, 255, "number")


def parse_params(text: str) -> Params:
    """Read `;name=value;flag;name="text"`, with blanks around the marks; raises MalformedValue."""
    if not text:
        return ()
    if _PLAIN_PARAMS.fullmatch(text):
        pairs = [item.partition("=") for item in text[1:].split(";")]
        return tuple([(name.lower(), value if equals else None) for name, equals, value in pairs])
    items = text.split(";") if '"' not in text else _split_outside_quotes(text, ";")
    if items[0].strip():
        raise MalformedValue("parameters begin with ';'")
    return tuple([_param(item) for item in items[1:]])


def split_values(value: str) -> tuple[str, ...]:
    """The values of a comma-separated header; commas in quotes and in `<...>` do not count. Raises MalformedValue."""
    if "," not in value:
        return (value,)
    values = tuple([item.strip() for item in _split_outside_quotes(value, ",")])
    if not all(values):
        raise MalformedValue("empty value in a list")
    if len(values) > LIST_VALUES_MAX:
        raise MalformedValue("too many values in a list")
    return values


def format_params(params: Params) -> str:
    """Parameters as they stand in a header; values that need quotes get them."""
    text = "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params])
    if not text or (text.count(";") == len(params) and _PLAIN_PARAMS.fullmatch(text)):
        return text
    return "".join([f";{name}" if value is None else f";{name}={_value(value)}" for name, value in params])


def quoted(text: str) -> str:
    """`text` as a quoted-string."""
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'


def unquoted(text: str) -> str:
    """A token as it is, a quoted-string without quotes and escapes; raises MalformedValue when a quote is missing."""
    if text[:1] != '"':
        return text
    if _QUOTED.fullmatch(text) is None:
        raise MalformedValue("quoted string without an end")
    return _ESCAPED.sub(r"\1", text[1:-1])


def _bare_address(value: str) -> NameAddr:
    # Without <>, all that follows ";" belongs to the header, and the URI may hold neither "," nor "?" (section 20).
    uri, semicolon, params = value.partition(";")
    uri = uri.rstrip()
    if "?" in uri or "," in uri:
        raise MalformedValue("address needs angle brackets")
    return NameAddr(parse_uri(uri), "", parse_params(semicolon + params))


def _param(item: str) -> tuple[str, str | None]:
    name, equals, value = item.partition("=")
    name, value = name.strip().lower(), value.strip()
    if TOKEN.fullmatch(name) is None:
        raise MalformedValue("malformed parameter name")
    if not equals:
        return name, None
    if value[:1] == '"':
        return name, unquoted(value)
    if _BARE_VALUE.fullmatch(value) is None:
        raise MalformedValue("malformed parameter value")
    return name, value


def _readable_display(display: str, in_quotes: str) -> str:
    plain = readable(display)
    if "\N{REPLACEMENT CHARACTER}" in plain and "\\" in in_quotes:
        plain = readable(_ESCAPED.sub(r"\1", double_bytes_escaped(in_quotes)))
    return plain


def _readable_params(params: Params) -> Params:
    return tuple([(name, value if value is None else readable(value)) for name, value in params])


def _value(text: str) -> str:
    return text if _BARE_VALUE.fullmatch(text) else quoted(text)


def _set_param(params: Params, name: str, value: str | None) -> Params:
    if name in [key for key, _ in params]:
        return tuple([(key, value if key == name else old) for key, old in params])
    return (*params, (name, value))


def _split_outside_quotes(text: str, mark: str) -> list[str]:
    """Split at `mark`, except within quotes and angle brackets; raises MalformedValue when either stays open."""
    try:
        return _split_by_grammar(text, mark)
    except MalformedValue:
        if text.isascii():
            raise
        return _split_by_grammar(double_bytes_escaped(text), mark)


def _split_by_grammar(text: str, mark: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for found in _QUOTED_OR_MARK.finditer(text):
        piece = found[0]
        if piece == mark:
            parts.append(text[start : found.start()])
            start = found.end()
        elif piece in ('"', "<", ">"):
            raise MalformedValue("quotes or angle brackets without an end")
    parts.append(text[start:])
    return parts


def _number(text: str, most: int, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > most:
        raise MalformedValue(f"{what} out of range")
    return int(text)
