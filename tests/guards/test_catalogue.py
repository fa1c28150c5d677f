"""Every Chinese message has its English, with the same places in it, and the compiled catalogue is the written one."""

from __future__ import annotations

import gettext
import io
import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from core import i18n
from tests.guards import source

LOCALES = [locale for locale in i18n.LOCALES if locale != "zh_CN"]
KEYWORDS = {"_": None, "gettext": None, "lazy": None, "ngettext": (1, 2)}
PLACES = re.compile(r"%\(\w+\)[-.\d]*[sdf]|%%")


def written(locale: str) -> Path:
    return source.ROOT / "core" / "locale" / locale / "LC_MESSAGES" / "messages.po"


@cache
def catalogue(locale: str) -> Catalog:
    with written(locale).open("rb") as file:
        return read_po(file, locale=locale)


@cache
def messages() -> dict[str, str]:
    """Every msgid of the product and where it stands first."""
    found: dict[str, str] = {}
    sources = [(path, "python") for path, _ in source.product_modules()]
    sources += [(path, "jinja2") for path in source.templates()]
    for path, method in sources:
        with path.open("rb") as file:
            for line, message, _, _ in extract(
                method, file, KEYWORDS, options={"encoding": "utf-8", "silent": "false"}
            ):
                msgid = message[0] if isinstance(message, tuple) else message
                if msgid:
                    found.setdefault(msgid, f"{source.name(path)}:{line}")
    return found


def test_there_are_messages() -> None:
    assert len(messages()) > 100


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_is_translated(locale: str) -> None:
    known = catalogue(locale)
    missing = [
        f"{where}: {msgid}"
        for msgid, where in sorted(messages().items(), key=lambda pair: pair[1])
        if (entry := known.get(msgid)) is None or not entry.string or entry.fuzzy
    ]
    assert missing == []


@pytest.mark.parametrize("locale", LOCALES)
def test_translations_keep_the_places_and_are_in_their_language(locale: str) -> None:
    wrong = []
    for entry in catalogue(locale):
        if not entry.id:
            continue
        ids = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        for string in filter(None, strings):
            if set(PLACES.findall(string)) - set(PLACES.findall(ids[-1])):
                wrong.append(f"{ids[0]!r}: other places in {string!r}")
            if len(strings) == 1 and set(PLACES.findall(string)) != set(PLACES.findall(ids[0])):
                wrong.append(f"{ids[0]!r}: places missing in {string!r}")
            if re.search(r"[\u3400-\u9fff]", string):
                wrong.append(f"{ids[0]!r}: Chinese left in {string!r}")
    assert wrong == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_translation_is_left_of_a_message_that_is_gone(locale: str) -> None:
    ids = [entry.id[0] if isinstance(entry.id, tuple | list) else entry.id for entry in catalogue(locale) if entry.id]
    assert [msgid for msgid in ids if msgid not in messages()] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_catalogue_is_the_written_one(locale: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(locale))
    fresh.seek(0)
    with written(locale).with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file)._catalog == gettext.GNUTranslations(fresh)._catalog
