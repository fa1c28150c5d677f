"""What the faults share: their notes, and programs with the small province in their database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

Note = Callable[..., None]


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """note(seconds_until_well=…, seen=…): printed, and a line of JSON in the file TAXOPS_FAULT_NOTES names."""

    def write(**what: object) -> None:
        line = json.dumps({"fault": request.node.name, **what}, ensure_ascii=False, default=str)
        print(line)
        if where := os.environ.get("TAXOPS_FAULT_NOTES"):
            with Path(where).open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    return write
