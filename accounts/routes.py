"""The room's pages and APIs."""

from accounts.admin import (
    grant_views,
    people_views,
    role_views,
    settings_views,
    team_views,
    token_views,
    trail_views,
    unit_views,
)
from accounts.admin.api import api
from accounts.admin.pages import blueprint as admin
from accounts.signin import profile
from accounts.signin.views import blueprint

# imported, so that they register
PAGES = (
    profile, settings_views, unit_views, people_views, grant_views, team_views, role_views, token_views, trail_views,
)  # fmt: skip
BLUEPRINTS = (blueprint, admin, api.blueprint)
