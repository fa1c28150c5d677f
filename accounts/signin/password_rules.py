"""What a new password has to be: one table that the form's hints, the pages and the commands all read. Pure.

Length first (NIST SP 800-63B-4), with the variety GB/T 22239-2019 asks for where it is short: decision 0070.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from accounts.signin.guessing import easily_guessed
from core.i18n import LazyText, lazy

LONG = 12  # characters: enough of any kind
SHORT = 10  # enough with VARIETY kinds of characters
VARIETY = 3
LONGEST = 200  # what a form takes
KEPT = 5  # the last so many passwords, the present one included, are not taken again
_TELLING = 3  # a login or name of fewer letters is in many words


@dataclass(frozen=True)
class Whose:
    """Whom the password is for: it must not contain these. `directory`: the directory has it, and nobody sets one here."""

    login: str
    name: str = ""
    directory: bool = False


@dataclass(frozen=True)
class Rule:
    """One line of the form: what is asked, what to say where it is not met, and the test."""

    asked: LazyText
    broken: LazyText
    met: Callable[[str, Whose], bool]


def _kinds(password: str) -> int:
    tests = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    return sum(any(map(test, password)) for test in tests)


def _long_enough(password: str, _whose: Whose) -> bool:
    return len(password) >= LONG or (len(password) >= SHORT and _kinds(password) >= VARIETY)


def _impersonal(password: str, whose: Whose) -> bool:
    typed = "".join(c for c in password.casefold() if c.isalnum())
    own = ["".join(c for c in text.casefold() if c.isalnum()) for text in (whose.login, whose.name)]
    return not any(
        part in typed or part[::-1] in typed
        for part in own
        if len(part) >= _TELLING or (part and not part.isascii() and len(part) > 1)
    )


RULES = (
    Rule(
        lazy("至少 12 个字符；或至少 10 个字符，包含大写字母、小写字母、数字、符号中的三种"),
        lazy("口令太短：至少 12 个字符；或至少 10 个字符，包含大写字母、小写字母、数字、符号中的三种。"),
        _long_enough,
    ),
    Rule(
        lazy("不是常见口令：不由常用词、日期、手机号、键盘顺序或重复字符拼成"),
        lazy("口令太容易猜到：不要用常用词、日期、手机号、键盘顺序或重复字符拼成。"),
        lambda password, _whose: bool(password) and not easily_guessed(password),
    ),
    Rule(
        lazy("不包含登录名或姓名"),
        lazy("口令不能包含登录名或姓名。"),
        lambda password, whose: bool(password) and _impersonal(password, whose),
    ),
)


def problem(password: str, whose: Whose) -> LazyText | None:
    """The first rule that is broken, in words, or None."""
    return next((rule.broken for rule in RULES if not rule.met(password, whose)), None)


def hints(password: str, whose: Whose) -> list[tuple[LazyText, bool | None]]:
    """Each rule and whether it is met; None while nothing is typed."""
    return [(rule.asked, rule.met(password, whose) if password else None) for rule in RULES]


def too_old(set_at: dt.datetime, days: int | None, now: dt.datetime) -> bool:
    """Whether a password set then has passed the age its holder's roles allow; None: it never does."""
    return days is not None and now - set_at >= dt.timedelta(days=days)
