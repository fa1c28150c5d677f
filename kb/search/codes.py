"""Error codes, host names and addresses inside text: what must be found as it stands, not cut into words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.search.fold import fold

SHORTEST_NUMBER = 3
"""Letters with fewer digits (`web-01`, `g5`) are names rather than codes, unless the prefix is a known one."""

PATTERN = re.compile(
    r"""
    (?=[a-z0-9])(?:  # where none of them can begin, one look is enough: most of a Chinese text
      (?P<hex>(?<![a-z0-9])0x[0-9a-f]{2,16}(?![0-9a-z]))
    | (?P<ip>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d))
    | (?P<host>(?<![\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](?![\w-]))
    | (?P<code>(?<![a-z0-9])(?P<prefix>[a-z]{1,10}|sp2)(?P<gap>[-_:#]|[ ])?
               (?P<number>\d{2,8})(?P<tail>[a-z]?)(?![a-z0-9]|[-_][a-z0-9]|\.\d))
    | (?P<name>[a-z0-9]+(?:[-_][a-z0-9]+)+)
    )
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Found:
    """A piece of folded text that is kept whole: where it stands, its normal form, and further forms it is found by."""

    start: int
    end: int
    kind: str
    """`code`, `host`, `ip` or `name`"""
    normal: str
    parts: tuple[str, ...] = ()


def _code(match: re.Match[str], prefixes: frozenset[str]) -> Found | None:
    prefix, number, gap = match["prefix"], match["number"], match["gap"]
    known = prefix in prefixes
    if not known and (gap == " " or len(number) < SHORTEST_NUMBER):
        return None
    tail = match["tail"]
    normal = f"{prefix}-{number.lstrip('0') or '0'}{tail}"
    written = match["code"]
    return Found(match.start(), match.end(), "code", normal, () if gap == " " else (written, prefix, number + tail))


def _host(match: re.Match[str]) -> Found:
    labels = match["host"].split(".")
    parts = [*labels, *(piece for label in labels if "-" in label for piece in label.split("-"))]
    return Found(match.start(), match.end(), "host", match["host"], tuple(dict.fromkeys(parts)))


def _ip(match: re.Match[str]) -> Found:
    octets = match["ip"].split(".")
    # 10.61.1 and 10.61 are how people name a network; a single octet would find everything.
    return Found(match.start(), match.end(), "ip", match["ip"], (".".join(octets[:3]), ".".join(octets[:2])))


def scan(folded: str, prefixes: frozenset[str]) -> Iterator[Found]:
    """Everything in folded text that is kept whole, from left to right, without overlaps."""
    at = 0
    while match := PATTERN.search(folded, at):
        at = match.end()
        if match["hex"]:
            yield Found(match.start(), match.end(), "code", match["hex"])
        elif match["ip"]:
            yield _ip(match)
        elif match["host"]:
            yield _host(match)
        elif match["code"]:
            if found := _code(match, prefixes):
                yield found
            else:
                at = match.start() + len(match["prefix"])
                if match["gap"] and match["gap"] != " ":
                    whole = match["code"]
                    yield Found(match.start(), match.end(), "name", whole, tuple(re.split(r"[-_:#]", whole)))
                    at = match.end()
        else:
            yield Found(match.start(), match.end(), "name", match["name"], tuple(re.split(r"[-_]", match["name"])))


def normal_code(text: str, prefixes: frozenset[str]) -> str:
    """A declared error code in its normal form: `ORA-01653`, `ora 1653` → `ora-1653`; else hyphens for spaces."""
    folded = fold(text.strip())
    for found in scan(folded, prefixes):
        if found.kind == "code" and found.start == 0 and found.end == len(folded):
            return found.normal
    return "-".join(folded.split())
