"""What reading one file may cost, and how the child process says how it went. Pure; both sides import it."""

from __future__ import annotations

from enum import IntEnum

MEMORY = 512 * 1024**2
"""Bytes of address space; the libraries alone take some 80 MB."""
CPU_S = 20
CLOCK_S = 90.0
"""By the clock, on a machine that has other things to do."""
PAGES = 500
"""Pages, slides or sheets that are read."""
LONGEST = 200_000
"""Characters of one file that are kept: some 150 pages of prose."""
BYTES = LONGEST * 4
NICE = 10


class Exit(IntEnum):
    """The child's exit status; killed by a signal counts as TOO_LARGE."""

    DONE = 0
    CUT = 80
    """More was there than is kept."""
    UNREADABLE = 81
    LOCKED = 82
    """A password is wanted."""
    TOO_LARGE = 83
    FAULT = 84
    """A library of ours is missing: the file has no part in it."""


BEGUN = b"\0"
"""What the child says before it opens the file; whatever ends it earlier is no fault of the file."""
