"""The viewer of this request, typed."""

from __future__ import annotations

from typing import cast

from accounts.scope.viewer import Viewer
from core.errors import Unauthenticated
from core.i18n import gettext as _
from web import access


def viewer() -> Viewer:
    """Whoever is signed in; raises Unauthenticated where nobody is."""
    found = access.current()
    if found is None:
        raise Unauthenticated(_("请先登录。"))
    return cast("Viewer", found)
