"""The room's pages and APIs."""

from monitor.alerts.api import api as alerts_api
from monitor.am import silence_views, views  # noqa: F401  they put their views on the blueprint
from monitor.am.answers import blueprint as alertmanager
from monitor.checks.api import api as checks_api
from monitor.heartbeats.views import api as heartbeats_api
from monitor.heartbeats.views import blueprint as heartbeat
from monitor.ingest.views import blueprint as ingest
from monitor.ingest.views import pages as sources
from monitor.pages import alerts, charts, checks, editor, inhibitions, silences, wall  # noqa: F401  they put their views on the blueprint
from monitor.pages.blueprint import blueprint as pages
from monitor.quiet.api import api as silences_api

BLUEPRINTS = (
    checks_api.blueprint,
    alerts_api.blueprint,
    silences_api.blueprint,
    alertmanager,
    heartbeat,
    ingest,
    sources,
    heartbeats_api.blueprint,
    pages,
)
