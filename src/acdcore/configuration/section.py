"""What a table of the settings is, and the figures that all of them use."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0)]
"""A length of time."""
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
"""How each value that has a pattern is written, for whoever wrote it otherwise."""


class Section(BaseModel):
    """A TOML table in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
