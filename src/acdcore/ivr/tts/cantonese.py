"""Cantonese for espeak-ng: what its dictionary reads wrongly is written in its own notation for sounds.

espeak-ng's Cantonese has one reading for most characters, and for colloquial ones a bookish or a wrong one. A table of
contexts gives the right reading in Jyutping; it is written as `[[d'ei6]]`, which the library reads as phonemes where
it is asked to (`espeakPHONEMES`). The same sounds come out as if its own dictionary had them: no pause, no other pace.

    我哋會盡快為您接通。   ->   我[[d'ei6]][[w'ui5]]盡快[[w'ai6]]您接通。

Readings are those of Hong Kong: words.hk, the Jyutping tables of rime-cantonese, and the corpus HKCanCor for what
people say. espeak-ng's notation for Cantonese is Jyutping, but for a stress mark before the vowel, the tone before a
final m, n, p, t or k, `N` for an initial ng, and `m-` for a syllable that is m alone.
"""

import re
from collections.abc import Iterator

_NUMERALS = "零一二三四五六七八九十百千幾兩0-9"
READINGS: tuple[tuple[str, str], ...] = (
    # colloquial characters
    ("(唔)", "m4"),
    ("(哋)", "dei6"),
    ("(呢)(?=[度個種啲位次張間班])", "ni1"),
    ("(朝)早", "ziu1"),
    ("[今聽每琴尋](?:日)?(朝)(?![代鮮廷])", "ziu1"),
    ("(諗)", "nam2"),
    ("(咪)", "mai6"),
    ("(啊)", "aa3"),
    ("(嗎)", "maa3"),
    ("(喎)", "wo3"),
    ("(㗎)", "gaa3"),
    # for somebody, because of; to be and to become keep their second reading
    ("(為)(?=[您你佢我客閣各今咗呢何免方])", "wai6"),
    ("因(為)", "wai6"),
    # will and can; a meeting, a chance and a member keep theirs
    ("(?<![一機社開集年宴晚委學協工商])(會)(?![員議社所場面計考期長堂籍費])", "wui5"),
    ("一定(會)", "wui5"),
    # a place in a row; a person keeps the polite reading
    (f"第[{_NUMERALS}]+(位)", "wai6"),
    ("^(位)", "wai6"),
    (f"[{_NUMERALS}](位)(?=數|號|密碼|字|郵)", "wai6"),
    # changed tones
    ("(?:電|廣東|普通|客家|潮州|上海|福州|中國|白)(話)", "waa2"),
    ("[噉咁點](樣)", "joeng2"),
    ("屋(企)", "kei2"),
    # back, and to have managed to; to return and to arrive keep theirs
    ("(?<![往遣折])(返)(?!回)", "faan1"),
    ("[搵收錄聽見睇做買學](?:唔)?(到)", "dou2"),
    ("[睇聽試問等諗講搵](下)", "haa5"),
    # words
    ("線(上)等", "soeng6"),
    ("線上(等)", "dang2"),
    ("(上)(?=晝)", "soeng6"),
    ("(分)(?=鐘)", "fan1"),
    ("接(聽)", "teng1"),
    ("(聽)(?=電話|下|到|講|唔|留言|錄音)", "teng1"),
    ("(重)(?=有|未|係)", "zung6"),
    ("(參)與", "caam1"),
    ("參(與)", "jyu6"),
)
"""Where a character is read otherwise than espeak-ng reads it: a pattern whose group is the character, its reading."""
_PATTERNS = tuple((re.compile(pattern), reading) for pattern, reading in READINGS)
_SYLLABLE = re.compile(r"(ng|gw|kw|[bpmfdtnlgkhwzcsj])?([aeiouy]+(?:ng)?)([mnptk]?)([1-6])")
_SYLLABIC = {"m": "'m-", "ng": "'ng"}
"""Syllables without a vowel."""
_OPENING = "[["


def respelled(text: str) -> str:
    """`text` with what espeak-ng would read wrongly in its notation; brackets that are in it already stay brackets."""
    readings = dict(_readings(text))
    spoken = (f"[[{notation(readings[at])}]]" if at in readings else char for at, char in enumerate(text))
    return "".join(spoken if _OPENING not in text else _apart(spoken))


def notation(jyutping: str) -> str:
    """A syllable as espeak-ng writes it: `dei6` is `d'ei6`, `fuk6` is `f'u6k`. Raises ValueError."""
    bare, tone = jyutping[:-1], jyutping[-1:]
    if bare in _SYLLABIC and tone in "123456":
        return _SYLLABIC[bare] + tone
    found = _SYLLABLE.fullmatch(jyutping)
    if found is None:
        raise ValueError(f"{jyutping!r} is no syllable of Jyutping")
    initial = "N" if found[1] == "ng" else found[1] or ""
    return f"{initial}'{found[2]}{found[4]}{found[3]}"


def _readings(text: str) -> Iterator[tuple[int, str]]:
    """Places of characters with the readings that they need."""
    for pattern, reading in _PATTERNS:
        for found in pattern.finditer(text):
            yield found.start(1), reading


def _apart(spoken: Iterator[str]) -> Iterator[str]:
    """The same, with a blank after each bracket of the text's own."""
    for part in spoken:
        yield "[ " if part == "[" else part
