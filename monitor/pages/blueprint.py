"""One blueprint for all pages of the room; the menu knows `monitor.alerts`, `monitor.checks` and `monitor.wall`."""

from flask import Blueprint

blueprint = Blueprint("monitor", "monitor", template_folder="templates")
