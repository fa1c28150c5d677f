"""T-18, K-03: what stands in a file is read in a process of its own, which any file may kill and none may outgrow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from servicedesk.attachments import sniff
from servicedesk.attachments.reading import limits, reader
from servicedesk.attachments.reading.reader import Reading, TextState
from tests.servicedesk.attachments import files
from tests.servicedesk.attachments.files import DOCX, PDF, PPTX, TEXT, XLSX


def read(folder: Path, content: bytes, media_type: str) -> Reading:
    path = folder / "file"
    path.write_bytes(content)
    return reader.read(path, media_type)


SAID = {  # what is sent, its type, and what is read in it
    "a PDF without its font": (files.pdf("核心征管表空间扩容", "第二页 ORA-01653"), PDF, "核心征管表空间扩容\n第二页 ORA-01653"),
    "a document": (
        files.document("针式打印机", "第二段", cell="表格里的字", header="页眉"), DOCX,
        "针式打印机\n第二段\n表格里的字\n页眉",
    ),
    "a workbook": (files.book(("序号", "名称"), (1, "针式打印机")), XLSX, "台账\n序号\t名称\n1\t针式打印机"),
    "slides": (files.slides("培训课件", note="备注里的话"), PPTX, "培训课件\n备注里的话"),
    "a log in GBK": ("2026-11-20 表空间不足\r\n".encode("gbk"), TEXT, "2026-11-20 表空间不足"),
    "a list in UTF-16": ("设备,地点\n交换机,三楼".encode("utf-16"), TEXT, "设备,地点\n交换机,三楼"),
    "a page": ("<div>网页<p>说明&amp;步骤</div><style>p{}</style>".encode(), TEXT, "网页\n说明&步骤"),
    "a mail": (
        files.mail(), TEXT,
        "征期扩容申请\n张三 <zhangsan@tax.example>\nit@tax.example\n附上扩容方案。\n详见容量评估\n扩容方案.pdf",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SAID)
def test_K_03_text_of_what_people_send(tmp_path: Path, what: str) -> None:
    content, media_type, said = SAID[what]
    assert sniff.checked(content, "附件").media_type == media_type, "so it is named when it comes in"
    assert read(tmp_path, content, media_type) == Reading(TextState.INDEXED, said)


HOSTILE = {
    "broken": (b"%PDF-1.7 nothing", PDF, TextState.UNREADABLE),
    "no archive": (b"PK\x03\x04nothing", DOCX, TextState.UNREADABLE),
    "behind a password": (files.locked_pdf(), PDF, TextState.LOCKED),
    "pages in a circle": (files.pdf("一", kids="2 0 R 4 0 R", count=100_000_000), PDF, TextState.INDEXED),
    "nothing in it": (b"  \n ", TEXT, TextState.EMPTY),
    "a picture": (b"\x89PNG\r\n\x1a\n", "image/png", TextState.NONE),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_T_18_a_file_that_cannot_be_read_says_why(tmp_path: Path, what: str) -> None:
    content, media_type, state = HOSTILE[what]
    assert read(tmp_path, content, media_type).state is state


ASKING = """
import sys
from pathlib import Path
from servicedesk.attachments.reading import reader
print(reader.read(Path(sys.argv[1]), sys.argv[2]).state)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def test_T_18_a_document_that_unpacks_without_end_costs_a_child_and_nothing_else(tmp_path: Path) -> None:
    content = files.bomb()
    assert len(content) < 1_000_000
    path = tmp_path / "file"
    path.write_bytes(content)
    # A process of its own asks: of this one it is long since forgotten how large it was before.
    said = subprocess.run(
        [sys.executable, "-c", ASKING, path, DOCX], check=True, capture_output=True, text=True, cwd=reader.ROOT
    )
    state, kilobytes = said.stdout.split()
    assert state == TextState.TOO_LARGE
    assert int(kilobytes) < 150_000


def test_T_18_a_file_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLOCK_S", 0.001)  # no interpreter starts in that
    assert read(tmp_path, files.pdf("一"), PDF) == Reading(TextState.TOO_LARGE)


def test_of_a_long_file_the_beginning_is_kept(tmp_path: Path) -> None:
    found = read(tmp_path, ("表空间不足\n" * 400_000).encode("gbk"), TEXT)
    assert (found.state, len(found.text)) == (TextState.PARTLY, limits.LONGEST)


def test_what_a_database_cannot_keep_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "表\x00空\x0b间\ufffe".encode(), TEXT) == Reading(TextState.INDEXED, "表 空 间")


def program_with(folder: Path, library: str) -> Path:
    """This program with another python-docx, as where an upgrade went wrong."""
    (folder / "program").mkdir()
    (folder / "program" / "servicedesk").symlink_to(reader.ROOT / "servicedesk")
    (folder / "program" / "docx.py").write_text(library)
    return folder / "program"


TELLING = """
import os
class Document:
    partname = "/word/document.xml"
    blob = b'<w:p xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:t>%s</w:t></w:p>' % " ".join(os.environ).encode()
    def __init__(self, file): self.part = self.package = self
    def iter_parts(self): return [self]
"""


def test_the_child_knows_none_of_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it over finds the environment of the program empty of secrets: a library taken over tells it here."""
    monkeypatch.setenv("TAXOPS_SECRET_KEY", "secret")
    monkeypatch.setattr(reader, "ROOT", program_with(tmp_path, TELLING))
    known = set(read(tmp_path, files.document("x"), DOCX).text.split())
    assert known
    assert known <= {*reader.BARE, "LC_CTYPE"}


@pytest.mark.parametrize("library", ["import no_such_library", "raise OSError('damaged')", "import os; os._exit(3)"])
def test_what_is_missing_here_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(reader, "ROOT", program_with(tmp_path, library))
    with pytest.raises(reader.ReaderFault):
        read(tmp_path, files.document("x"), DOCX)
