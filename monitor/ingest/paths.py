"""A small language to take values out of JSON: names, numbers in brackets, and nothing that runs. Pure.

    host.name            a member of a member
    items[0].value       an element; [-1] is the last
    ["a name.with dots"] a member whose name is none
    $.receiver           from the whole body, where the alert is one element of a list in it

A text with places: `{host.name}:{port|80}` puts values into words; `|` gives what stands where there is none; `{{` is a
brace. There are no calls, filters, conditions or attributes, so a template can't do anything but read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

LONGEST = 1000
MOST_STEPS = 20
_STEP = re.compile(r'\.?(?P<name>[\w@/-]+)|\[(?P<number>-?\d{1,6})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class WrongPathError(ValueError):
    """A path or a text that can't be read; the message says where."""


class Missing:
    """There is no such value."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the element, or from the whole body where `from_root`."""

    steps: tuple[str | int, ...]
    from_root: bool

    def of(self, element: Json, root: Json) -> Json | Missing:
        """The value, or MISSING."""
        value: Json | Missing = root if self.from_root else element
        for step in self.steps:
            value = _step_into(value, step)
            if isinstance(value, Missing):
                break
        return value


def _step_into(value: Json | Missing, step: str | int) -> Json | Missing:
    if isinstance(step, str):
        return value[step] if isinstance(value, dict) and step in value else MISSING
    within = isinstance(value, list) and -len(value) <= step < len(value)
    return value[step] if within and isinstance(value, list) else MISSING


def path(text: str) -> Path:
    """Read a path; empty or `$` is the whole. Raises WrongPathError."""
    rest = text.strip()
    if len(rest) > LONGEST:
        raise WrongPathError(f"longer than {LONGEST}")
    from_root = rest.startswith("$")
    rest = rest[1:] if from_root else rest
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None or (at == 0 and rest[0] == "." and not from_root):
            raise WrongPathError(rest[at : at + 30])
        steps.append(_step(found))
        at = found.end()
    if len(steps) > MOST_STEPS:
        raise WrongPathError(f"more than {MOST_STEPS} steps")
    return Path(tuple(steps), from_root)


def _step(found: re.Match[str]) -> str | int:
    if found["number"] is not None:
        return int(found["number"])
    if found["quoted"] is not None:
        return str(json.loads(found["quoted"]))
    return found["name"]


@dataclass(frozen=True, slots=True)
class Words:
    """A text with places: parts are words as they are, or a path with what stands where there is no value."""

    parts: tuple[str | tuple[Path, str | None], ...]

    def of(self, element: Json, root: Json) -> str | Missing:
        """The text; MISSING where a value is missing that has no stand-in."""
        said = []
        for part in self.parts:
            if isinstance(part, str):
                said.append(part)
                continue
            value = part[0].of(element, root)
            if isinstance(value, Missing) or value is None or value == "":
                if part[1] is None:
                    return MISSING
                said.append(part[1])
            else:
                said.append(plain(value))
        return "".join(said)


_PLACE = re.compile(r"\{\{|\}\}|\{(?P<path>[^{}|]*)(?:\|(?P<other>[^{}]*))?\}|[{}]")


def words(text: str) -> Words:
    """Read a text with places. Raises WrongPathError."""
    if len(text) > LONGEST:
        raise WrongPathError(f"longer than {LONGEST}")
    parts: list[str | tuple[Path, str | None]] = []
    at = 0
    for found in _PLACE.finditer(text):
        if found.start() > at:
            parts.append(text[at : found.start()])
        at = found.end()
        if found[0] in ("{{", "}}"):
            parts.append(found[0][0])
        elif found["path"] is None:
            raise WrongPathError(text[found.start() : found.start() + 30])
        else:
            parts.append((path(found["path"]), found["other"]))
    if at < len(text):
        parts.append(text[at:])
    return Words(tuple(parts))


def plain(value: Json) -> str:
    """A value as text: numbers without a needless point, lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
