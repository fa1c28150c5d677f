"""What of a ticket is found by the search: what was said in public, never what is internal."""

import io

from kb.search import index
from kb.search.current import engine_of
from kb.search.registry import sources


def test_public_lines_and_files_are_found_and_internal_ones_are_not(world):
    clerk, engineer = world.api("lt-clerk"), world.api("lt-engineer")
    made = clerk.post("/tickets", {"kind": "incident", "title": "三楼打印机不出纸", "category": "desktop"})
    number = made.json["number"]
    clerk.post(f"/tickets/{number}/timeline", {"text": "换过搓纸轮还是一样"})
    engineer.post(f"/tickets/{number}/timeline", {"text": "怀疑是硒鼓假货", "internal": True})
    for name, internal in (("驱动截图.txt", ""), ("采购合同.txt", "true")):
        engineer.post(
            f"/tickets/{number}/attachments", data={"file": (io.BytesIO(b"text"), name), "internal": internal}
        )  # fmt: skip
    world.relay()
    engine = engine_of(world.app)
    index.rebuild(world.engine, engine, sources)

    def found(words: str) -> list[str]:
        return [hit["key"] for hit in engineer.get(f"/search?kind=ticket&q={words}").json["items"]]

    assert found("搓纸轮") == [number]
    assert found("硒鼓假货") == []
    assert found("驱动截图") == [number]
    assert found("采购合同") == []
    engineer.post(f"/tickets/{number}/timeline", {"text": "已改用网络端口"})
    world.relay()
    index.drain(world.engine, engine, sources)
    assert found("网络端口") == [number]
