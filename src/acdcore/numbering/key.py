"""Telephone numbers: what is stored, and the key by which two ways of writing one number are found to be the same.

    written as                       stored as            matching key
    138-0013 8000, 13800138000       13800138000          13800138000
    +86 138 0013 8000, 008613800…    +8613800138000       13800138000
    013800138000 (gateway's zero)    013800138000         13800138000
    (0757) 2633-1234                 075726331234         75726331234
    +86 757 2633 1234                +8675726331234       75726331234
    95588, 1001, 400-800-1234        as digits            as digits
    +44 20 7946 0000, 0044…          +442079460000        +442079460000
    anonymous, ""                    ""                   "" (matches nothing)

Sources: ITU-T E.164 (15 digits at most), the Chinese numbering plan: national numbers have 10 or 11 significant digits
(mobile 11, area code without its zero plus 7 or 8), country code 86, international prefix 00, trunk prefix 0. A
subscriber number without its area code is left alone: it matches only itself.
"""

import unicodedata

HOME_COUNTRY_CODE = "86"
INTERNATIONAL_PREFIX = "00"
NATIONAL_DIGITS = (10, 11)
"""Significant digits of a full national number."""
DIGITS_MAX = 20
"""E.164 allows 15; an exit code and a gateway's access digits may come before."""

_SEPARATORS = frozenset(" -./()[]\t\u00a0·")


def dialable(text: str) -> str:
    """`text` as digits with an optional leading plus, `*` and `#` not allowed; "" when it is no telephone number."""
    if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX:
        return text  # Nearly always, and 200,000 times while customers are loaded.
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # Full-width digits from Chinese keyboards.
    kept = "".join(char for char in text if char not in _SEPARATORS)
    digits = kept[1:] if kept.startswith("+") else kept
    if not digits.isascii() or not digits.isdigit() or len(digits) > DIGITS_MAX:
        return ""
    return f"+{digits}" if kept.startswith("+") else digits


def matching_key(text: str) -> str:
    """The key that all ways of writing the number share; "" matches nothing."""
    number = dialable(text)
    if number.startswith("+0"):
        number = number[1:]  # No country's code begins with 0: the plus is a gateway's.
    if number.startswith(INTERNATIONAL_PREFIX):
        number = "+" + number[len(INTERNATIONAL_PREFIX) :]
    if number.startswith("+"):
        national = number[1:].removeprefix(HOME_COUNTRY_CODE)
        if not number.startswith("+" + HOME_COUNTRY_CODE):
            return number if len(number) > 1 else ""
        return national.lstrip("0")
    # Some trunks send the country code without any prefix.
    bare = number.removeprefix(HOME_COUNTRY_CODE).lstrip("0")
    if number.startswith(HOME_COUNTRY_CODE) and len(bare) in NATIONAL_DIGITS:
        return bare
    return number.lstrip("0")
