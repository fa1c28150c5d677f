"""Rules of addresses whose builders are made when the first address is built.

Werkzeug compiles two Python functions for each rule as it is added, for url_for. With some hundred rules that is a third
of a second of every start, for functions most of which are never called before the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]

_made: dict[tuple[Any, ...], Builder] = {}
_making = threading.Lock()


class LateRule(Rule):
    """As werkzeug's own, with its builders kept by what they are made of: rule, default values, converters' places."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        # what the rule looks like is held now: werkzeug reuses these lists should the rule be bound again
        key = (self.rule, append_unknown, tuple(self._trace), repr(sorted((self.defaults or {}).items())))
        compiled = super()._compile_builder

        def build(rule: LateRule, **values: Any) -> tuple[str, str]:
            made = _made.get(key)
            if made is None:
                with _making:
                    made = _made.get(key) or compiled(append_unknown)
                    _made[key] = made
            return made(rule, **values)

        return build
