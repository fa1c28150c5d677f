"""What this room offers over HTTP."""

from cmdb import edit_views
from cmdb.api import api
from cmdb.views import blueprint

BLUEPRINTS = (blueprint, api.blueprint)
PAGES = (edit_views,)  # importing them adds their pages to the blueprint
