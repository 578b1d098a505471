"""What a flow knows by name: its variables, the caller's numbers, and the fields of the customer's card."""

from acdcore.ivr.model.flow import VariableName

CALLER = VariableName("caller")
"""The caller's number, known from the start."""
DIALLED = VariableName("dialled")
"""The number that was dialled, known from the start."""
GIVEN_VARIABLES = frozenset({CALLER, DIALLED})
"""Variables that a flow may read without having collected them."""
OF_CUSTOMER = "customer."
"""What the names of variables begin with that are fields of the customer's card."""
CUSTOMER_FIELDS = frozenset({"name", "tier", "language", "member_number", "plate", "phone", "region", "owner"})
"""What a card may say; a field that it does not know, and every field of an unknown caller, is empty."""

KEYS = frozenset("0123456789*#")
"""The keys of a telephone; A to D exist in RFC 4733 but on no caller's phone, and are ignored."""

UNKNOWN_TIER = "unknown"
"""What stands for the tier of a caller without a card."""
YES = "yes"
NO = "no"
"""How answers to yes-or-no questions are kept."""
