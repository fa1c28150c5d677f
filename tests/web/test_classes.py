"""Every class a template names is known to the stylesheet or to a script: a typing error must not pass as “plain”."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import web
from tests.guards import source

CLASS = re.compile(r'\bclass="((?:[^"{]|{{.*?}}|{%.*?%})*)"', re.DOTALL)
#: Names that only scripts and tests look for, or that say what a thing is.
MEANINGS = {"sub"}


def known() -> set[str]:
    """Class names of the built stylesheet and of the scripts."""
    styles = (web.STATIC / "app.css").read_text("utf-8")
    scripts = "".join(path.read_text("utf-8") for path in (web.ROOT / "frontend/src").rglob("*.js"))
    return set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", styles)) | set(re.findall(r"[\w-]+", scripts)) | MEANINGS


def used(text: str) -> set[str]:
    """Whole class names of a template; those that an expression completes are left to the gallery."""
    names: set[str] = set()
    for value in CLASS.findall(text):
        plain = re.sub(r"{%.*?%}", " ", value, flags=re.DOTALL)
        plain = re.sub(r"{{.*?}}", "\x00", plain, flags=re.DOTALL)
        names |= {name for name in plain.split() if "\x00" not in name}
    return names


KNOWN = known()


@pytest.mark.parametrize("path", source.templates(), ids=source.name)
def test_no_class_is_made_up(path: Path) -> None:
    assert sorted(used(path.read_text("utf-8")) - KNOWN) == []
