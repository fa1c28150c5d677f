"""What people of the demo report, and what is known about it: symptoms by category and starter articles. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from app.demo.units import read_data

CATEGORIES = ("desktop", "wan", "application", "video", "server", "data-correction", "role-change")
SECTIONS = ("症状", "环境", "原因", "解决", "验证")


@dataclass(frozen=True, slots=True)
class Symptom:
    """One kind of trouble: how it is reported, what it turned out to be, what helped. `error_code` may be empty."""

    category: str
    service: str
    title: str
    description: str
    cause: str
    solution: str
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class StarterArticle:
    """An article of the knowledge base as it ships; `body` is Markdown with the headings of SECTIONS."""

    slug: str
    title: str
    category: str
    services: tuple[str, ...]
    error_codes: tuple[str, ...]
    tags: tuple[str, ...]
    body: str


@cache
def symptoms(category: str) -> tuple[Symptom, ...]:
    """All symptoms of one category, in the order of its file."""
    rows = read_data(f"symptoms/{category}.toml")["symptom"]
    return tuple(Symptom(category=category, **row) for row in rows)


@cache
def articles() -> tuple[StarterArticle, ...]:
    """The starter articles, by file name."""
    folder = resources.files("app.demo") / "data" / "articles"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".md")), key=lambda entry: entry.name)
    return tuple(_article(entry.name.removesuffix(".md"), entry.read_text(encoding="utf-8")) for entry in files)


def _article(slug: str, text: str) -> StarterArticle:
    head, body = text.split("\n\n", 1)
    fields = dict(line.split(":", 1) for line in head.splitlines())
    return StarterArticle(
        slug=slug,
        title=fields["title"].strip(),
        category=fields["category"].strip(),
        services=_words(fields["services"]),
        error_codes=_words(fields["error_codes"]),
        tags=_words(fields["tags"]),
        body=body.strip(),
    )


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())
