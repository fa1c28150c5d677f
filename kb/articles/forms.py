"""The editor's form: sections in boxes of their own, lists as words with commas."""

from __future__ import annotations

import re
from typing import Annotated

import pydantic

from kb.articles import rules
from kb.articles.models import Article, ArticleVersion
from kb.articles.schemas import Title
from kb.articles.service import Content
from web.api import ApiModel

Text = Annotated[str, pydantic.Field(default="", max_length=40_000)]
_BETWEEN = re.compile(r"[,，、;；\n]+")


def words(text: str) -> tuple[str, ...]:
    """`打印，桌面` → (`打印`, `桌面`)."""
    return tuple(w for part in _BETWEEN.split(text) if (w := part.strip()))


class EditorIn(ApiModel):
    """What the editor sends."""

    title: Title
    symptom: Text = ""
    environment: Text = ""
    cause: Text = ""
    solution: Text = ""
    check: Text = ""
    other: Text = ""
    category: str | None = pydantic.Field(default=None, max_length=40)
    tags: str = pydantic.Field(default="", max_length=400)
    error_codes: str = pydantic.Field(default="", max_length=400)
    services: list[int] = pydantic.Field(default_factory=list, max_length=20)
    units: list[str] = pydantic.Field(default_factory=list, max_length=100)
    comment: str = pydantic.Field(default="", max_length=200)

    def content(self) -> Content:
        """As a version of an article."""
        parts = {name: getattr(self, name) for name, _ in rules.SECTIONS} | {rules.OTHER: self.other}
        body = rules.join(parts)
        return Content(self.title, body, self.category, words(self.tags), tuple(self.services), words(self.error_codes))


def given_by(source: Article | ArticleVersion, units: list[str]) -> dict[str, object]:
    """The editor's starting values for what there is."""
    return {
        "title": source.title, **rules.split(source.body), "category": source.category, "tags": "，".join(source.tags),
        "error_codes": "，".join(source.error_codes), "services": list(source.services), "units": units,
    }  # fmt: skip
