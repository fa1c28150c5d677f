"""docs/data-flow.md says who listens to what; it must be what runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_documented_map_is_the_real_one() -> None:
    done = subprocess.run(
        [sys.executable, "tools/data_flow.py", "--check"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run: python tools/data_flow.py\n{done.stderr}"
