"""Two people may edit one thing: an answer names its revision (ETag), a change says which one it was made on (If-Match)."""

from __future__ import annotations

from flask import Response, after_this_request, request

from core.errors import Stale
from core.i18n import gettext as _

NOBODYS = -1


def tagged(revision: int) -> None:
    """Send the revision with the answer to the present request."""

    @after_this_request
    def _set(response: Response) -> Response:
        response.set_etag(str(revision))
        return response


def named() -> int | None:
    """The revision that If-Match names; None where it is missing or `*`, NOBODYS for one that is none of ours."""
    tags = _tags()
    number = next(iter(tags)) if tags is not None and len(tags) == 1 else ""
    return None if tags is None else int(number) if _ours(number) else NOBODYS


def must_match(revision: int) -> None:
    """Raise Stale where the change was made on another revision than this one."""
    tags = _tags()
    if tags is not None and str(revision) not in tags:
        raise Stale(_("内容已被他人修改，请重新读取后再改。"), revision=revision)


def _tags() -> set[str] | None:
    """What If-Match holds; weak ones too, since compressing weakens a tag. None: anything will do."""
    given = request.if_match
    if given.star_tag or not request.headers.get("If-Match", "").strip():
        return None
    return set(given.as_set(include_weak=True))


def _ours(tag: str) -> bool:
    return tag.isascii() and tag.isdigit() and len(tag) < 18  # noqa: PLR2004  the width of a 64-bit key
