"""Matchers as Alertmanager writes them: name="value", !=, =~, !~. Pure.

Regular expressions are RE2, as in Prometheus: linear in time, whatever a client sends.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import re2

from core.errors import Invalid
from core.i18n import gettext as _


class Op(StrEnum):
    """How a matcher compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


LONGEST = 2000
_FORM = re.compile(
    r'\s*(?P<name>[a-zA-Z_:][\w:.]*|"(?:[^"\\]|\\.)*")\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*', re.DOTALL
)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that is missing counts as empty."""

    name: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` fulfil it."""
        given = labels.get(self.name, "")
        if self.op in (Op.EQUAL, Op.NOT_EQUAL):
            return (given == self.value) is (self.op is Op.EQUAL)
        return bool(_compiled(self.value)(given)) is (self.op is Op.MATCHES)


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> Callable[[str], object]:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    options.dot_nl = True
    fullmatch: Callable[[str], object] = re2.compile(pattern, options).fullmatch
    return fullmatch


def parse(text: str) -> Matcher:
    """Read one matcher. Raises Invalid saying what is wrong with it."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or _is_half_quoted(found["value"]):
        raise Invalid.of("filter", _('匹配条件 %(text)s 写法不对，应如 alertname="DiskFull"', text=text[:200]))
    matcher = Matcher(_unquoted(found["name"]), Op(found["op"]), _unquoted(found["value"]))
    return checked(matcher)


def checked(matcher: Matcher) -> Matcher:
    """The matcher, if its regular expression is one. Raises Invalid otherwise."""
    if matcher.op in (Op.MATCHES, Op.NOT_MATCHES):
        try:
            _compiled(matcher.value)
        except re2.error as error:
            raise Invalid.of("filter", _("正则 %(text)s 不对：%(why)s", text=matcher.value[:200], why=error)) from None
    return matcher


def _is_half_quoted(value: str) -> bool:
    return value.startswith('"') is not value.endswith('"') or value == '"'


def _unquoted(text: str) -> str:
    if not (len(text) > 1 and text[0] == text[-1] == '"'):
        return text
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), text[1:-1], flags=re.DOTALL)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher is fulfilled."""
    return all(matcher.matches(labels) for matcher in matchers)


def full(pattern: str, text: str) -> bool:
    """Whether `pattern` matches the whole of `text`. Raises Invalid for a wrong pattern."""
    checked(Matcher("receiver", Op.MATCHES, pattern))
    return bool(_compiled(pattern)(text))


def parts(text: str) -> list[str]:
    """The matchers inside braces: split at commas outside quotes."""
    found = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', text)
    return [part for part in found if part.strip()]
