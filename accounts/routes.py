"""The room's pages and APIs."""

from accounts.admin.api import api
from accounts.admin.views import blueprint as admin
from accounts.signin.views import blueprint

BLUEPRINTS = (blueprint, admin, api.blueprint)
