"""The service desk's pages and APIs."""

from servicedesk.tickets.api import api
from servicedesk.tickets.side_api import api as side_api

BLUEPRINTS = (api.blueprint, side_api.blueprint)
