"""The process that opens a stranger's file: `python -m servicedesk.attachments.reading.child MEDIA_TYPE < FILE`.

It limits itself before it looks at a byte, writes text to its standard output and says by its exit status how it went.
Whatever the file does to it, nothing but this process is lost.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

from servicedesk.attachments.reading import formats, limits
from servicedesk.attachments.reading.limits import Exit


def confine() -> None:
    """Memory, time and files of this process, for good."""
    for what, most in (
        (resource.RLIMIT_AS, limits.MEMORY),
        (resource.RLIMIT_CPU, limits.CPU_S),
        (resource.RLIMIT_FSIZE, 0),  # writes no file, whatever a library has in mind
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(limits.NICE)


def run(path: Path, media_type: str) -> Exit:
    """Write what the file says, LONGEST characters at most."""
    left = limits.LONGEST
    try:
        formats.prepare(media_type)
        _say(limits.BEGUN.decode())
        for piece in formats.pieces(path, media_type):
            _say(piece[:left])
            left -= len(piece)
            if left < 0:
                return Exit.CUT
    except formats.More:
        return Exit.CUT
    except formats.Locked:
        return Exit.LOCKED
    except ImportError:
        return Exit.FAULT
    except (MemoryError, RecursionError):
        return Exit.TOO_LARGE
    except Exception:  # noqa: BLE001  each library has its own; the file is broken or lies about itself
        return Exit.TOO_LARGE if _swollen() else Exit.UNREADABLE
    return Exit.DONE


def _swollen() -> bool:
    """Libraries in C call it a syntax error when there is no memory left; so it was, if most of it is taken."""
    status = Path("/proc/self/status").read_text("ascii")  # getrusage counts what our parent had grown to
    kilobytes = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return int(kilobytes) * 1024 > limits.MEMORY // 2


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "ignore"))
    sys.stdout.buffer.flush()


def main() -> None:
    """Read the file on standard input."""
    confine()
    with contextlib.suppress(BrokenPipeError):  # whoever asked has enough
        os._exit(run(Path("/proc/self/fd/0"), sys.argv[1]))  # libraries have nothing to tidy up that matters


if __name__ == "__main__":
    main()
