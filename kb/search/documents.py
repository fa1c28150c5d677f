"""What every room hands to the search, and what it gets back."""

import datetime as dt
from dataclasses import dataclass

from markupsafe import Markup

KINDS = ("article", "ticket", "notice", "item", "alert")


@dataclass(frozen=True)
class Document:
    """One thing that can be found. Whoever holds any of `principals` may find it; none means nobody."""

    kind: str
    key: str
    """The thing's public name: number, id or fingerprint."""
    title: str
    body: str
    url: str
    principals: frozenset[str]
    updated_at: dt.datetime
    tags: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    state: str = ""
    weight: float = 1.0
    """Multiplies the score: more than 1 for what helped people, less for what is retired."""
    place: int = 0
    """Where it stands in the list of its room, the first of which is the greatest; the room finds the record by it. 0: in none."""

    @property
    def uid(self) -> str:
        """Unique over all kinds."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True)
class Hit:
    """One found document, as safe HTML where marked: `snippet` and `title_html` hold nothing but text and <mark>."""

    kind: str
    key: str
    title: str
    title_html: Markup
    snippet: Markup
    score: float
    """Higher is better; comparable within one answer only."""
    url: str
    state: str
    updated_at: dt.datetime
