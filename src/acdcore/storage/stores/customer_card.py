"""The rules for a customer's card: what is trimmed and what is refused. Pure; every store applies them."""

import unicodedata
from dataclasses import replace

from acdcore.calls.model.directory import Customer, CustomerChange, NewCustomer
from acdcore.calls.model.ports import BadRecord
from acdcore.ivr.model.flow import Language
from acdcore.kernel.ids import AgentId
from acdcore.numbering.key import dialable

NAME_CHARS_MAX = 200
TEXT_CHARS_MAX = 4_000
"""Characters of address and note: a page, so that a screen pop fits into one event."""
WORD_CHARS_MAX = 40
"""Characters of member number, language, plate, owner and region."""
NUMBERS_MAX = 20
"""Telephone numbers of one customer; more is a mistake in an import."""
PLATES_MAX = 200
"""Vehicles of one customer: a fleet."""

LANGUAGE_NAMES = ("Mandarin", "Cantonese", "English")
"""Names of the languages, in the order of `Language`."""
_PLATE_SEPARATORS = frozenset(" -.·•・\t")


def check_card(new: NewCustomer, former_language: str = "") -> NewCustomer:
    """The card as it will be stored; raises `BadRecord` naming the field.

    `former_language` is accepted even if it is unknown, since older versions accepted any.
    """
    name = _text("name", new.name, NAME_CHARS_MAX)
    if not name:
        raise BadRecord("name", "is empty")
    owner = _text("owner", new.owner or "", WORD_CHARS_MAX)
    return NewCustomer(
        name=name,
        tier=new.tier,
        language=_language(new.language, former_language),
        numbers=_numbers(new.numbers),
        member_number=_text("member_number", new.member_number or "", WORD_CHARS_MAX) or None,
        plates=_plates(new.plates),
        address=_text("address", new.address, TEXT_CHARS_MAX),
        note=_text("note", new.note, TEXT_CHARS_MAX),
        owner=AgentId(owner) if owner else None,
        region=_text("region", new.region, WORD_CHARS_MAX),
    )


def apply_change(customer: Customer, change: CustomerChange) -> NewCustomer:
    """The card after `change`, checked; raises `BadRecord`."""
    card = contents(customer)
    for name in CustomerChange.__dataclass_fields__:
        value = getattr(change, name)
        if value is not None:
            card = replace(card, **{name: value})
    return check_card(card, customer.language)


def unknown_language(language: str) -> str:
    """What is wrong with a language; "" when flows speak it."""
    if language in set(Language):
        return ""
    there = ", ".join(f"{one.value} ({name})" for one, name in zip(Language, LANGUAGE_NAMES, strict=True))
    return f"{language[:40]!r} is not a language of flows; there are {there}"


def contents(customer: Customer) -> NewCustomer:
    """The card without id and version."""
    return NewCustomer(
        name=customer.name,
        tier=customer.tier,
        language=customer.language,
        numbers=customer.numbers,
        member_number=customer.member_number,
        plates=customer.plates,
        address=customer.address,
        note=customer.note,
        owner=customer.owner,
        region=customer.region,
    )


def plate(text: str) -> str:
    """A number plate in upper case without separators."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).upper() if char not in _PLATE_SEPARATORS)


def plate_digits(plate: str) -> str:
    """The digits of a plate in order, which is what a caller can type."""
    return "".join(char for char in plate if char.isascii() and char.isdigit())


def _text(field: str, value: str, chars_max: int) -> str:
    if "\0" in value:
        raise BadRecord(field, "contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRecord(field, "contains half a surrogate pair") from error
    value = value.strip()
    if len(value) > chars_max:
        raise BadRecord(field, f"has {len(value)} characters; at most {chars_max} are kept")
    return value


def _language(language: str, former: str) -> str:
    text = _text("language", language, WORD_CHARS_MAX)
    if text and text != former and unknown_language(text):
        raise BadRecord("language", f"{unknown_language(text)}; leave it out when it is not known")
    return text


def _numbers(numbers: tuple[str, ...]) -> tuple[str, ...]:
    if len(numbers) > NUMBERS_MAX:
        raise BadRecord("numbers", f"lists {len(numbers)}; at most {NUMBERS_MAX} are kept")
    kept = []
    for number in numbers:
        if not dialable(number):
            raise BadRecord("numbers", f"{number[:40]!r} is no telephone number: write digits, with a plus if abroad")
        kept.append(dialable(number))
    return tuple(dict.fromkeys(kept))


def _plates(plates: tuple[str, ...]) -> tuple[str, ...]:
    if len(plates) > PLATES_MAX:
        raise BadRecord("plates", f"lists {len(plates)}; at most {PLATES_MAX} are kept")
    kept = (plate(_text("plates", text, WORD_CHARS_MAX)) for text in plates)
    return tuple(dict.fromkeys(text for text in kept if text))
