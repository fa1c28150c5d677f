"""The room's pages and APIs."""

from accounts.admin import grant_views, people_views, role_views, team_views, trail_views, unit_views
from accounts.admin.api import api
from accounts.admin.pages import blueprint as admin
from accounts.signin.views import blueprint

PAGES = (unit_views, people_views, grant_views, team_views, role_views, trail_views)  # imported, so that they register
BLUEPRINTS = (blueprint, admin, api.blueprint)
