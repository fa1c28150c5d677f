"""Long work shows how far it is: a bar for each stage on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

import click


class Told:
    """What a stage tells of itself."""

    def __init__(self, name: str, total: int | None, *, shown: bool) -> None:
        self._name, self._total, self._shown, self._done, self._last = name, total, shown, 0, 0.0

    def of(self, done: int, total: int) -> None:
        """So much of so much."""
        self._done, self._total = done, total
        self._show()

    def more(self, amount: int) -> None:
        """So much more."""
        self._done += amount
        self._show()

    def _show(self) -> None:
        if self._shown and self._total and (time.monotonic() - self._last > 0.1 or self._done >= self._total):  # noqa: PLR2004  ten times a second
            self._last = time.monotonic()
            click.echo(f"\r{self._name:<12}{100 * self._done // self._total:>4} %", err=True, nl=False)


class Progress:
    """Stages on standard error; `quiet` says nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Told]:
        """One stage, with the seconds it took at its end."""
        began = time.monotonic()
        yield Told(name, total, shown=self._terminal and not self._quiet)
        if not self._quiet:
            click.echo(
                f"{chr(13) if self._terminal else ''}{name:<12} done in {time.monotonic() - began:.1f} s", err=True
            )
