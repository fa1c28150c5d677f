"""Believable Chinese names and unique pinyin logins. Pure and seeded."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import accumulate

from app.demo.units import read_data

FEMALE_SHARE = 0.46


@cache
def _surnames() -> tuple[list[tuple[str, str]], list[int]]:
    rows = read_data("names.toml")["surnames"]
    return [(name, pinyin) for name, pinyin, _ in rows], list(accumulate(weight for *_, weight in rows))


def draw_name(draw: random.Random) -> tuple[str, str]:
    """A full name and its pinyin without tones or spaces, such as ("王秀兰", "wangxiulan")."""
    surnames, weights = _surnames()
    surname, surname_pinyin = draw.choices(surnames, cum_weights=weights)[0]
    given = read_data("names.toml")["female" if draw.random() < FEMALE_SHARE else "male"]
    name, pinyin = draw.choice(given)
    return surname + name, surname_pinyin + pinyin


class Logins:
    """Hands out logins: the pinyin of the name, with a number from the second namesake on (wangfang, wangfang2)."""

    def __init__(self, reserved: set[str]) -> None:
        self._taken = set(reserved)
        self._namesakes: Counter[str] = Counter()

    def take(self, pinyin: str) -> str:
        """The next free login for this pinyin."""
        while True:
            self._namesakes[pinyin] += 1
            number = self._namesakes[pinyin]
            login = pinyin if number == 1 else f"{pinyin}{number}"
            if login not in self._taken:
                self._taken.add(login)
                return login
