"""Phonemes in the symbols of the Kokoro model, out of pinyin and out of espeak-ng's IPA.

The symbols and their numbers are those of Kokoro-82M's configuration. Mandarin is written as the model was taught it:
initial, medial, vowel, tone, coda; tones as arrows, and blanks between words. Source of the values: Y.-H. Lin, The
Sounds of Chinese (2007), and the model's own transcription.
"""

import re
from collections.abc import Mapping

TOKENS: Mapping[str, int] = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "\uab67": 23, "A": 24, "I": 25, "O": 31,
    "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48,
    "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61,
    "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75,
    "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92,
    "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116,
    "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132,
    "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156,
    "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip
INITIALS: Mapping[str, str] = {
    "": "", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ",
    "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "z": "ʦ", "c": "ʦʰ", "s": "s", "zh": "\uab67", "ch": "\uab67ʰ",
    "sh": "ʂ", "r": "ɻ",
}  # fmt: skip
FINALS: Mapping[str, tuple[str, str]] = {
    "a": ("a", ""), "ai": ("ai", ""), "an": ("a", "n"), "ang": ("a", "ŋ"), "ao": ("au", ""), "e": ("ɤ", ""),
    "ei": ("ei", ""), "en": ("ə", "n"), "eng": ("ə", "ŋ"), "er": ("ɚ", ""), "ê": ("ɛ", ""), "i": ("i", ""),
    "ia": ("ja", ""), "ian": ("jɛ", "n"), "iang": ("ja", "ŋ"), "iao": ("jau", ""), "ie": ("je", ""), "in": ("i", "n"),
    "ing": ("i", "ŋ"), "io": ("jɔ", ""), "iong": ("jʊ", "ŋ"), "iou": ("jou", ""), "o": ("wo", ""), "ong": ("ʊ", "ŋ"),
    "ou": ("ou", ""), "u": ("u", ""), "ua": ("wa", ""), "uai": ("wai", ""), "uan": ("wa", "n"), "uang": ("wa", "ŋ"),
    "uei": ("wei", ""), "uen": ("wə", "n"), "ueng": ("wə", "ŋ"), "uo": ("wo", ""), "v": ("y", ""), "van": ("ɥɛ", "n"),
    "ve": ("ɥe", ""), "vn": ("y", "n"), "m": ("m", ""), "n": ("n", ""), "ng": ("ŋ", ""),
}  # fmt: skip
"""Before and after the tone."""
APICAL = frozenset({"zh", "ch", "sh", "r", "z", "c", "s"})
"""After these the final i is a vowel of its own."""
TONES: Mapping[str, str] = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
STOPS = str.maketrans({
    "、": ", ", "，": ", ", "。": ". ", "．": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; ",
    "（": " (", "）": ") ", "《": " “", "》": "” ", "「": " “", "」": "” ", "【": " “", "】": "” ", "–": "—",
})  # fmt: skip
"""Chinese punctuation as the model knows it."""
BETWEEN_GROUPS = re.compile("(?<=[零幺一二三四五六七八九])；(?=[零幺一二三四五六七八九])")
REST = "。。。"
"""At a single stop between digits the model rests for less than a tenth of a second: too short to write them down."""
PUNCTUATION = re.compile(r"[;!?—…\"()“”]+|[:,.]+(?=\s|$)")
"""Where English is cut: not within 9:30, 1,000 and a.m."""

ENGLISH: tuple[tuple[str, str], ...] = (
    ("ʔˌn\u0329", "ʔn"), ("ʔn\u0329", "ʔn"), ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ"), ("e^ɪ", "A"),
    ("ɔ^ɪ", "Y"), ("ə^l", "ᵊl"), ("ʲo", "jo"), ("ʲə", "jə"), ("ʲ", ""), ("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"),
    ("ç", "k"), ("ɐ", "ə"), ("ɬ", "l"), ("\u0303", ""),
)  # fmt: skip
"""espeak-ng's signs that the model writes otherwise, in this order."""
AMERICAN: tuple[tuple[str, str], ...] = (
    ("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("e", "A"), ("o", "ɔ"), ("ɾ", "T"),
    ("ʔ", "t"), ("^", ""),
)  # fmt: skip
BRITISH: tuple[tuple[str, str], ...] = (
    ("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q"), ("e", "A"), ("o", "ɔ"), ("ɾ", "T"), ("ʔ", "t"), ("^", ""),
)  # fmt: skip
SYLLABIC = re.compile("(\\S)\u0329")
"""A consonant that is a syllable."""


def mandarin(initial: str, final: str) -> str:
    """One syllable, from its initial (`zh`) and its final with the tone's number (`ong1`). Raises KeyError."""
    sound, tone = final.rstrip("12345"), TONES[final[-1]]
    if sound == "i" and initial in APICAL:
        return f"{INITIALS[initial]}ɨ{tone}"
    if sound == "o" and not initial:
        return f"ɔ{tone}"
    vowel, coda = FINALS[sound]
    return f"{INITIALS[initial]}{vowel}{tone}{coda}"


def english(ipa: str, is_british: bool = False) -> str:
    """IPA of espeak-ng, with `^` within diphthongs and affricates, in the model's symbols."""
    for written, meant in ENGLISH:
        ipa = ipa.replace(written, meant)
    ipa = SYLLABIC.sub(r"ᵊ\1", ipa)
    for written, meant in BRITISH if is_british else AMERICAN:
        ipa = ipa.replace(written, meant)
    return ipa


def stops(text: str) -> str:
    """`text` with the punctuation that the model knows."""
    return BETWEEN_GROUPS.sub(REST, text).translate(STOPS)


def tokens(symbols: str) -> list[int]:
    """The model's numbers of `symbols`; what it does not know is left out."""
    return [TOKENS[symbol] for symbol in symbols if symbol in TOKENS]
