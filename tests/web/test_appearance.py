"""Light, dark, or as the machine prefers; loose or close. Both themes can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fixtures.world import World

CSS = Path(__file__).resolve().parents[2] / "web" / "frontend" / "src" / "css"
#: What is written on what. WCAG 2.1, 1.4.3: 4.5 to 1.
TEXT = [
    *[(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("bg", "bg-side", "surface", "surface-2", "surface-3")],
    *[("accent", ground) for ground in ("bg", "surface", "surface-2", "accent-soft")],
    *[(state, ground) for state in ("ok", "warning", "critical", "unknown", "nodata") for ground in ("surface", "bg", f"{state}-soft")],
    ("on-accent", "accent"), ("on-accent", "accent-strong"), ("white", "critical-solid"), ("white", "toast"), ("white", "toast-critical"),
    ("ink", "mark"),
]  # fmt: skip


def variables(*files: str) -> dict[str, str]:
    """name → colour, a later file winning."""
    found = {"white": "#ffffff"}
    for file in files:
        found |= dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6});", (CSS / file).read_text("utf-8")))
    return found


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.1, definition of relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("files", [("tokens.css",), ("tokens.css", "dark.css")], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(files: tuple[str, ...]) -> None:
    colours = variables(*files)
    poor = {f"{ink} on {ground}": round(contrast(colours[ink], colours[ground]), 2) for ink, ground in TEXT
            if contrast(colours[ink], colours[ground]) < 4.5}  # fmt: skip
    assert poor == {}


def test_the_dark_theme_says_every_colour_again() -> None:
    light, dark = variables("tokens.css"), variables("dark.css")
    assert set(light) - set(dark) == set()


def root(world: World, login: str = "lt-clerk", **cookies: str) -> str:
    """The <html …> of a page."""
    client = world.client(login)
    for name, value in cookies.items():
        client.set_cookie(name, value)
    found = re.search(r"<html[^>]*>", client.get("/desk/mine").get_data(as_text=True))
    assert found is not None
    return found.group()


def test_without_a_choice_the_machine_decides_before_it_paints(world: World) -> None:
    assert 'data-theme-auto=""' in root(world)
    page = world.client("lt-clerk").get("/desk/mine").get_data(as_text=True)
    assert page.index("theme.js") < page.index("app.css"), "it runs before the style sheet is awaited"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_choice_holds_for_the_device(world: World, theme: str) -> None:
    client = world.client("lt-clerk")
    answer = world.submit(client, "/appearance", data={"theme": theme, "next": "/desk/mine?x=1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/mine?x=1")
    page = client.get("/desk/mine").get_data(as_text=True)
    assert f'data-bs-theme="{theme}"' in page
    assert "data-theme-auto" not in page
    world.submit(client, "/appearance", data={"density": "compact"})
    page = client.get("/desk/mine").get_data(as_text=True)
    assert f'data-bs-theme="{theme}"' in page, "one choice leaves the other"
    assert 'data-density="compact"' in page


def test_nonsense_is_no_choice_and_leads_nowhere_else(world: World) -> None:
    client = world.client("lt-clerk")
    answer = world.submit(
        client, "/appearance", data={"theme": '"><script>', "density": "x", "next": "https://elsewhere.example/"}
    )
    assert "elsewhere" not in answer.headers["Location"]
    assert "auto-comfortable" in "".join(answer.headers.getlist("Set-Cookie"))
    assert "<script>" not in root(world, taxops_appearance='"><script>-x')
