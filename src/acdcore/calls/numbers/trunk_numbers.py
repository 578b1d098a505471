"""How one trunk reads and writes numbers, and which number it is shown on calls out."""

from dataclasses import dataclass, field
from enum import StrEnum

from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.numbering.plan import NumberForm, NumberingPlan


class AssertBy(StrEnum):
    """The field that names our number beside the From, for carriers that bill or screen by it."""

    NONE = "none"
    P_ASSERTED_IDENTITY = "p_asserted_identity"
    """RFC 3325 section 9.1: towards a carrier that trusts us."""
    P_PREFERRED_IDENTITY = "p_preferred_identity"
    """RFC 3325 section 9.2: towards one that checks."""
    REMOTE_PARTY_ID = "remote_party_id"
    """What came before them (draft-ietf-sip-privacy-04)."""


class ForwardedShows(StrEnum):
    """Whose number the called party sees when a caller is connected to an external number."""

    OWN = "own"
    """Ours: every carrier accepts it."""
    CALLER = "caller"
    """The caller's: only where the carrier lets numbers of others through."""


class Redirection(StrEnum):
    """The field that tells a carrier that a call was sent on, and by which number of ours."""

    NONE = "none"
    DIVERSION = "diversion"
    """RFC 5806."""
    HISTORY_INFO = "history_info"
    """RFC 7044."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class TrunkNumbers:
    """The rules of one trunk for numbers."""

    plan: NumberingPlan = field(default_factory=NumberingPlan)
    """How its numbers are read."""
    did_from: DidFrom = DidFrom.REQUEST_URI
    """Where it says which number was called."""
    form: NumberForm = NumberForm.NATIONAL
    """How it wants numbers written."""
    caller_id: str = ""
    """The number of ours that is shown on it, canonical; empty: none is known."""
    from_user: str = ""
    """The user of the From where it is not the number shown, such as an account's name; the number is asserted then."""
    from_domain: str = ""
    """The domain of the From and of the other addresses of ours; empty: our own address."""
    assert_by: AssertBy = AssertBy.NONE
    """The field that names our number beside the From."""
    forwarded_shows: ForwardedShows = ForwardedShows.OWN
    """Whose number is shown on forwarded calls."""
    redirection: Redirection = Redirection.NONE
    """What tells that a call was forwarded."""
