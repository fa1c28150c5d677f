"""The service desk's pages and APIs."""

from servicedesk.blueprint import blueprint
from servicedesk.bulk import views as _bulk  # noqa: F401
from servicedesk.bulk.api import api as bulk_api
from servicedesk.intake import views as _intake  # noqa: F401  each fills the blueprint
from servicedesk.saved import views as _filters  # noqa: F401
from servicedesk.saved.api import api as filters_api
from servicedesk.tickets import fragments as _fragments  # noqa: F401
from servicedesk.tickets import list_views as _lists  # noqa: F401
from servicedesk.tickets import page_views as _pages  # noqa: F401
from servicedesk.tickets import present_views as _present  # noqa: F401
from servicedesk.tickets.api import api
from servicedesk.tickets.side_api import api as side_api
from servicedesk.work import views as _work  # noqa: F401

BLUEPRINTS = (blueprint, api.blueprint, side_api.blueprint, filters_api.blueprint, bulk_api.blueprint)
