"""How pages look on this device: light, dark or as the machine prefers, and how close lines stand.

It belongs to the device (a wall of screens, a phone at night), not to the person, so it is kept in a cookie of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, has_request_context, request

COOKIE = "taxops_appearance"
THEMES = ("auto", "light", "dark")
DENSITIES = ("comfortable", "compact")
_YEAR_S = 365 * 86_400


@dataclass(frozen=True)
class Appearance:
    """One device's choice."""

    theme: str = "auto"
    density: str = "comfortable"

    @property
    def attributes(self) -> dict[str, str]:
        """Of the page's root element. What `auto` comes to is decided in the browser, before it paints (theme.js)."""
        found = {"data-bs-theme": "dark" if self.theme == "dark" else "light", "data-density": self.density}
        return found | ({"data-theme-auto": ""} if self.theme == "auto" else {})


def appearance() -> Appearance:
    """What this device chose; the default where it chose nothing, or nothing that exists."""
    theme, _dash, density = (request.cookies.get(COOKIE, "") if has_request_context() else "").partition("-")
    return Appearance(
        theme if theme in THEMES else Appearance.theme, density if density in DENSITIES else Appearance.density
    )


def choose(response: Response, *, theme: str | None, density: str | None) -> None:
    """Keep a choice with the device; what is not given, or does not exist, stays as it was."""
    now = appearance()
    theme = theme if theme in THEMES else now.theme
    density = density if density in DENSITIES else now.density
    response.set_cookie(COOKIE, f"{theme}-{density}", max_age=_YEAR_S, samesite="Lax", httponly=True, path="/")
