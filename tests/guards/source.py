"""The project's own files, as the guards look at them."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def project() -> dict:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Files of the project: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    found = (ROOT / name for name in sorted(set(listed)) if name)
    return tuple(path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes))


def name(path: Path) -> str:
    """Path from the top of the project."""
    return str(path.relative_to(ROOT))


@cache
def rooms() -> tuple[str, ...]:
    """Names of the product's top-level packages."""
    return tuple(project()["tool"]["importlinter"]["root_packages"])


def product_modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the product, parsed."""
    for path in files(".py"):
        if path.relative_to(ROOT).parts[0] in rooms():
            yield path, ast.parse(path.read_text("utf-8"), str(path))


@cache
def templates() -> tuple[Path, ...]:
    """Every page template of the product."""
    return tuple(
        path for path in files(".html", ".j2", ".jinja") if "templates" in path.parts and "tests" not in path.parts
    )
