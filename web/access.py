"""Deny by default: every endpoint names a permission or is marked public, or it answers 404 to everybody.

`needs` is the coarse door ("holds this permission somewhere"); what may be seen behind it is decided by the scope
predicate in queries and by `accounts.scope.covers` in verbs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from flask import g

from core.errors import NotFound, Unauthenticated
from core.i18n import gettext as _

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__access__"


class WebViewer(Protocol):
    """What this room needs to know of whoever is signed in; accounts.scope.Viewer is one."""

    @property
    def login(self) -> str: ...
    @property
    def person_id(self) -> int: ...
    def can(self, *permissions: str) -> bool: ...


def needs(*permissions: str) -> Callable[[F], F]:
    """Any one of `permissions`, held anywhere. Without it: 404, as if the page did not exist."""

    def mark(view: F) -> F:
        setattr(view, _MARK, ("needs", permissions))
        return view

    return mark


def signed_in(view: F) -> F:
    """Anybody who is signed in (own profile, menu, sign-out)."""
    setattr(view, _MARK, ("signed-in", ()))
    return view


def public(view: F) -> F:
    """Anybody at all. Used for sign-in, health and static files only."""
    setattr(view, _MARK, ("public", ()))
    return view


def rule_of(view: Callable[..., Any] | None) -> tuple[str, tuple[str, ...]] | None:
    """The mark of a view function: (public | signed-in | needs, permissions), or None where there is none."""
    return cast("tuple[str, tuple[str, ...]] | None", getattr(view, _MARK, None))


def current() -> Any:
    """Whoever is signed in, or None. Rooms use accounts.current.viewer(), which is typed."""
    return getattr(g, "viewer", None)


def open_to_current(view: Callable[..., Any] | None) -> bool:
    """Whether the current viewer may call `view`: what decides if a link to it is drawn."""
    try:
        enforce(view)
    except (NotFound, Unauthenticated):
        return False
    return True


def enforce(view: Callable[..., Any] | None) -> None:
    """Raise Unauthenticated or NotFound unless the current viewer may call `view`."""
    rule = rule_of(view)
    if rule is None:
        raise NotFound(_("没有这个页面。"))
    kind, permissions = rule
    if kind == "public":
        return
    viewer = current()
    if viewer is None:
        raise Unauthenticated(_("请先登录。"))
    if kind == "needs" and not viewer.can(*permissions):
        raise NotFound(_("没有这个页面，或您无权查看。"))
