"""The samples' part: one process owns their file, so a running program is asked for the copy."""

from __future__ import annotations

import contextlib
from pathlib import Path

from app.backup.archive import BackupError
from app.run import control
from config import Settings
from monitor.samples.base import SampleStoreError
from monitor.samples.embedded import EmbeddedSamples

_WAIT_S = 1800.0  # a hundred million samples take about a minute


def save(settings: Settings, target: Path) -> str | None:
    """Write a copy of one instant to `target`; or return why there is none.

    Raises BackupError where the running program refuses.
    """
    source = settings.path("samples.duckdb")
    if not source.exists():
        return "no samples are kept under TAXOPS_HOME"
    try:
        with contextlib.closing(EmbeddedSamples(source)) as store:
            store.copy_to(target)
    except SampleStoreError as error:
        answer = control.ask(settings, {"do": "copy-samples", "to": str(target)}, wait_s=_WAIT_S)
        if answer is None:
            raise BackupError(f"{error}, and no running program of this TAXOPS_HOME answers") from error
        if "error" in answer:
            raise BackupError(f"the running program could not copy the samples: {answer['error']}") from error
    return None
