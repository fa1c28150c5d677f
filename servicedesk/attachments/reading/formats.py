"""The text of one file, piece by piece, so that what was read before a limit is not lost. Runs in the child process only.

A format is a function from a path to pieces of text. The libraries are those that the field keeps: PDFium for PDF,
python-docx, openpyxl and python-pptx for Office files; text, mail and pages need no more than Python has.
"""

from __future__ import annotations

import email
import email.policy
import importlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from servicedesk.attachments.reading.limits import PAGES

READ_AT_ONCE = 64 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MAIL = re.compile(rb"\A(?:[!-9;-~]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n){3,}", re.MULTILINE)
_MAIL_SIGNS = re.compile(rb"^(?:mime-version|received|message-id|return-path)\s*:", re.IGNORECASE | re.MULTILINE)
_SPOKEN = re.compile(r"/word/(?:document|header|footer|footnotes|endnotes|comments)\d*\.xml")
_HEAD = 16 * 1024
_PAGE = re.compile(r"<\s*(?:html|!doctype|body|table|div|p|span|br|head|meta)\b", re.IGNORECASE)


class Locked(Exception):
    """The file wants a password."""


class More(Exception):
    """There is more than is read."""


def prepare(media_type: str) -> None:
    """Load the libraries for this kind. Raises ImportError where one is missing."""
    for name in LIBRARIES.get(media_type, ()):
        importlib.import_module(name)


def pieces(path: Path, media_type: str) -> Iterator[str]:
    """The text of the file. Raises KeyError for a kind that has no text, Locked, More, and whatever a broken file makes."""
    yield from FORMATS[media_type](path)


def _limited(things: Iterable[Any]) -> Iterator[Any]:
    source = iter(things)
    yield from itertools.islice(source, PAGES)
    if next(source, None) is not None:
        raise More


def _pdf(path: Path) -> Iterator[str]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Locked from error
        raise
    for number in _limited(range(len(document))):
        page = document[number]
        text = page.get_textpage()
        yield text.get_text_bounded().replace("\r\n", "\n") + "\n"
        text.close()
        page.close()


def _docx(path: Path) -> Iterator[str]:
    import docx

    with path.open("rb") as file:  # a name without a suffix is refused, a file is not
        package = docx.Document(file).part.package
    for part in package.iter_parts():
        # Text boxes and tables stand among the paragraphs of their part.
        if _SPOKEN.fullmatch(part.partname):
            element = getattr(part, "element", None)
            yield from _paragraphs(_parsed(part.blob) if element is None else element, "w")


def _parsed(blob: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))


def _paragraphs(root: Any, prefix: str) -> Iterator[str]:
    space = {
        "w": "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
        "a": "{http://schemas.openxmlformats.org/drawingml/2006/main}",
    }[prefix]
    for paragraph in root.iter(f"{space}p"):
        told = "".join(
            (node.text or "") if node.tag == f"{space}t" else " " for node in paragraph.iter(f"{space}t", f"{space}tab")
        )
        if told.strip():
            yield told + "\n"


def _xlsx(path: Path) -> Iterator[str]:
    import openpyxl

    with path.open("rb") as file:
        yield from _sheets(openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False))


def _sheets(book: Any) -> Iterator[str]:
    for sheet in _limited(book.worksheets):
        yield f"{sheet.title}\n"
        for row in sheet.iter_rows(values_only=True):
            if cells := [str(cell) for cell in row if cell is not None]:
                yield "\t".join(cells) + "\n"


def _pptx(path: Path) -> Iterator[str]:
    import pptx

    with path.open("rb") as file:
        shown = pptx.Presentation(file)
    for slide in _limited(shown.slides):
        yield from _paragraphs(slide.element, "a")
        if slide.has_notes_slide:
            yield from _paragraphs(slide.notes_slide.element, "a")


def _text(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    if _MAIL.match(content[:_HEAD]) and _MAIL_SIGNS.search(content[:_HEAD]):
        yield from _mail(content)
        return
    text = decoded(content)
    yield from [page_text(text)] if _PAGE.search(text[:_HEAD]) else _sliced(text)


def _sliced(text: str) -> Iterator[str]:
    for at in range(0, len(text), READ_AT_ONCE):
        yield text[at : at + READ_AT_ONCE]


def decoded(content: bytes) -> str:
    """Text in whatever encoding a Chinese office writes: Unicode by its mark, UTF-8, else GBK; what is broken is left out.

    >>> decoded("打印机".encode("gbk")), decoded("打印机".encode()), decoded("打印机".encode("utf-16"))
    ('打印机', '打印机', '打印机')
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "ignore")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    # Cut off or damaged in the middle: the encoding that loses less.
    return min((content.decode(e, "replace") for e in ("utf-8-sig", "gb18030")), key=lambda t: t.count("\ufffd"))


def _mail(content: bytes) -> Iterator[str]:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101  the policy makes these
    for name in ("Subject", "From", "To", "Date"):
        if value := message.get(name):
            yield f"{value}\n"
    for part in message.walk():
        if part.is_multipart():
            continue
        if named := part.get_filename():
            yield f"{named}\n"
        elif part.get_content_maintype() == "text":
            text = _of_part(part)
            yield (page_text(text) if part.get_content_subtype() == "html" else text) + "\n"


def _of_part(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset() or "ascii")
    except (LookupError, UnicodeDecodeError):  # an unknown charset, or another than it says
        return decoded(content)


class _Page(HTMLParser):
    SILENT = frozenset({"script", "style", "template", "noscript"})
    BLOCKS = frozenset(
        {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "title", "table", "pre", "td", "th"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._silent += tag in self.SILENT
        if tag in self.BLOCKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def page_text(source: str) -> str:
    """What a page says, without its marks and scripts.

    >>> page_text("<style>p{}</style><p>打印机&amp;电脑</p><script>x()</script>").strip()
    '打印机&电脑'
    """
    page = _Page()
    page.feed(source)
    page.close()
    return re.sub(r"[ \t]*\n\s*", "\n", "".join(page.said))


FORMATS: dict[str, Callable[[Path], Iterator[str]]] = {
    "application/pdf": _pdf,
    f"{_OFFICE}wordprocessingml.document": _docx,
    f"{_OFFICE}spreadsheetml.sheet": _xlsx,
    f"{_OFFICE}presentationml.presentation": _pptx,
    "text/plain": _text,
}
"""Media type, as `sniff` names it → how it is read."""
LIBRARIES = {
    "application/pdf": ("pypdfium2",),
    f"{_OFFICE}wordprocessingml.document": ("docx", "lxml.etree"),
    f"{_OFFICE}spreadsheetml.sheet": ("openpyxl",),
    f"{_OFFICE}presentationml.presentation": ("pptx",),
}
"""Media type → what is loaded for it, before the file is opened."""
