"""Markdown → safe HTML. Pure: no raw HTML, no scripts, no pictures from elsewhere."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).enable(["table", "strikethrough"])
_TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "del",
    "table", "thead", "tbody", "tr", "th", "td", "a", "img", "mark",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "code": {"class"}, "ol": {"start"}}


def _keep(tag: str, name: str, value: str) -> str | None:
    """Pictures only from this product: a page must not call out into the network. Code keeps its language."""
    if tag == "img" and name == "src":
        return value if value.startswith("/") and not value.startswith("//") else None
    if tag == "code" and name == "class":
        return value if value.startswith("language-") else None
    return value


def to_html(text: str) -> str:
    """HTML of a Markdown text that may be shown as it is. Headings begin at level 2: the page has the first."""
    rendered = _PARSER.render(text.replace("\x00", ""))
    for level in (5, 4, 3, 2, 1):
        rendered = rendered.replace(f"<h{level}>", f"<h{level + 1}>").replace(f"</h{level}>", f"</h{level + 1}>")
    return nh3.clean(
        rendered, tags=_TAGS, attributes=_ATTRIBUTES, attribute_filter=_keep, link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )  # fmt: skip
