"""Errors as RFC 9457 application/problem+json."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Response

from core.errors import Invalid, TaxopsError, TooMany, Unavailable

TYPE_PREFIX = "/api/docs/problems#"


def problem_response(error: TaxopsError) -> Response:
    """The answer for an error."""
    body = {
        "type": TYPE_PREFIX + error.slug,
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "errors": [{"field": e.field, "message": e.message} for e in error.errors]
        if isinstance(error, Invalid)
        else [],
        **error.extra,
    }
    response = Response(
        json.dumps(body, ensure_ascii=False, default=str), error.status, mimetype="application/problem+json"
    )
    if isinstance(error, TooMany | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="taxops"'
    return response
