"""The calendar's page and API."""

from servicedesk.calendar.api import api
from servicedesk.calendar.views import blueprint

BLUEPRINTS = (blueprint, api.blueprint)
