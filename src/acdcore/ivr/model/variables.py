"""Names that a flow can read: its variables, the caller's numbers, and the fields of the customer's card."""

from acdcore.ivr.model.flow import VariableName

CALLER = VariableName("caller")
"""The caller's number, known from the start."""
DIALLED = VariableName("dialled")
"""The number that was dialled, known from the start."""
GIVEN_VARIABLES = frozenset({CALLER, DIALLED})
"""Variables that a flow may read without having collected them."""
OF_CUSTOMER = "customer."
"""The beginning of the names of variables that are fields of the customer's card."""
CUSTOMER_FIELDS = frozenset({"name", "tier", "language", "member_number", "plate", "phone", "region", "owner"})
"""Fields of a card; an unknown field, and every field of an unknown caller, is empty."""

KEYS = frozenset("0123456789*#")
"""The keys of a telephone; A to D exist in RFC 4733 but on no caller's phone, and are ignored."""

UNKNOWN_TIER = "unknown"
"""The tier of a caller without a card."""
YES = "yes"
NO = "no"
"""The values of answers to yes-or-no questions."""
