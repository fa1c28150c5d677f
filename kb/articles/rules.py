"""Sections, differences and weights of articles. Pure."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

REVIEW_AFTER = dt.timedelta(days=365)
"""A published article is looked at again after a year."""
SECTIONS = (("symptom", "症状"), ("environment", "环境"), ("cause", "原因"), ("solution", "解决"), ("check", "验证"))
"""The parts of an article as field and heading; the heading is content, kept in the body."""
_ALIASES = {
    "症状": "symptom", "现象": "symptom", "故障现象": "symptom", "环境": "environment", "适用环境": "environment", "原因": "cause",
    "故障原因": "cause", "解决": "solution", "解决方法": "solution", "解决办法": "solution", "处理": "solution", "处理步骤": "solution",
    "验证": "check", "检查": "check",
}  # fmt: skip
_HEADING = re.compile(r"^#{1,3}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
OTHER = "other"


def split(body: str) -> dict[str, str]:
    """A body → text by section; what stands under no known heading is `other`, with its own headings kept."""
    fenced = [m.span() for m in _FENCE.finditer(body)]
    heads = [
        (m.start(), m.end(), _ALIASES[m[1]])
        for m in _HEADING.finditer(body)
        if m[1] in _ALIASES and not any(a <= m.start() < b for a, b in fenced)
    ]
    parts = {name: "" for name, _ in SECTIONS} | {OTHER: body[: heads[0][0]].strip() if heads else body.strip()}
    for i, (_start, end, name) in enumerate(heads):
        until = heads[i + 1][0] if i + 1 < len(heads) else len(body)
        parts[name] = "\n\n".join(filter(None, (parts[name], body[end:until].strip())))
    return parts


def join(parts: Mapping[str, str]) -> str:
    """Text by section → a body with headings; empty sections are left out."""
    pieces = [parts.get(OTHER, "").strip()]
    pieces += [f"## {heading}\n\n{text}" for name, heading in SECTIONS if (text := parts.get(name, "").strip())]
    return "\n\n".join(filter(None, pieces)) + "\n"


@dataclass(frozen=True)
class Line:
    """A line of a difference; `kind` is same, added, removed or gap (lines left out)."""

    kind: str
    text: str


def difference(before: str, after: str, *, context: int = 3) -> list[Line]:
    """What changed between two texts, line by line, with some lines around each change."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        if found or group[0][1] > 0:
            found.append(Line("gap", ""))
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                found += [Line("same", text) for text in old[a1:a2]]
                continue
            found += [Line("removed", text) for text in old[a1:a2]]
            found += [Line("added", text) for text in new[b1:b2]]
    return found


def weight(*, useful: int, not_useful: int, used: int, readable: bool, due: bool) -> float:
    """How far an article goes up in a search: helped people 1 → 2, failed them 1 → 0.6; overdue a little down.

    >>> weight(useful=0, not_useful=0, used=0, readable=True, due=False)
    1.0
    >>> weight(useful=8, not_useful=0, used=2, readable=True, due=False) > 1.4
    True
    """
    good, bad = useful + used, not_useful
    score = 1.0 + good / (good + bad + 10) - 0.4 * bad / (good + bad + 3)
    return round(score * (0.9 if due else 1.0) * (1.0 if readable else 0.5), 3)


def clean_list(values: list[str], *, longest: int = 60, most: int = 20) -> list[str]:
    """Tags or codes without blanks and repeats, in order."""
    seen = dict.fromkeys(" ".join(v.split())[:longest] for v in values)
    return [v for v in seen if v][:most]


_LONG_NUMBER = re.compile(r"(?<![\dA-Za-z])(\d{3})[\dA-Za-z]{6,}(\d{2}|\d[Xx])(?![\dA-Za-z])")


def masked(text: str) -> str:
    """Telephone, identity and taxpayer numbers with their middle taken out: an article is read by the whole province.

    >>> masked("电话 13800138000，识别号 91610100MA6U12345X，错误 0x80070035")
    '电话 138****00，识别号 916****5X，错误 0x80070035'
    """
    return _LONG_NUMBER.sub(r"\1****\2", text)


def draft_from(*, description: str, solution: str, cause: str | None, environment: str) -> dict[str, str]:
    """The sections of a draft out of a ticket (K-02). What the ticket does not say stays empty for the writer."""
    return {
        "symptom": masked(description.strip()), "environment": environment.strip(), "cause": masked((cause or "").strip()),
        "solution": masked(solution.strip()), "check": "", OTHER: "",
    }  # fmt: skip


def may_draft(*, solution: str, article: str | None, by_person: bool, parent: bool) -> bool:
    """Whether a resolved ticket is worth a draft: a person solved it, said how, and not with an article."""
    return by_person and not article and not parent and len(solution.strip()) >= SHORTEST_SOLUTION


SHORTEST_SOLUTION = 10
"""Characters; “已重启” teaches nobody anything."""
