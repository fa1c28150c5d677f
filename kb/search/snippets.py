"""The place in a text that answers the question, as HTML that holds nothing but text and <mark>."""

import html
import itertools
import re
from collections.abc import Iterable

from markupsafe import Markup

from kb.search import pinyin
from kb.search.analysis import Question
from kb.search.codes import scan
from kb.search.fold import fold

WINDOW = 90
"""Characters of a snippet: two lines on a phone."""
LEAD = 15
"""Characters shown before the first mark, so that a sentence is recognisable."""
AROUND = 500
"""Characters of an attachment before the place that is shown."""
MARKDOWN = re.compile(r"```\w*|[#>*_`|~]+|!?\[([^\]\n]*)\]\([^)\n]*\)|<[^>\n]{1,200}>")

HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
PARTICLES = frozenset("的了和与及在是把被就也都")
"""No word that somebody means by its initials begins or ends with one of these."""

Span = tuple[int, int]


def plain(markdown: str) -> str:
    """Text of a Markdown source without its marks, blanks squeezed; for showing a line of it, not for safety."""
    headed = HEADING.sub(r"\1：", markdown)
    return " ".join(MARKDOWN.sub(lambda m: m.group(1) or " ", headed).split()).replace("： ", "：")


def _forms(question: Question) -> list[str]:
    forms = {f for c in question.concepts if not c.weak for f in (*c.exact, *c.alike, c.word)}
    return sorted(forms, key=len, reverse=True)


def _sounding(folded: str, wanted: Iterable[str]) -> list[Span]:
    """Places whose characters sound like what was typed in Latin letters."""
    wanted = set(wanted)
    spans = []
    for length in {len(w) for w in wanted} | {n for w in wanted for n in range(2, len(w) // 2 + 1)}:
        if not 1 < length <= pinyin.LONGEST_WORD:
            continue
        for at in range(len(folded) - length + 1):
            word = folded[at : at + length]
            if word.isascii() or word[0] in PARTICLES or word[-1] in PARTICLES:
                continue
            if wanted.intersection((*pinyin.full(word), *pinyin.initials(word))):
                spans.append((at, at + length))
    return spans


def marks(text: str, question: Question) -> list[Span]:
    """Where the question's words stand in a text, joined and in order."""
    folded = fold(text)
    spans = [(m.start(), m.end()) for form in _forms(question) for m in re.finditer(re.escape(form), folded)]
    codes = {c.code for c in question.concepts if c.code}
    if codes:
        spans += [(f.start, f.end) for f in scan(folded, question.code_prefixes) if f.normal in codes]
    if not spans:
        spans = _sounding(folded[:2000], (s for c in question.concepts for s in (*c.typed_sounds, *c.homophones)))
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def render(text: str, spans: Iterable[Span], start: int = 0, end: int | None = None) -> str:
    """Escaped text[start:end] with <mark> around the spans inside it."""
    end = len(text) if end is None else end
    out, at = [], start
    for span in spans:
        first, last = max(span[0], start), min(span[1], end)
        if first >= last:
            continue
        out += [html.escape(text[at:first]), "<mark>", html.escape(text[first:last]), "</mark>"]
        at = last
    return "".join([*out, html.escape(text[at:end])])


def highlight(title: str, question: Question) -> Markup:
    """A whole title with its marks."""
    return Markup(render(title, marks(title, question)))  # noqa: S704  render escapes


def snippet(markdown: str, question: Question) -> Markup:
    """The window of the text with the most different words of the question; its beginning if none is there."""
    text = plain(markdown)
    found = marks(text, question)
    start = max(0, _best(text, found) - LEAD)
    end = min(len(text), start + WINDOW)
    shown = ("…" if start else "") + render(text, found, start, end) + ("…" if end < len(text) else "")
    return Markup(shown)  # noqa: S704  render escapes


def near(text: str, question: Question) -> str:
    """The part of a long text that answers the question, some lines before and behind it included."""
    at = _best(text, marks(text, question))
    return text[max(0, at - AROUND) : at + 2 * AROUND]


def _best(text: str, found: list[Span]) -> int:
    best, where = 0, 0
    for i, (start, _) in enumerate(found):
        near = itertools.takewhile(lambda span: span[1] <= start + WINDOW - LEAD, found[i : i + WINDOW])  # noqa: B023
        words = {text[a:b] for a, b in near}
        if (score := sum(map(len, words))) > best:
            best, where = score, start
    return where


def lacking(text: str, question: Question) -> frozenset[str]:
    """The significant words of the question that stand in none of their forms in this text."""
    folded = fold(text)
    wanted = {c.word: c for c in question.needed}
    found = {word for word, c in wanted.items() if any(form in folded for form in (word, *c.exact, *c.alike))}
    codes = {c.code: word for word, c in wanted.items() if c.code and word not in found}
    found |= {codes[code] for code in _written_codes(folded, frozenset(codes), question)}
    return frozenset(wanted) - found


def _written_codes(folded: str, wanted: frozenset[str], question: Question) -> set[str]:
    """Those of the codes that stand in the text in any writing. Taking a text apart is slow, and however a code is written
    its end is the same: only lines that have one are taken apart, and none once all are found."""
    found: set[str] = set()
    ends = {code: code.rsplit("-", 1)[-1] for code in wanted}
    if not any(end in folded for end in ends.values()):
        return found
    for line in folded.split("\n"):
        if any(end in line for code, end in ends.items() if code not in found):
            found |= wanted.intersection(f.normal for f in scan(line, question.code_prefixes))
            if found == wanted:
                break
    return found
