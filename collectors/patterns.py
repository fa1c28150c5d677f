"""Looks into answers: regular expressions that can't hang the poller, and paths into JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, cast

import regex
from pydantic import AfterValidator, Field

from collectors.base import PollerFault
from collectors.blocking import in_thread
from core.i18n import gettext as _

PATTERN_LIMIT_S = 1.0


def _compiles(pattern: str) -> str:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise ValueError(_("正则表达式有误：%(why)s", why=error)) from None
    return pattern


PatternText = Annotated[str, Field(max_length=500), AfterValidator(_compiles)]
"""A parameter that holds a regular expression; empty: none."""


async def found_in(pattern: str, text: str) -> bool:
    """True when `pattern` occurs in `text`. Raises PollerFault when it takes too long: the pattern is at fault.

    The engine has its own time limit and frees the interpreter meanwhile, so other checks go on.
    """

    def search() -> bool:
        return regex.search(pattern, text, timeout=PATTERN_LIMIT_S, concurrent=True) is not None

    try:
        return await in_thread((pattern, text), search)
    except TimeoutError:
        raise PollerFault(
            _("正则表达式 %(pattern)s 算得太久", pattern=pattern), _("去掉嵌套的 * 或 +，写得更具体")
        ) from None


_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d+)\]")


def json_at(document: object, path: str) -> object:
    """The value at a path such as `status.items[0].state`; a leading `$.` is allowed.

    Raises LookupError, naming the step, when there is nothing, and ValueError for what is no path.
    """
    rest, here = path.removeprefix("$"), cast("Any", document)
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise ValueError(_("JSON 路径 %(path)s 写法有误；写成 a.b[0].c", path=path))
        key, index = step.groups()
        try:
            here = here[int(index)] if index is not None and isinstance(here, list) else here[key]
        except (KeyError, IndexError, TypeError):
            raise LookupError(step.group(0).lstrip(".")) from None
        rest = rest[step.end() :]
    return here
