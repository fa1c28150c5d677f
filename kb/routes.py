"""The room's pages and APIs."""

from kb.articles.api import api as articles_api
from kb.notices.api import api as notices_api
from kb.search.api import api as search_api
from kb.suggest.api import api as suggest_api

BLUEPRINTS = (articles_api.blueprint, notices_api.blueprint, search_api.blueprint, suggest_api.blueprint)
