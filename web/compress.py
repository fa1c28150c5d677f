"""The bundle travels compressed: county lines are thin, and 1.9 MB of scripts and styles are 0.5 MB as gzip.

Only static files, whose content nobody can influence: a page that mixes secrets (its form token) with what somebody
sent must not be compressed (BREACH).
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

KINDS = (".js", ".css", ".svg")
WORTH_IT = 1024  # bytes; smaller files fit into one packet anyway


@lru_cache(maxsize=32)
def _packed(path: Path, _changed_at: int) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)


def init(app: Flask) -> None:
    """Answer `GET /static/…` with gzip where the browser takes it; packed once, then kept in memory."""

    @app.after_request
    def _compress(response: Response) -> Response:
        name = (request.view_args or {}).get("filename", "")
        if request.endpoint != "static" or response.status_code != 200 or not name.endswith(KINDS):  # noqa: PLR2004
            return response
        response.vary.add("Accept-Encoding")
        path = Path(str(app.static_folder)) / name
        if request.accept_encodings.quality("gzip") <= 0 or path.stat().st_size < WORTH_IT or request.range:
            return response
        etag, _weak = response.get_etag()
        response.response.close()  # type: ignore[union-attr]  # the open file that send_file gave
        response.direct_passthrough = False
        response.set_data(_packed(path, path.stat().st_mtime_ns))
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(etag or name, weak=True)  # other bytes, the same content: a known copy still counts
        return response
