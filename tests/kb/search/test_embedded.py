"""What only the embedded index promises: it survives damage, restarts and other processes."""

import subprocess
import sys
import time

import pytest

from kb.search.documents import Document
from kb.search.embedded import EmbeddedEngine
from kb.search.forms import VERSION
from kb.search.registry import Registry
from tests.kb.search.conftest import LIBRARY, doc


def found(engine: EmbeddedEngine, query: str = "打印机脱机") -> list[str]:
    return [hit.key for hit in engine.search(query, principals=("everyone",))]


def opened(tmp_path, docs=LIBRARY) -> EmbeddedEngine:
    engine = EmbeddedEngine(tmp_path)
    engine.rebuild(iter(docs))
    return engine


def test_a_new_index_asks_for_a_rebuild_and_a_rebuilt_one_does_not(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    assert engine.stale
    engine.rebuild(iter(LIBRARY))
    assert not engine.stale


def test_what_was_indexed_is_there_after_a_restart(tmp_path):
    opened(tmp_path).close()
    again = EmbeddedEngine(tmp_path)
    assert not again.stale
    assert found(again) == ["KB-000001"]


@pytest.mark.parametrize("damage", ["meta", "segment", "pointer", "everything"])
def test_a_damaged_index_is_replaced_and_can_be_rebuilt(tmp_path, damage):
    opened(tmp_path).close()
    root = tmp_path / "search"
    generation = root / (root / "current").read_text()
    if damage == "meta":
        (generation / "meta.json").write_text("{ not json")
    elif damage == "segment":
        for file in generation.glob("*.term"):
            file.write_bytes(b"\0" * 10)
    elif damage == "pointer":
        (root / "current").write_text(f"v{VERSION}-no-such-generation")
    else:
        for file in generation.iterdir():
            file.unlink()
    engine = EmbeddedEngine(tmp_path)
    assert found(engine) == []
    assert engine.stale
    engine.upsert([doc("KB-1", "打印机脱机")])
    assert found(engine) == ["KB-1"]
    engine.rebuild(iter(LIBRARY))
    assert found(engine) == ["KB-000001"]


def test_another_version_is_not_read(tmp_path):
    (tmp_path / "search" / "v0-1-1").mkdir(parents=True)
    (tmp_path / "search" / "current").write_text("v0-1-1")
    assert EmbeddedEngine(tmp_path).stale


def test_a_rebuild_by_a_command_reaches_the_running_program(tmp_path):
    running = opened(tmp_path)
    running.upsert([doc("KB-000050", "扫描仪卡住")])
    code = (
        "import sys; from pathlib import Path; from kb.search.embedded import EmbeddedEngine\n"
        "from tests.kb.search.conftest import LIBRARY, doc\n"
        "EmbeddedEngine(Path(sys.argv[1])).rebuild(iter([*LIBRARY[:1], doc('KB-000077', '投影仪不亮')]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert found(running, "投影仪") == ["KB-000077"]
    assert found(running, "扫描仪") == []
    running.upsert([doc("KB-000051", "键盘失灵")])
    assert found(running, "键盘") == ["KB-000051"]


def test_changes_of_a_command_are_seen_by_a_reader(tmp_path):
    opened(tmp_path).close()
    reader = EmbeddedEngine(tmp_path)
    writer = EmbeddedEngine(tmp_path)
    writer.upsert([doc("KB-000052", "鼠标失灵")])
    assert found(reader, "鼠标") == ["KB-000052"]


def test_a_rebuild_that_was_killed_leaves_no_trace(tmp_path):
    engine = opened(tmp_path)
    root = tmp_path / "search"
    (root / f"v{VERSION}-99999-1").mkdir()
    (root / f"v{VERSION}-99999-1.changes.jsonl").write_bytes(b"")
    engine.upsert([doc("KB-000053", "投影仪不亮")])
    assert not list(root.glob("*.jsonl"))
    engine.rebuild(iter(LIBRARY))
    assert len([p for p in root.iterdir() if p.is_dir()]) == 1


class Shelf:
    kind = "article"

    def iterate(self, session):
        yield from LIBRARY[:3]

    def fetch(self, session, keys):
        return [d for d in LIBRARY if d.key in keys]

    def readable(self, session, viewer, keys):
        return set(keys)


def test_sources_are_registered_once_and_by_known_kinds():
    registry = Registry()
    registry.add(Shelf())
    assert registry.kinds == ("article",)
    assert [d.key for d in registry.fetch(None, "article", ["KB-000002", "KB-9"])] == ["KB-000002"]
    assert registry.fetch(None, "ticket", ["1"]) == []
    assert all(isinstance(d, Document) for d in registry.everything(None))
    registry.add(Shelf())  # wiring may be repeated

    class Other(Shelf):
        pass

    with pytest.raises(ValueError, match="already"):
        registry.add(Other())
    odd = Shelf()
    odd.kind = "letter"
    with pytest.raises(ValueError, match="letter"):
        registry.add(odd)


def test_K_03_an_answer_takes_less_than_fifty_milliseconds(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    words = [
        "交换机",
        "路由器",
        "打印机",
        "证书",
        "线路",
        "数据库",
        "登录",
        "发票",
        "超时",
        "中断",
        "脱机",
        "磁盘",
        "内存",
        "重启",
        "申报",
    ]
    engine.upsert(
        doc(f"KB-{n:06}", f"{words[n % 15]}{words[n % 7]} {n}", "。".join(words[(n * k) % 15] for k in range(1, 60)))
        for n in range(3000)
    )
    took = []
    for asked in (
        "打印机脱机",
        "登录超时怎么办",
        "dyj",
        "证书 数据库 磁盘 申报",
        "没有的东西",
        "发票打不出来提示线路中断",
    ):
        tries = []
        for _ in range(5):  # by the processor: other programs of this machine are not what is measured
            started = time.thread_time()
            found(engine, asked)
            tries.append(time.thread_time() - started)
        took.append(min(tries))
    assert max(took) < 0.05, took
