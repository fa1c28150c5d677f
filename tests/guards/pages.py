"""Looking at a finished page: is it valid, can everybody use it, where does it lead?"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import html5lib
    from html5lib.html5parser import ParseError

#: html5lib is older than these; what it says about them is not an error.
_NEWER = {"expected-doctype-but-got-chars"}
_LABELLED = {"input", "select", "textarea"}
_UNSEEN_INPUTS = {"hidden", "submit", "button", "image", "reset"}


@dataclass(frozen=True)
class Link:
    """Where an element leads: with which method, to which path of this site."""

    method: str
    url: str
    element: str


def parse(text: str, *, fragment: bool = False) -> Element:
    """The page's tree. Raises AssertionError with what is invalid and where."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree: Element = parser.parseFragment(text) if fragment else parser.parse(text)
    lines = text.splitlines()
    wrong = [
        f"line {line}: {kind} {values or ''} in: {lines[min(line, len(lines)) - 1].strip()[:160]}"
        for (line, _column), kind, values in parser.errors
        if kind not in _NEWER
    ]
    assert wrong == [], wrong
    return tree


def problems(text: str, *, fragment: bool = False) -> list[str]:
    """What is wrong with a page beyond its grammar."""
    tree = parse(text, fragment=fragment)
    parents = {child: parent for parent in tree.iter() for child in parent}
    found = [f"id {name!r} stands {count} times" for name, count in ids(tree).items() if count > 1]
    found += list(_inline(tree))
    found += list(_unlabelled(tree, parents))
    found += list(_broken_references(tree, fragment=fragment))
    if not fragment:
        found += list(_page(tree))
    return found


def elements(tree: Element) -> Iterator[Element]:
    """All elements (no comments)."""
    return (each for each in tree.iter() if isinstance(each.tag, str))


def ids(tree: Element) -> Counter[str]:
    return Counter(each.get("id", "") for each in elements(tree) if each.get("id"))


def _inline(tree: Element) -> Iterator[str]:
    for each in elements(tree):
        if each.tag == "style" or (each.tag == "script" and not each.get("src") and "json" not in each.get("type", "")):
            yield f"inline <{each.tag}>"
        for name, value in each.attrib.items():
            if name == "style" or re.fullmatch(r"on\w+", name):
                yield f"inline {name}= on <{each.tag}>"
            if str(value).strip().lower().startswith("javascript:"):
                yield f"script in {name}= on <{each.tag}>"


def _unlabelled(tree: Element, parents: dict[Element, Element]) -> Iterator[str]:
    labelled = {each.get("for") for each in elements(tree) if each.tag == "label"}
    for each in elements(tree):
        if each.tag in _LABELLED and each.get("type") not in _UNSEEN_INPUTS:
            named = each.get("aria-label") or each.get("aria-labelledby") or each.get("title")
            if not named and each.get("id") not in labelled and not _inside(each, "label", parents):
                yield f"<{each.tag} name={each.get('name')!r}> has no label"
        elif each.tag in {"button", "a"} and each.get("aria-hidden") != "true" and each.get("hidden") is None:
            text = "".join(each.itertext()).strip()
            pictures = any(child.get("alt") or child.get("aria-label") for child in elements(each))
            if not (text or each.get("aria-label") or each.get("title") or pictures):
                yield f"<{each.tag} {dict(each.attrib)}> says nothing to a screen reader"
        elif each.tag == "img" and each.get("alt") is None:
            yield f"<img src={each.get('src')!r}> has no alt"


def _inside(element: Element, tag: str, parents: dict[Element, Element]) -> bool:
    while element in parents:
        element = parents[element]
        if element.tag == tag:
            return True
    return False


def _broken_references(tree: Element, *, fragment: bool) -> Iterator[str]:
    if fragment:
        return  # what it refers to may stand in the page around it
    known = ids(tree)
    for each in elements(tree):
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list", "form"):
            for target in each.get(name, "").split():
                if target not in known:
                    yield f"<{each.tag} {name}={target!r}> leads to no element"


def _page(tree: Element) -> Iterator[str]:
    root = tree if tree.tag == "html" else next(each for each in elements(tree) if each.tag == "html")
    if not root.get("lang"):
        yield "<html> has no lang"
    titles = ["".join(each.itertext()).strip() for each in elements(root) if each.tag == "title"]
    if not titles or not titles[0]:
        yield "no <title>"
    if sum(each.tag == "main" for each in elements(root)) != 1:
        yield "not exactly one <main>"
    if sum(each.tag == "h1" for each in elements(root)) > 1:
        yield "more than one <h1>"


def links(text: str, base: str, *, fragment: bool = False) -> list[Link]:
    """Everything the page leads to: links, forms, htmx requests, scripts, pictures."""
    found = []
    for each in elements(parse(text, fragment=fragment)):
        if each.tag == "form":
            found.append(Link(each.get("method", "get").upper(), urljoin(base, each.get("action") or base), "form"))
        for name, method in (("hx-get", "GET"), ("hx-post", "POST"), ("hx-put", "PUT"), ("hx-delete", "DELETE")):
            if each.get(name):
                found.append(Link(method, urljoin(base, each.get(name, "")), name))
        for name in ("href", "src", "data-url", "data-src"):
            if each.get(name):
                found.append(Link("GET", urljoin(base, each.get(name, "")), f"{each.tag} {name}"))
        if each.get("formaction"):
            found.append(Link("POST", urljoin(base, each.get("formaction", "")), "formaction"))
    return found


def readable(text: str, *, fragment: bool = False) -> list[str]:
    """The texts a person reads, one per text node, without code and recorded values."""
    tree = parse(text, fragment=fragment)
    found: list[str] = []

    def walk(element: Element) -> None:
        if element.tag in {"script", "style", "code", "pre", "kbd", "ins", "del"}:  # the last two: a record's values
            return
        if isinstance(element.tag, str) and element.text:
            found.append(element.text)
        for child in element:
            walk(child)
            if child.tail:
                found.append(child.tail)

    walk(tree)
    return [each.strip() for each in found if each.strip()]


def is_here(url: str) -> bool:
    """Whether a URL stays on this site (paths, or the test client's own host)."""
    parts = urlsplit(url)
    return parts.scheme in {"", "http"} and parts.netloc in {"", "localhost"} and bool(parts.path)


__all__ = ["Link", "ParseError", "is_here", "links", "parse", "problems", "readable"]
