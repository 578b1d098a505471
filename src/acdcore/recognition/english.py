"""How English sounds, by rules of spelling: close enough that "sails" and "sales" are the same, and "bill in" is near
"billing".

A sound is one character: vowels are a e i o u, consonants their letter, and S C T J N for sh, ch, th, j and ng. No
dictionary: names of departments and products are in none.
"""

import re
from collections.abc import Sequence

VOWELS = "aeiou"
CLOSE = 0.35
"""Difference of two consonants that a telephone's band makes alike."""
VOWEL_APART = 0.3
"""Difference of two vowels: spelling tells little of them."""
WEAK = 0.5
"""What a vowel or one of `GLIDES` weighs; other consonants weigh 1."""
GLIDES = "hwyr"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]")
SPELLINGS: Sequence[tuple[str, str]] = (
    (r"^kn", "n"),
    (r"^wr", "r"),
    (r"^wh", "w"),
    (r"^ps", "s"),
    (r"mb$", "m"),
    (r"tch", "C"),
    (r"(t|c|s)ion", "Sun"),
    (r"tu(?=re)", "Cu"),
    (r"(au|ou)ght?", "o"),
    (r"eigh", "e"),
    (r"igh", "i"),
    (r"ph", "f"),
    (r"gh", ""),
    (r"ch", "C"),
    (r"sh", "S"),
    (r"th", "T"),
    (r"ck", "k"),
    (r"qu", "kw"),
    (r"x", "ks"),
    (r"dg(?=[eiy])", "J"),
    (r"ng", "N"),
    (r"c(?=[eiy])", "s"),
    (r"c", "k"),
    (r"g(?=[eiy])", "J"),
    (r"j", "J"),
    (r"q", "k"),
    (r"z", "s"),
    (r"(?<=[^aeiouy])e(?=s?$)(?<!^.e)", ""),
    (r"(ee|ea|ie|ei|ey)", "i"),
    (r"(ai|ay)", "e"),
    (r"(oa|ow|oe|au|aw)", "o"),
    (r"(oo|ou|ue|ui)", "u"),
    (r"(?<!^)y", "i"),
    (r"(.)\1+", r"\1"),
)
"""In this order; what is spelt alike sounds alike, whatever a dictionary says."""
_RULES = tuple((re.compile(pattern), sound) for pattern, sound in SPELLINGS)
_CLOSE = {
    frozenset(pair)
    for pair in (
        "td",
        "pb",
        "kg",
        "fv",
        "mn",
        "Ts",
        "Tf",
        "sf",
        "Ss",
        "SC",
        "CJ",
        "nN",
        "lr",
        "Td",
        "Tt",
        "tC",
        "vb",
        "mN",
    )
}


def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case; digits as words."""
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return tuple(DIGITS[int(word)] if word.isdigit() else word for word in WORD.findall(plain))


def sounds(word: str) -> str:
    """How a word of `words` sounds, one character a sound; never empty."""
    spoken = word.replace("'", "")
    for pattern, sound in _RULES:
        spoken = pattern.sub(sound, spoken)
    return spoken or word[:1]


def difference(one: str, other: str) -> float:
    """Of two sounds: 0 for the same, 1 for nothing in common."""
    if one == other:
        return 0.0
    if one in VOWELS and other in VOWELS:
        return VOWEL_APART
    return CLOSE if frozenset((one, other)) in _CLOSE else 1.0


def weight(sound: str) -> float:
    """What it costs that a sound is missing, or is one too many."""
    return WEAK if sound in VOWELS or sound in GLIDES else 1.0


def beats(word: str) -> int:
    """About how many syllables a word has."""
    return max(1, len(re.findall(r"[aeiouy]+", word.rstrip("e"))))
