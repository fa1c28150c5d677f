"""What a database's complaint means: it is away, busy with somebody else's writing, or has no room to write."""

from __future__ import annotations

import errno

import sqlalchemy as sa

AWAY, BUSY, DISK = "away", "busy", "disk"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_SQLITE_DISK = ("disk is full", "disk i/o error", "readonly database", "unable to open database file")
_FULL = "53100"  # PostgreSQL's disk_full


def trouble(error: sa.exc.DBAPIError) -> str:
    """AWAY, BUSY or DISK."""
    cause = error.orig
    if getattr(cause, "sqlstate", None) == _FULL:
        return DISK
    said = str(cause).lower()
    if any(words in said for words in _SQLITE_DISK):
        return DISK
    return BUSY if "database is locked" in said else AWAY


def is_disk(error: OSError) -> bool:
    """Whether nothing could be written for want of room, or of leave to write."""
    return error.errno in _NO_ROOM
