"""The room's pages and APIs."""

from accounts.admin import (
    factor_views,
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
from accounts.directory import views as directory
from accounts.factor import own_views, views
from accounts.moving import views as moving
from accounts.oidc import views as oidc
from accounts.realms import views as realms
from accounts.signin import password_views, profile, session_views
from accounts.signin.views import blueprint

# imported, so that they register
PAGES = (
    profile, password_views, session_views, views, own_views, factor_views, settings_views, unit_views, people_views, grant_views,
    team_views, role_views, token_views, trail_views, moving, realms, directory, oidc,
)  # fmt: skip
BLUEPRINTS = (blueprint, admin, api.blueprint)
