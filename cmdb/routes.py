"""What this room offers over HTTP."""

from cmdb.api import api

BLUEPRINTS = (api.blueprint,)
