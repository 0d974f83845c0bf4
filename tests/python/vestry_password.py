"""What a new password must be, written from section 5 of docs/PROTOCOL.md alone, "New passwords", with the published list
of docs/passwords/common.txt and nothing but the standard library."""

import itertools
import unicodedata
from functools import cache
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "docs" / "passwords" / "common.txt"

BYTES_MAX = 1_024

# Step 10: neighbours on keyboards.
ROWS = (
    "1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
)
NEIGHBOURS = {pair for row in ROWS for way in (row, row[::-1]) for pair in itertools.pairwise(way)}

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SMALL = CAPITALS.lower()
ASCII = [chr(number) for number in range(0x80)]
FILLERS = "".join(c for c in ASCII if c not in CAPITALS + SMALL)
PUNCTUATION = "".join(c for c in FILLERS if c not in "0123456789")
TO_SMALL = str.maketrans(CAPITALS, SMALL)


class Broken(Exception):
    """A rule is broken; its name."""


@cache
def common_passwords():
    return frozenset(LIST.read_text(encoding="ascii").splitlines())


def fold(text):
    return text.translate(TO_SMALL)


def own_words(name, email, host):
    texts = [name, host, "vestry"]
    if email is not None:
        local, at, domain = email.rpartition("@")
        texts += [email, local, domain] if at else [email]
    runs = [run for text in texts for run in text.translate(str.maketrans(dict.fromkeys(FILLERS, " "))).split(" ")]
    return {fold(word) for word in (*texts, *runs) if len(word) >= 3}


def is_made_of(text, words):
    ends = {0}
    for at, c in enumerate(text):
        if at in ends:
            ends |= {at + 1} if c in FILLERS else set()
            ends |= {at + len(word) for word in words if text.startswith(word, at)}
    return len(text) in ends and any(c not in FILLERS for c in text)


def period(text):
    for p in range(1, (len(text) + 1) // 2 + 1):
        if p < len(text) and text[p:] == text[: len(text) - p]:
            return p
    return None


def follows(earlier, later):
    return abs(ord(earlier) - ord(later)) <= 1 or (earlier, later) in NEIGHBOURS


def accept(text, name, email, host, chars_min):
    """The bytes that OPAQUE gets; raises Broken with the first rule that is broken."""
    require(text, "empty")
    require(len(text.encode("utf-8")) <= BYTES_MAX, "too_long")
    require(not any(c <= "\x1f" or "\x7f" <= c <= "\x9f" for c in text), "control")
    normal = unicodedata.normalize("NFC", text)
    require(len(normal.encode("utf-8")) <= BYTES_MAX, "too_long")
    least = chars_min if 8 <= chars_min <= 256 else 15
    require(len(normal) >= least, "too_short")
    folded = fold(normal)
    require(not is_made_of(folded, own_words(name, email, host)), "own_words")
    repeated = period(folded)
    require(repeated is None or repeated >= least, "repeated")
    unit = folded[:repeated]
    forms = {unit, unit.strip(PUNCTUATION), unit.strip(FILLERS)}
    require(forms.isdisjoint(common_passwords()), "common")
    free = 1 + sum(not follows(a, b) for a, b in itertools.pairwise(unit))
    require(free >= -(-least // 3), "run")
    return normal.encode("utf-8")


def require(is_kept, rule):
    if not is_kept:
        raise Broken(rule)


def judge(case):
    """The verdict on a vector."""
    try:
        fields = ("text", "name", "email", "host", "chars_min")
        return {"accepted": accept(*(case[field] for field in fields)).hex()}
    except Broken as broken:
        return {"refused": str(broken)}
