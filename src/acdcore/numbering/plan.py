"""The numbering plan: every way of writing a number becomes one canonical form, and that becomes what a peer wants.

    received as                               canonical          by
    13800138000, 013800138000, +86 138...     +8613800138000     11 digits that begin with 13 to 19 are a mobile
    075526331234, 86755..., 00860755...       +8675526331234     area code with or without its 0, 7 or 8 digits
    26331234 on a trunk with area_code 0755   +8675526331234     a subscriber's number
    26331234 on any other                     26331234           whose city is not known: equal only to itself
    400 800 1234, +86 400 800 1234            4008001234         not dialled from abroad: no E.164 form
    95500, 10086, 110, 8001                   as they are        codes and extensions, up to 9 digits
    0044 20 7946 0000, +44 20 7946 0000       +442079460000      15 digits at most
    +075526331234                             +8675526331234     a plus of the gateway's: no country is 0
    anything else                             ""                 never dialled

Sources: ITU-T E.164; the Chinese plan (MIIT, 2017): country code 86, international prefix 00, trunk prefix 0, area
codes 10, 2x and 3xx to 9xx. Other countries' plans are those of the library `phonenumbers`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

from acdcore.numbering.key import HOME_COUNTRY_CODE, INTERNATIONAL_PREFIX, dialable

CHINA = "CN"
CODE_DIGITS_MAX = 9
"""Codes, extensions and subscribers' numbers: the longest of the Chinese plan has 8 digits, and an access digit may
come before. A longer number must fit the plan, or is none."""
BEGINNING_DIGITS_MAX = 15
"""A whole number of E.164."""

_ABROAD = re.compile(r"\+[1-9][0-9]{6,14}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(?:10|2[0-9])[0-9]{8}|[3-9][0-9]{2}[0-9]{7,8}")
_SERVICE = re.compile(r"[48]00[0-9]{7}")
_SUBSCRIBER = re.compile(r"(?!9[56])[2-9][0-9]{6,7}")
"""95x and 96x are codes of banks and towns, not subscribers."""
_ORDINARY_TYPES = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.VOIP,
    }
)
"""Of the library's types: those that people have and that cost what a call costs."""


class NumberForm(StrEnum):
    """How a trunk wants numbers written; codes and extensions are written as they are in every form."""

    NATIONAL = "national"
    """As dialled in the trunk's country: 13800138000, 075526331234, 00442079460000."""
    NATIONAL_0 = "national_0"
    """The same with the trunk prefix before mobiles too: 013800138000."""
    E164 = "e164"
    """8613800138000."""
    PLUS_E164 = "+e164"
    """+8613800138000."""
    INTERNATIONAL = "00e164"
    """008613800138000."""


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """How numbers are read and written in one place."""

    country: str = CHINA
    """ISO 3166-1 code."""
    area_code: str = ""
    """Area code of subscribers' numbers that come without one, with or without its trunk prefix; empty: not known."""

    def canonical(self, text: str) -> str:
        """E.164 with its plus; digits alone for what has no such form; "" for no number, which is never dialled."""
        number = dialable(text)
        if number.startswith("+0"):
            number = number[1:]
        if self.country != CHINA and not number.startswith("+"):
            number = self._by_library(number)
        if number.startswith(INTERNATIONAL_PREFIX):
            number = "+" + number[len(INTERNATIONAL_PREFIX) :]
        if number.startswith("+" + HOME_COUNTRY_CODE):
            return _chinese(number[1 + len(HOME_COUNTRY_CODE) :])
        if number.startswith("+"):
            return number if _ABROAD.fullmatch(number) else ""
        return self._with_area(number) if self.country != CHINA else _chinese(self._with_area(number))

    def is_subscriber_at_home(self, number: str) -> bool:
        """Whether a canonical number is somebody's telephone in this country, at an ordinary rate.

        Not so codes (emergency, information), shared-cost and premium-rate numbers, and countries that share the code:
        +1 is also the Caribbean, where calling back a number that rang once pays the one who shows it.
        """
        if self.country == CHINA:
            return number.startswith("+" + HOME_COUNTRY_CODE) or _SUBSCRIBER.fullmatch(number) is not None
        if not number.startswith("+"):
            return False
        parsed = phonenumbers.parse(number)
        is_here = phonenumbers.region_code_for_number(parsed) == self.country
        return is_here and phonenumbers.number_type(parsed) in _ORDINARY_TYPES

    def written(self, number: str, form: NumberForm) -> str:
        """A canonical number in that form."""
        if not number.startswith("+"):
            return number
        match form:
            case NumberForm.E164:
                return number[1:]
            case NumberForm.PLUS_E164:
                return number
            case NumberForm.INTERNATIONAL:
                return INTERNATIONAL_PREFIX + number[1:]
            case NumberForm.NATIONAL | NumberForm.NATIONAL_0:
                return self._national(number, form)

    def beginning(self, text: str) -> str:
        """What the canonical forms of all numbers begin with that are written with this beginning.

        Raises ValueError for what is none.
        """
        digits = text.removeprefix("+")
        if not digits.isascii() or not digits.isdigit() or len(digits) > BEGINNING_DIGITS_MAX:
            raise ValueError(f"{text!r} is no beginning of a number; write it as in +86755")
        if text.startswith("+"):
            return text
        if text.startswith(INTERNATIONAL_PREFIX):
            return "+" + text[len(INTERNATIONAL_PREFIX) :]
        code = str(phonenumbers.country_code_for_region(self.country))
        if self.country == CHINA and digits.startswith(code):
            return "+" + digits  # No area code begins so: the country's code without its plus.
        return f"+{code}{digits.removeprefix('0')}"

    def _with_area(self, number: str) -> str:
        if self.area_code and _SUBSCRIBER.fullmatch(number):
            return self.canonical_area() + number
        return number

    def canonical_area(self) -> str:
        """The area code as it stands before a subscriber's number, with the trunk prefix."""
        return "0" + self.area_code.lstrip("0") if self.area_code else ""

    def _by_library(self, number: str) -> str:
        """What is dialled in another country: with a plus when that country's plan has it, else as it is or ""."""
        number = self._with_area(number)
        try:
            parsed = phonenumbers.parse(number, self.country)
        except phonenumbers.NumberParseException:
            return number if len(number) <= CODE_DIGITS_MAX and number.strip("0") else ""
        if phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        return number if len(number) <= CODE_DIGITS_MAX and number.strip("0") else ""

    def _national(self, number: str, form: NumberForm) -> str:
        code = f"+{phonenumbers.country_code_for_region(self.country)}"
        if not number.startswith(code):
            return _exit_code(self.country) + number[1:]
        if self.country == CHINA:
            rest = number[len(code) :]
            return rest if _MOBILE.fullmatch(rest) and form is NumberForm.NATIONAL else "0" + rest
        parsed = phonenumbers.parse(number)
        if form is NumberForm.NATIONAL_0:
            prefix = phonenumbers.ndd_prefix_for_region(self.country, True) or ""
            return prefix + phonenumbers.national_significant_number(parsed)
        shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        return phonenumbers.normalize_digits_only(shown)


HOME = NumberingPlan()
"""Numbers that staff write: in the settings, on customers' cards, in lists, over HTTP."""


def as_written(text: str) -> str:
    """The canonical form of a number that staff wrote, "" for none; raises ValueError for what is no number."""
    number = HOME.canonical(text)
    if text and not number:
        raise ValueError(f'{text[:40]!r} is no telephone number; write it as in "+862088880000" or "02088880000"')
    return number


def is_written_like(number: str, beginnings: tuple[str, ...]) -> bool:
    """Whether a canonical number begins like one of these, written as staff write them.

    A code or an extension must be named in full: "1" is every national number that begins so, but not 110.
    """
    if not number.startswith("+"):
        is_service = _SERVICE.fullmatch(number) is not None
        return number in beginnings or (is_service and number.startswith(beginnings))
    return any(number.startswith(HOME.beginning(text)) for text in beginnings)


def at_home(number: str) -> str:
    """A number as people here write and read it: national form; what is not canonical stays as it is."""
    return HOME.written(number, NumberForm.NATIONAL)


def _chinese(digits: str) -> str:
    """National digits, in any of the ways that trunks send them, in canonical form."""
    significant = digits.lstrip("0")
    if _SERVICE.fullmatch(significant):
        return significant
    if _MOBILE.fullmatch(significant) or _LANDLINE.fullmatch(significant):
        return f"+{HOME_COUNTRY_CODE}{significant}"
    bare = digits.removeprefix(HOME_COUNTRY_CODE).lstrip("0")
    if digits.startswith(HOME_COUNTRY_CODE) and (
        _SERVICE.fullmatch(bare) or _MOBILE.fullmatch(bare) or _LANDLINE.fullmatch(bare)
    ):
        return bare if _SERVICE.fullmatch(bare) else f"+{HOME_COUNTRY_CODE}{bare}"
    if digits.startswith(INTERNATIONAL_PREFIX):  # +86 00 1...: no code, and read again it would be a number abroad
        return ""
    return digits if significant and len(digits) <= CODE_DIGITS_MAX else ""


def _exit_code(country: str) -> str:
    """What is dialled before a country's code: 00 nearly everywhere, 011 in North America."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    for prefix in (metadata.preferred_international_prefix, metadata.international_prefix) if metadata else ():
        if prefix and prefix.isdigit():
            return str(prefix)
    return INTERNATIONAL_PREFIX
