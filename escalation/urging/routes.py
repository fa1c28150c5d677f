"""Urging: API (its button stands on the ticket page)."""

from escalation.urging.api import api

BLUEPRINTS = (api.blueprint,)
