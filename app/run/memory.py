"""Keeping the one process small: glibc gives every thread an arena of its own and seldom returns what was freed.

With a dozen request threads beside poller, relay and indexer that is half of an idle program's memory. On other C
libraries these calls are missing, and nothing happens.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import resource

from sqlalchemy.orm import Session

from core.jobs import Job

M_ARENA_MAX = -8  # <malloc.h>
ARENAS = 2
OPEN_FILES = 65_536
EVERY_S = 120


def limit_arenas() -> None:
    """Share two arenas among all threads. Call before threads are started."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def settle() -> None:
    """Let the collector look less often, and not at what the program was made of at its start.

    In a storm thousands of objects live for the length of a batch; at Python's thresholds each batch had the whole
    program walked through, which took longer than the batch.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def allow_open_files() -> None:
    """As many open files as the system grants without asking: every open page is one, and the usual 1,024 are few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _trim(_session: Session, _now: dt.datetime) -> None:
    # No gc.collect() here: it would hold every page up for as long as it takes; ctypes lets them run meanwhile.
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


JOB = Job("memory.trim", EVERY_S, _trim, everywhere=True)
