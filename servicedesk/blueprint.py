"""The blueprint of the service desk's pages; the modules that fill it are imported by routes.py."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("desk", __name__, template_folder="templates", url_prefix="/desk")

EVERYBODY = ("ticket.report", "ticket.read", "ticket.work", "vendor.work")
REPORT = ("ticket.report",)
WORK = ("ticket.work",)
