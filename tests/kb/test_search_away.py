"""While the index is away: tickets go on, changes wait, and the search says what it can still do."""

import datetime as dt

import pytest

from core import clock
from core.db import reading, transaction
from kb.search import health, index
from kb.search.current import engine_of
from kb.search.elasticsearch import ElasticsearchEngine
from kb.search.elasticsearch.cluster import Address
from kb.search.findings import of_backlog
from kb.search.models import MissedSearch, SearchPending
from kb.search.registry import sources
from tests.servers.base import free_port


@pytest.fixture
def away(world):
    """The program with a cluster that nobody answers for."""
    engine = ElasticsearchEngine(Address.of(f"https://u:secret@127.0.0.1:{free_port()}"))
    engine_of(world.app)
    before, world.app.extensions["taxops.search"] = world.app.extensions["taxops.search"], engine
    yield engine
    world.app.extensions["taxops.search"] = before
    engine.close()


def report(world, title: str, **more) -> str:
    answer = world.api("lt-clerk").post("/tickets", {"kind": "incident", "title": title, "category": "desktop", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json["number"])


def test_an_outage_blocks_no_ticket_and_the_change_waits(world, away):
    number = report(world, "打印机脱机不出纸")
    world.relay()
    with world.read() as session:
        waiting = session.query(SearchPending).filter_by(kind="ticket", key=number).count()
    assert waiting
    with pytest.raises(Exception, match="没有应答"):
        index.drain(world.engine, away, sources)
    with world.read() as session:
        assert session.query(SearchPending).filter_by(kind="ticket", key=number).count() == waiting


def test_the_search_says_so_and_asks_the_database(world, away):
    number = report(world, "打印机脱机不出纸")
    mine = world.client("lt-clerk")
    for asked in ("打印机", "打印机脱机", "印表機", number, number.lower()):
        page = mine.get("/search", query_string={"q": asked}).text
        assert "搜索索引暂时不可用" in page, asked
        assert number in page, asked
        assert "secret" not in page
    found = world.api("lt-clerk").get("/search?q=打印机").json
    assert found["items"][0]["key"] == number
    assert "没有应答" in found["incomplete"]


def test_a_stranger_finds_nothing_there_either(world, away):
    number = report(world, "打印机脱机不出纸")
    for login in ("zz-clerk", "zz-engineer", "v1-engineer"):
        assert number not in world.client(login).get("/search?q=打印机").text


def test_error_codes_are_found_by_their_number(world, away):
    number = report(world, "征管提交失败，提示 ORA-01653")
    for asked in ("ora 1653", "ora01653", "征管 ORA-1653"):
        assert number in world.client("lt-clerk").get("/search", query_string={"q": asked}).text


def test_what_is_not_found_meanwhile_is_no_missing_knowledge(world, away):
    page = world.client("lt-clerk").get("/search?q=量子纠缠").text
    assert "最近的记录里没有" in page
    with world.read() as session:
        assert session.query(MissedSearch).count() == 0


def test_suggestions_while_reporting_still_answer(world, away):
    assert world.client("lt-clerk").get("/kb/suggest?text=打印机脱机").status_code == 200


def test_readyz_stays_ready_and_names_no_host_to_strangers(world, away):
    answer = world.app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json["dependencies"]["search"] == {
        "ok": False, "needed": False, "detail": "away, the database is searched instead"}  # fmt: skip


def test_the_doctor_tells_a_backlog_in_words(world):
    now = clock.now()
    with reading(world.engine) as session:
        assert not list(of_backlog(session, now=now))
    with transaction(world.engine) as session:
        index.touch(session, "ticket", ["INC-1"], now=now - dt.timedelta(minutes=7))
    with reading(world.engine) as session:
        (finding,) = of_backlog(session, now=now)
        assert health.backlog(session).waiting == 1
    assert "7" in finding.text
    assert finding.state == "warning"


def test_an_index_not_built_yet_is_no_empty_answer(world):
    """The first build of a large index takes a while: until then the database answers."""
    number = report(world, "打印机脱机不出纸")
    page = world.client("lt-clerk").get("/search?q=打印机").text
    assert number in page
    assert "索引" in page
