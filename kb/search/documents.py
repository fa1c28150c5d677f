"""What every room hands to the search, and what it gets back."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from kb.search import snippets
from kb.search.analysis import Question

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
    files: str = ""
    """What its attachments say. Found by, but not kept in the index: the source tells again which file it was."""
    state: str = ""
    weight: float = 1.0
    """Multiplies the score: more than 1 for what helped people, less for what is retired."""
    place: int = 0
    """Where it stands in the list of its room, the first of which is the greatest; the room finds the record by it. 0: in none;
    below 2^63."""

    @property
    def uid(self) -> str:
        """Unique over all kinds."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True)
class FileText:
    """What one attachment says, or its beginning."""

    name: str
    text: str


@dataclass(frozen=True)
class Hit:
    """One found document, as safe HTML where marked: `snippet` and `title_html` hold nothing but text and <mark>.

    They are made when they are asked for: many a hit is counted, or taken out again, without being shown.
    """

    kind: str
    key: str
    title: str
    body: str
    """Where the answer stands: the document's text, or that of `file`."""
    question: Question
    score: float
    """Higher is better; comparable within one answer only."""
    url: str
    state: str
    updated_at: dt.datetime
    file: str = ""
    """Name of the attachment that has the words, where the document itself has not all of them."""

    @cached_property
    def title_html(self) -> Markup:
        """The whole title with its marks."""
        return snippets.highlight(self.title, self.question)

    @cached_property
    def snippet(self) -> Markup:
        """The place that answers the question."""
        return snippets.snippet(self.body, self.question)
