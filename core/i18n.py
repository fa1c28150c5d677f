"""Words in the reader's language, without Flask: notifications are worded in background jobs too.

The msgids are Chinese (the product is Chinese first), so zh_CN needs no catalogue; `core/locale/<locale>` holds the others.
"""

from __future__ import annotations

import contextlib
import gettext as _gettext
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

LOCALES = ("zh_CN", "en")
_LOCALE_DIR = Path(__file__).parent / "locale"
_locale: ContextVar[str] = ContextVar("locale", default="zh_CN")


@cache
def _catalogue(locale: str) -> _gettext.NullTranslations:
    return _gettext.translation("messages", _LOCALE_DIR, languages=[locale], fallback=True)


def current_locale() -> str:
    """The locale of this request or job, one of LOCALES."""
    return _locale.get()


@contextlib.contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Word everything inside in `locale`; an unknown one falls back to zh_CN."""
    token = _locale.set(locale if locale in LOCALES else "zh_CN")
    try:
        yield
    finally:
        _locale.reset(token)


def gettext(message: str, **values: Any) -> str:
    """`message` in the current locale, with %(name)s filled from `values`."""
    text = _catalogue(_locale.get()).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, n: int, **values: Any) -> str:
    """As gettext, choosing by `n`, which is available as %(num)d."""
    text = _catalogue(_locale.get()).ngettext(singular, plural, n)
    return text % {"num": n, **values}


class LazyText:
    """A message that is worded when it is shown; for labels defined at import time."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message

    def __str__(self) -> str:
        return gettext(self.message)

    def __html__(self) -> str:
        return str(self).replace("&", "&amp;").replace("<", "&lt;")

    def __repr__(self) -> str:
        return f"LazyText({self.message!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self.message)

    def __mod__(self, values: Any) -> str:
        return str(str(self) % values)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def lazy(message: str) -> LazyText:
    """Mark a label at import time; it is translated each time it is shown."""
    return LazyText(message)
