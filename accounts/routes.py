"""The room's pages and APIs."""

from accounts.signin.views import blueprint

BLUEPRINTS = (blueprint,)
