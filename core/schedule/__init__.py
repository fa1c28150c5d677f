"""What several processes must agree on: leases, work shared out, and the book of periodic duties."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

EXTENSION = "taxops.instance"
"""Under this name the application holds which process it is in; nothing on the embedded default."""


class Instance(Protocol):
    """One of several processes: its name in the installation, and a directory that is its own while it lives."""

    @property
    def name(self) -> str: ...

    @property
    def directory(self) -> Path: ...
