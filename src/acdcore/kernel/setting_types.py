"""Types of settings that several subsystems share, and how each value with a pattern is written.

The schema of a section is the frozen dataclass of the subsystem that uses it: its fields are the keys, and their types
carry the bounds (`annotated_types`) or are one of these.
"""

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, PlainValidator

from acdcore.kernel import networks

HEADING = "[name]"
"""Under this, which no file has for a key, a table gets the name of its heading."""
FORMS: Mapping[str, str] = {
    r"^(sips?:[^\s<>]+)?$": 'a SIP address, as in "sip:95500@192.0.2.10"',
    r"^(sip:[^\s<>]+)?$": 'a SIP address, as in "sip:192.0.2.10:5060"',
    r"^\+?[0-9]{1,15}$": 'the beginning of a number, up to 15 digits, as in "138" or "+852"',
    r"^(https?://[^\s]+)?$": 'an HTTP address, as in "http://192.0.2.30:8000/v1/audio/transcriptions"',
    r"^https?://[^\s]+$": 'an HTTP address, as in "http://192.0.2.30/orders"',
    r"^([^\s:]+:[0-9]{1,5})?$": 'host and port, as in "mail.example.org:587"',
    r"^([^\s@,;<>]+@[^\s@,;<>]+)?$": 'an address alone, as in "acd@example.org"',
    r"^[^\s@,;<>]+@[^\s@,;<>]+$": 'an address alone, as in "acd@example.org"',
    r"^[0-9]{0,5}$": 'an area code, up to 5 digits, as in "0755"',
    r"^[^\s<>@:\"]*$": 'a name without blanks and without < > @ : ", as in "account-1"',
    r"^([A-Za-z0-9._-]+)?$": 'a domain or an IP address, as in "sip.example.org"',
    "^[0-9*#]$": "one key: 0 to 9, * or #",
}
"""How each value that has a pattern is written, for an operator who wrote it otherwise."""

HeadingName = Annotated[str, Field(validation_alias=HEADING, exclude=True)]
"""A name that stands in the heading of a table, as in `[trunks.NAME]`, and is no key of it."""
Port = Annotated[int, Ge(0), Le(65535)]
"""0 takes any free port."""
SipTarget = Annotated[str, Field(pattern=r"^(sip:[^\s<>]+)?$")]
"""A SIP URI; empty: none."""
SipAddress = Annotated[str, Field(pattern=r"^(sips?:[^\s<>]+)?$")]
"""A SIP or SIPS URI; empty: none."""
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
"""An HTTP or HTTPS URL."""
OptionalHttpUrl = Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")]
"""The same; empty: none."""
HostAndPort = Annotated[str, Field(pattern=r"^([^\s:]+:[0-9]{1,5})?$")]
"""A server; empty: none."""
MailAddress = Annotated[str, Field(pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+$")]
"""Nothing but the address."""
OptionalMailAddress = Annotated[str, Field(pattern=r"^([^\s@,;<>]+@[^\s@,;<>]+)?$")]
"""The same; empty: none."""
NumberBeginning = Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$")]
"""The first digits of telephone numbers, with or without a plus."""


def _network(text: object) -> networks.Network:
    if isinstance(text, networks.Network):
        return text
    if not isinstance(text, str):
        raise ValueError('write it as "192.0.2.0/24"')
    return networks.parse_network(text)


NetworkValue = Annotated[networks.Network, PlainValidator(_network)]
"""Read here, because pydantic's error for one of two classes names neither the key nor what is wrong."""


def never_or_from(least_s: float) -> AfterValidator:
    """For a time that is 0 for never, or not shorter than this."""

    def long_enough(time_s: float) -> float:
        if 0 < time_s < least_s:
            raise ValueError(f"write 0 for never, or a time greater than or equal to {least_s:g}")
        return time_s

    return AfterValidator(long_enough)


def named(tables: object) -> object:
    """Tables by their names, each with the name of its heading, for `HeadingName`."""
    if not isinstance(tables, dict):
        return tables
    return {name: {**table, HEADING: name} if isinstance(table, dict) else table for name, table in tables.items()}
