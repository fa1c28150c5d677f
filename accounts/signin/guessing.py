"""Whether a password is made of what is guessed first: common words, dates, rows of keys, runs and repeats. Pure.

Source: NIST SP 800-63B-4 section 3.1.1.2 (compare with common, expected or compromised values, among them dictionary
words, repetitive or sequential characters, and words of the context).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import accounts

LEAST_BITS = 26  # of guessing, by the rough prices below: about a day of trying at the door, where failures lock
_CHARACTER_BITS = 4.5  # one that belongs to nothing common
_RUN = 4  # so many keys or letters in a row are a run
_LEET = str.maketrans("01345789@$!", "oleastbgasi")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)  # fmt: skip
_REPEATS = re.compile(r"(.)\1{2,}|(..)\2{2,}|(.{3,6}?)\3+")
_NUMBERS = re.compile(
    r"1[3-9]\d{9}|(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])|\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])|(19|20)\d\d"
)


@cache
def words() -> tuple[str, ...]:
    """The shipped list, the longest first."""
    path = Path(accounts.__file__).parent / "data" / "common-passwords.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {word for line in lines if not line.startswith("#") for word in line.split()}
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


@cache
def _common() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in words()))


@cache
def _runs() -> re.Pattern[str]:
    """Every piece of four or more of a row of keys, either way; the longest first."""
    pieces = set()
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for length in range(_RUN, len(row) + 1):
            pieces |= {row[at : at + length] for at in range(len(row) - length + 1)}
    return re.compile("|".join(sorted(pieces, key=lambda piece: (-len(piece), piece))))


def easily_guessed(password: str) -> bool:
    """Whether it is made of so little beside what is common that it comes early in anybody's list.

    Each common piece has the price of choosing it, every other character its own; signs that stand for letters are seen
    through. The cheapest way to make the password counts.
    """
    plain = "".join(c for c in password.lower() if c.isalnum() or c in "@$!")
    read_so = _NUMBERS.sub(" ", plain).translate(_LEET)  # a year is no letters
    steps = ((_NUMBERS, 8), (_REPEATS, 6), (_runs(), 7), (_common(), 9))
    return any(_bits(text, order) < LEAST_BITS for text in (plain, read_so) for order in (steps, steps[::-1]))


def _bits(text: str, steps: tuple[tuple[re.Pattern[str], int], ...]) -> float:
    """What was taken away leaves a gap, so that its neighbours do not become a new word."""
    bits = 0.0
    for step, price in steps:
        text, count = step.subn(" ", text)
        bits += count * price
    return bits + _CHARACTER_BITS * sum(c.isalnum() for c in text)
