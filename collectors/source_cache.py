"""Remembers the last list of checks on disk, so that a satellite that restarts during a cut goes on checking (M-15)."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from collectors.poller import Source
from collectors.report import CheckDefinition

log = structlog.get_logger(__name__)


def remembered(source: Source, file: Path) -> Source:
    """`source`, backed by `file` (readable by its owner only: parameters hold passwords).

    The file is used only until the source has answered once; after that the poller itself keeps the list.
    """
    answered = False

    async def ask() -> Sequence[CheckDefinition]:
        nonlocal answered
        try:
            definitions = await source()
        except Exception as error:
            if answered or (known := await asyncio.to_thread(_read, file)) is None:
                raise
            log.warning("the source does not answer, using the checks of last time", error=type(error).__name__)
            return known
        answered = True
        await asyncio.to_thread(_write, file, definitions)
        return definitions

    return ask


def _read(file: Path) -> list[CheckDefinition] | None:
    try:
        return [CheckDefinition(**row) for row in json.loads(file.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def _write(file: Path, definitions: Sequence[CheckDefinition]) -> None:
    words = json.dumps([dataclasses.asdict(definition) for definition in definitions], ensure_ascii=False)
    temporary = file.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(words)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
