"""Serving a file: always as a download, with the type that was found in it, and nothing to be guessed or run (T-18)."""

from __future__ import annotations

from flask import Response, send_file

from core.errors import NotFound
from core.i18n import gettext as _
from servicedesk.attachments.store import FileStore


def download(store: FileStore, digest: str, name: str, media_type: str) -> Response:
    """The answer. Raises NotFound where the file is gone from the disk (a restored database without its files)."""
    path = store.path(digest)
    if not path.exists():
        raise NotFound(_("附件的文件不在了，请联系管理员从备份恢复。"))
    response = send_file(
        path, mimetype=media_type, as_attachment=True, download_name=name, conditional=True, etag=digest
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
