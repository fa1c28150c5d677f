"""Pinyin of words without tones: in full (`dayinji`) and by initials (`dyj`)."""

import functools
import itertools
from pathlib import Path

TABLE = Path(__file__).with_name("data") / "pinyin.txt"
LONGEST_WORD = 8
MOST_VARIANTS = 4
"""Of a word with several characters of more than one reading only so many combinations are kept."""


@functools.cache
def _readings() -> dict[str, tuple[str, ...]]:
    first: dict[str, str] = {}
    more: dict[str, list[str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        sound, chars = line.split(" ", 1)
        for char in chars:
            if sound.endswith("+"):
                more.setdefault(char, []).append(sound[:-1])
            else:
                first[char] = sound
    return {char: (sound, *more.get(char, ())) for char, sound in first.items()}


def readings(char: str) -> tuple[str, ...]:
    """Toneless syllables of a character, the commonest first; empty for what is no Chinese character."""
    return _readings().get(char, ())


def is_chinese(word: str) -> bool:
    """Every character is one the table can read."""
    return bool(word) and all(char in _readings() for char in word)


@functools.lru_cache(maxsize=16384)
def full(word: str) -> tuple[str, ...]:
    """`打印机` → (`dayinji`,); characters with several readings give several. Empty for other words."""
    if not is_chinese(word) or len(word) > LONGEST_WORD:
        return ()
    combined = itertools.islice(itertools.product(*map(readings, word)), MOST_VARIANTS)
    return tuple(dict.fromkeys("".join(sounds) for sounds in combined))


@functools.lru_cache(maxsize=16384)
def initials(word: str) -> tuple[str, ...]:
    """`打印机` → (`dyj`,). Only for words of two characters and more: one letter finds everything."""
    if not 1 < len(word) <= LONGEST_WORD or not is_chinese(word):
        return ()
    combined = itertools.islice(itertools.product(*map(readings, word)), MOST_VARIANTS)
    return tuple(dict.fromkeys("".join(sound[0] for sound in sounds) for sounds in combined))
