"""The room's pages and APIs."""

from kb.articles import editing as _article_editing  # noqa: F401  importing hangs its pages on the blueprint
from kb.articles import views as _article_views  # noqa: F401
from kb.articles.api import api as articles_api
from kb.blueprint import blueprint
from kb.dictionary import views as _dictionary_views  # noqa: F401
from kb.dictionary.api import api as dictionary_api
from kb.notices import editing as _notice_editing  # noqa: F401
from kb.notices import views as _notice_views  # noqa: F401
from kb.notices.api import api as notices_api
from kb.search import views as _search_views  # noqa: F401
from kb.search.api import api as search_api
from kb.suggest import views as _suggest_views  # noqa: F401
from kb.suggest.api import api as suggest_api

BLUEPRINTS = (
    blueprint, articles_api.blueprint, notices_api.blueprint, search_api.blueprint, suggest_api.blueprint,
    dictionary_api.blueprint,
)  # fmt: skip
