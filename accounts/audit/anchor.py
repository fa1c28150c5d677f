"""The last seal known, written down outside of the database: whoever cuts the chain's end off there is found out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

NAME = "audit-anchor.json"


@dataclass(frozen=True)
class Anchor:
    """Number and hash of a seal that was committed."""

    seal: int
    hash: str


def read(home: Path) -> Anchor | None:
    """What was written down last; None where nothing was, or it can't be read any more."""
    try:
        found = json.loads((home / NAME).read_text(encoding="utf-8"))
        return Anchor(int(found["seal"]), str(found["hash"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(home: Path, anchor: Anchor) -> None:
    """Write it down, whole or not at all; a lower number than what stands there is not kept."""
    before = read(home)
    if before is not None and before.seal >= anchor.seal:
        return
    new = home / f"{NAME}.{os.getpid()}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"seal": anchor.seal, "hash": anchor.hash}, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(home / NAME)
