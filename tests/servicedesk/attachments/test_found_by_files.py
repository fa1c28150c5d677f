"""K-03: a ticket is found by what its attachments say, by whoever may read it, and the hit names the file."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from kb.search import index
from kb.search.current import engine_of
from kb.search.registry import sources
from servicedesk.attachments.models import Attachment, AttachmentText
from servicedesk.attachments.reading import findings, texts
from servicedesk.attachments.reading.part import FileReader
from servicedesk.attachments.store import FileStore
from tests.fixtures.world import World
from tests.servicedesk.attachments import files

LINE = "2026-11-28 12:00:00 host-a.b.c ORA-01653 表空间不足 10.1.2.3\n"


class Files:
    """A ticket of Lantian, and the reader of the running program."""

    def __init__(self, world: World, folder: Any) -> None:
        self.world, self.engine = world, engine_of(world.app)
        self.store = FileStore(folder)
        self.reader = FileReader(world.engine, self.store)
        made = world.api("lt-clerk").post(
            "/tickets", {"kind": "incident", "title": "报表导出失败", "category": "desktop"}
        )
        self.number = made.json["number"]

    def send(self, name: str, content: bytes, *, internal: bool = False, login: str = "lt-engineer") -> int:
        data = {"file": (io.BytesIO(content), name), "internal": str(internal).lower()}
        answer = self.world.api(login).post(f"/tickets/{self.number}/attachments", data=data)
        assert answer.status_code == 201, answer.json
        return int(answer.json["id"])

    def settle(self) -> None:
        """What the program does after the commit."""
        self.world.relay()
        self.reader.drain()
        index.drain(self.world.engine, self.engine, sources)

    def found(self, words: str, login: str = "lt-engineer") -> list[tuple[str, str]]:
        return [(h["key"], h["file"]) for h in self.world.api(login).get(f"/search?q={words}").json["items"]]

    def states(self, login: str = "lt-engineer") -> dict[str, str]:
        rows = self.world.api(login).get(f"/tickets/{self.number}/attachments").json["items"]
        return {row["name"]: row["text"] for row in rows}


@pytest.fixture
def desk(world: World) -> Files:
    return Files(world, world.app.config["TAXOPS"].path("attachments"))


def test_K_03_found_by_its_files_within_what_one_may_read(desk: Files) -> None:
    desk.send("说明.docx", files.document("请核对季度汇总口径", cell="ORA-28001"))
    desk.send("采购.pdf", files.pdf("供应商议价底线"), internal=True)
    desk.settle()
    here = [(desk.number, "说明.docx")]
    assert desk.found("季度汇总口径") == here
    assert desk.found("ora 28001") == here
    assert desk.found("报表 季度汇总") == here, "one word in the title, the other in the file"
    assert desk.found("报表导出") == [(desk.number, "")], "the ticket itself has the words"
    hit = desk.world.api("lt-engineer").get("/search?q=季度汇总口径").json["items"][0]
    assert "<mark>季度</mark>" in hit["snippet"] or "<mark>季度汇总" in hit["snippet"]
    page = desk.world.client("lt-engineer").get("/search?q=季度汇总口径").text
    assert "说明.docx" in page
    assert desk.found("季度汇总口径", "lt-clerk") == here, "who reported it"
    for stranger in ("zz-engineer", "mx-clerk", "v1-engineer"):
        assert desk.found("季度汇总口径", stranger) == []
    for anybody in ("lt-engineer", "lt-clerk", "zz-engineer"):
        assert desk.found("供应商议价底线", anybody) == [], "what is internal is in no index"


def test_a_rebuild_reads_no_file_again(desk: Files) -> None:
    attachment = desk.send("日志.log", "数据泵导出中断".encode("gbk"))
    desk.settle()
    with desk.world.read() as session:
        desk.store.path(session.get_one(Attachment, attachment).sha256).unlink()
    index.rebuild(desk.world.engine, desk.engine, sources)
    assert desk.found("数据泵导出中断") == [(desk.number, "日志.log")]


def test_a_file_sent_twice_is_read_once_and_one_that_is_gone_is_forgotten(desk: Files) -> None:
    content = files.book(("资产编号", "扫描枪"))
    first, second = desk.send("一.xlsx", content), desk.send("二.xlsx", content)
    assert desk.reader.drain() == 1
    desk.settle()
    assert desk.found("扫描枪") == [(desk.number, "一.xlsx")]
    for left, attachment in (("二.xlsx", first), ("", second)):
        with desk.world.write() as session:
            session.execute(sa.delete(Attachment).where(Attachment.id == attachment))
            texts.tidy(session, clock.now())
            index.touch(session, "ticket", [desk.number], now=clock.now())
        desk.settle()
        assert desk.found("扫描枪") == ([(desk.number, left)] if left else [])
    with desk.world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AttachmentText)) == 0


def test_the_row_says_what_became_of_a_file(desk: Files) -> None:
    desk.send("好.txt", b"fine")
    desk.send("坏.pdf", b"%PDF-1.7 broken")
    desk.send("锁.pdf", files.locked_pdf())
    desk.send("图.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    desk.send("内.txt", b"ours", internal=True)
    assert desk.states() == {
        "内.txt": "none",
        "好.txt": "waiting",
        "坏.pdf": "waiting",
        "锁.pdf": "waiting",
        "图.png": "none",
    }
    page = desk.world.client("lt-engineer").get(f"/desk/tickets/{desk.number}").text
    assert "搜索不到" not in page
    desk.settle()
    assert desk.states() == {
        "内.txt": "none",
        "好.txt": "indexed",
        "坏.pdf": "unreadable",
        "锁.pdf": "locked",
        "图.png": "none",
    }
    page = desk.world.client("lt-engineer").get(f"/desk/tickets/{desk.number}").text
    assert page.count("搜索不到") == 2


def test_a_file_that_is_not_on_the_disk_waits_and_holds_up_no_other(desk: Files) -> None:
    gone = desk.send("先.txt", "先到的文字".encode())
    with desk.world.read() as session:
        desk.store.path(session.get_one(Attachment, gone).sha256).unlink()
    desk.send("后.txt", "后到的文字".encode())
    desk.settle()
    assert desk.states() == {"先.txt": "waiting", "后.txt": "indexed"}
    with desk.world.write() as session:
        session.execute(sa.delete(AttachmentText))
        assert texts.tidy(session, clock.now()) == 2, "noted again, as before it was kept in a book"


def test_K_03_files_of_one_ticket_share_what_is_indexed_and_what_an_answer_may_cost(desk: Files) -> None:
    for n in range(3):
        desk.send(f"大{n}.log", f"第{n}份\n{LINE * (200_000 // len(LINE))}尾{n}".encode())
    desk.send("大0再.log", f"第0份\n{LINE * (200_000 // len(LINE))}尾0".encode())
    desk.send("末.txt", "数据泵导出中断".encode())
    desk.settle()
    assert desk.found("数据泵导出中断") == [(desk.number, "末.txt")], "not crowded out by those before it"
    assert desk.states() == {**{f"大{n}.log": "partly" for n in (0, 1, 2, "0再")}, "末.txt": "indexed"}
    with desk.world.read() as session:
        for most in (400_000, 40_000, 3):
            told = sources.files(session, "ticket", [desk.number], most)[desk.number] if most > 3 else []
            assert sum(len(file.text) for file in told) <= most
            assert most <= 3 or {"大2.log", "末.txt"} <= {file.name for file in told}
    typed = desk.world.client("lt-engineer").get("/search?q=数据泵导出中断", headers={"HX-Request": "true"}).text
    assert "末.txt" in typed, "also while somebody types"


def test_a_fault_of_ours_holds_up_no_other_file_and_the_doctor_tells(
    desk: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file the program cannot open for want of a library waits; those behind it are read, and each sender has a turn."""
    sent = [desk.send(f"{n}.txt", f"第{n}份文字".encode()) for n in ("先", "次", "三")]
    desk.send("他.txt", "别人的文字".encode(), login="lt-clerk")
    with desk.world.read() as session:
        digests = [digest for digest, _type in texts.waiting(session, limit=10)]
        mine = [session.get_one(Attachment, one).sha256 for one in sent]
    assert [d for d in digests if d in mine] == mine
    assert digests.index(next(d for d in digests if d not in mine)) == 1, "not behind all of another's"

    whole = texts.settle

    def settle(session: Any, digest: str, *rest: Any, **more: Any) -> None:
        if digest == mine[0]:
            raise ValueError(digest)
        whole(session, digest, *rest, **more)

    monkeypatch.setattr(texts, "settle", settle)
    desk.settle()
    assert desk.states() == {"先.txt": "waiting", "次.txt": "indexed", "三.txt": "indexed", "他.txt": "indexed"}
    with desk.world.read() as session:
        now = clock.now()
        assert not list(findings.of_waiting(session, now=now))
        (told,) = findings.of_waiting(session, now=now + 2 * findings.LATE)
    assert told.state == "warning"
    assert "1 个附件" in told.text
