"""The API's own description: OpenAPI for programs, a page for people."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from web import access
from web.api.openapi import document

blueprint = Blueprint("api_docs", __name__, template_folder="../templates")


@cache
def _version() -> str:
    try:
        return metadata.version("taxops")
    except metadata.PackageNotFoundError:
        return "0"


def description() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return document(title="taxops", version=_version())


@blueprint.get("/api/v1/openapi.json")
@access.public
def openapi() -> Response:
    """OpenAPI 3.1."""
    return jsonify(description())


@blueprint.get("/api/docs")
@access.public
def page() -> str:
    """The same to read."""
    return render_template("app/api_docs.html", doc=description())
