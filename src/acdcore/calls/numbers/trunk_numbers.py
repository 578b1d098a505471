"""How one trunk reads and writes numbers, and which number is shown on its outbound calls."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.numbering.plan import HOME, NumberForm, NumberingPlan
from acdcore.numbering.setting_types import AreaCode, Country, OwnNumber


class AssertBy(StrEnum):
    """The field with our number besides the From, for carriers that bill or screen by it."""

    NONE = "none"
    P_ASSERTED_IDENTITY = "p_asserted_identity"
    """P-Asserted-Identity, RFC 3325 section 9.1: for a carrier that trusts us."""
    P_PREFERRED_IDENTITY = "p_preferred_identity"
    """P-Preferred-Identity, RFC 3325 section 9.2: for a carrier that checks the number."""
    REMOTE_PARTY_ID = "remote_party_id"
    """Remote-Party-ID, which is older (draft-ietf-sip-privacy-04)."""


class ForwardedShows(StrEnum):
    """The number shown when a caller is connected to an external number."""

    OWN = "own"
    """Our number: every carrier accepts it."""
    CALLER = "caller"
    """The caller's number: only where the carrier allows numbers of others."""


class Redirection(StrEnum):
    """The field that tells a carrier that a call was forwarded, and by which number of ours."""

    NONE = "none"
    DIVERSION = "diversion"
    """RFC 5806."""
    HISTORY_INFO = "history_info"
    """RFC 7044."""
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkNumbers:
    """The rules of one trunk for numbers: keys of the section `[trunks.NAME]`."""

    country: Country = HOME.country
    """The country whose plan its numbers follow."""
    area_code: AreaCode = ""
    """Area code of subscribers' numbers that come without one; empty: such a number is equal only to itself."""
    did_from: DidFrom = DidFrom.REQUEST_URI
    """Where it puts the dialled number."""
    number_form: NumberForm = NumberForm.NATIONAL
    """The form in which numbers are sent to it."""
    caller_id: OwnNumber = ""
    """Our number that is shown on it, canonical; empty: none is known."""
    from_user: Annotated[str, Field(pattern=r"^[^\s<>@:\"]*$")] = ""
    """User part of the From, such as an account's name; the number is then asserted. Empty: the number shown."""
    from_domain: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+)?$")] = ""
    """Domain of the From and of our other addresses; empty: our own address."""
    assert_by: AssertBy = AssertBy.NONE
    """The field with our number besides the From."""
    forwarded_shows: ForwardedShows = ForwardedShows.OWN
    """The number shown on forwarded calls."""
    redirection: Redirection = Redirection.NONE
    """The field for forwarded calls."""

    @property
    def plan(self) -> NumberingPlan:
        """How its numbers are read."""
        return NumberingPlan(self.country, self.area_code)
