"""The clocks' periodic duties."""

from __future__ import annotations

from core.jobs import Job
from servicedesk.clocks import service

JOBS = (Job("clocks.tick", 10, service.tick), Job("clocks.recount", 5, service.recount))
