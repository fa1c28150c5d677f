"""How long a start takes with the province loaded, and what the idle program holds after a while."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.program import Program

IDLE_S = int(os.environ.get("BENCH_IDLE_S", "600"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "home")
        program.command("demo", "load")
        for _again in range(3):
            print(f"started in {program.start():.2f} s")
            program.stop()
        program.start()
        time.sleep(IDLE_S)
        print(f"PSS of all processes after {IDLE_S} s idle: {program.pss_mib():.0f} MiB")
        program.stop()
