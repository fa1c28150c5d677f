"""What only a cluster brings: TLS, who we are, outages, other processes, want of room."""

import threading
import time

import pytest

from config import SettingError, load
from kb.search.current import open_engine
from kb.search.elasticsearch import ElasticsearchEngine
from kb.search.elasticsearch.bulk import Bulk
from kb.search.elasticsearch.cluster import Address
from kb.search.elasticsearch.mapping import encode
from kb.search.engine import SearchEngineError
from kb.search.forms import VERSION
from tests.kb.search.conftest import LIBRARY, doc, drop, elasticsearch_engine
from tests.servers.base import free_port
from tests.servers.tls import Authority


@pytest.fixture
def engine(elasticsearch_server):
    made = elasticsearch_engine(elasticsearch_server)
    yield made
    drop(made)
    made.close()


def twin(engine: ElasticsearchEngine) -> ElasticsearchEngine:
    """Another process's engine on the same indices."""
    return ElasticsearchEngine(engine.cluster.address, prefix=engine.generations.prefix)


def found(engine: ElasticsearchEngine, query: str = "打印机脱机") -> list[str]:
    return [hit.key for hit in engine.search(query, principals=("everyone",))]


def indices(engine: ElasticsearchEngine) -> list[str]:
    with engine.cluster.writing() as client:
        return sorted(client.indices.get(index=f"{engine.generations.prefix}-v*").body)


def test_settings_choose_the_cluster_and_its_key(tmp_path, elasticsearch_server):
    """API key, TLS by our own authority, an index prefix; the key may touch nothing else."""
    settings = load(
        {
            "TAXOPS_HOME": str(tmp_path),
            "TAXOPS_ELASTICSEARCH_URL": elasticsearch_server.bare_url,
            "TAXOPS_ELASTICSEARCH_CA_FILE": str(elasticsearch_server.authority.ca_file),
            "TAXOPS_ELASTICSEARCH_API_KEY": elasticsearch_server.api_key("program", indices="keyed*"),
            "TAXOPS_ELASTICSEARCH_INDEX": "keyed",
        }
    )
    engine = open_engine(settings)
    assert isinstance(engine, ElasticsearchEngine)
    assert settings.elasticsearch_api_key not in repr(settings)
    assert engine.rebuild(iter(LIBRARY)) == len(LIBRARY)
    assert found(engine) == ["KB-000001"]
    assert not engine.stale
    assert "keyed: 10" in engine.describe()
    other = ElasticsearchEngine(engine.cluster.address, prefix="elsewhere")
    with pytest.raises(SearchEngineError, match="API 密钥"):
        other.upsert(LIBRARY[:1])
    drop(engine)
    other.close()
    engine.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ELASTICSEARCH_URL", "ftp://host"),
        ("ELASTICSEARCH_URL", "https://a:9200, nonsense"),
        ("ELASTICSEARCH_CA_FILE", "/no/such/file.pem"),
        ("ELASTICSEARCH_INDEX", "Größe*"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path, name, value):
    with pytest.raises(SettingError, match=f"TAXOPS_{name}"):
        load({"TAXOPS_HOME": str(tmp_path), f"TAXOPS_{name}": value})


def test_addresses_are_taken_apart():
    address = Address.of("https://ops:p%40ss@es1, https://es2:9243/path/")
    assert address.hosts == ("https://es1:9200", "https://es2:9243/path")
    assert address.user == ("ops", "p@ss")
    assert "p@ss" not in address.shown
    assert Address.of("https://ops:x@es1", api_key="key").user is None


def test_a_wrong_password_is_said_in_words(elasticsearch_server):
    url = elasticsearch_server.url.replace("taxops:", "nobody:")
    engine = ElasticsearchEngine(Address.of(url, ca_file=str(elasticsearch_server.authority.ca_file)))
    with pytest.raises(SearchEngineError, match="不认可我们的账号") as refused:
        found(engine)
    assert "tests-only" not in refused.value.message
    engine.close()


def test_a_server_with_another_certificate_is_not_believed(tmp_path, elasticsearch_server):
    strange = Authority(tmp_path / "strange")
    engine = ElasticsearchEngine(Address.of(elasticsearch_server.url, ca_file=str(strange.ca_file)))
    with pytest.raises(SearchEngineError, match=r"证书|certificate"):
        found(engine)
    engine.close()
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(SearchEngineError):
        found(ElasticsearchEngine(Address.of(elasticsearch_server.url, ca_file=str(empty))))


def test_while_nobody_answers_readers_wait_once_and_not_each(elasticsearch_server, engine):
    """A hung server takes connections and says nothing: the first reader waits two seconds, the next ones do not."""
    engine.upsert(LIBRARY)
    elasticsearch_server.freeze()
    try:
        with pytest.raises(SearchEngineError):
            found(engine)
        began = time.monotonic()
        for _again in range(20):
            with pytest.raises(SearchEngineError):
                found(engine)
        assert time.monotonic() - began < 1
    finally:
        elasticsearch_server.thaw()
    engine.upsert(LIBRARY[:1])  # a write always tries, and its success is news for readers
    assert found(engine) == ["KB-000001"]


def test_nobody_listens(tmp_path):
    engine = ElasticsearchEngine(Address.of(f"https://u:p@127.0.0.1:{free_port()}"))
    for attempt in (lambda: found(engine), lambda: engine.upsert(LIBRARY[:1]), lambda: engine.stale):
        with pytest.raises(SearchEngineError, match="没有应答"):
            attempt()
    engine.close()


def test_a_new_cluster_asks_for_a_rebuild_and_keeps_what_comes_before_it(engine):
    assert engine.stale
    assert found(engine) == []
    engine.upsert(LIBRARY[:1])
    assert engine.stale
    assert found(engine) == ["KB-000001"]
    engine.rebuild(iter(LIBRARY))
    assert not engine.stale
    assert twin(engine).count("article") == 8


def test_another_processes_changes_reach_the_index_being_built_and_the_old_one(engine):
    other = twin(engine)
    engine.rebuild(iter(LIBRARY))

    def slowly():
        yield LIBRARY[0]
        other.upsert([doc("KB-000004", "高拍仪换了新驱动"), doc("KB-000099", "视频会议没有声音")])
        other.delete("article", ["KB-000002"])
        with pytest.raises(SearchEngineError, match="正在重建"):
            other.rebuild(iter(()))
        assert found(other, "视频会议") == ["KB-000099"]
        yield from LIBRARY[1:]

    engine.rebuild(slowly())
    assert found(other, "ORA-01653") == ["KB-000003"]
    assert other.search("高拍仪", principals=("everyone",))[0].title == "高拍仪换了新驱动"
    assert other.count() == len(LIBRARY)
    assert len(indices(engine)) == 1


def test_a_rebuild_that_died_is_taken_over(engine):
    engine.rebuild(iter(LIBRARY[:1]))
    with engine.cluster.writing() as client:
        client.index(index=engine.generations.locks, id="rebuild", document={"owner": "a dead one", "beat": 0.0})
        left = f"{engine.generations.prefix}-v{VERSION}-1-1-1"
        client.indices.create(index=left, aliases={engine.generations.building_alias: {}})
    assert engine.rebuild(iter(LIBRARY)) == len(LIBRARY)
    assert left not in indices(engine)


def test_a_late_write_does_not_bring_a_thrown_away_index_back(engine):
    engine.rebuild(iter(LIBRARY[:1]))
    with engine.cluster.writing() as client:
        current = engine.generations.current(client)
        client.indices.delete(index=current)
    engine.upsert(LIBRARY[:1])
    assert indices(engine) != [current]
    assert engine.stale, "a cluster that lost its data gets it back by a rebuild"


def test_bulk_gives_way_to_a_cluster_without_room(engine, elasticsearch_server):
    """The server takes 300 kB of bulk at a time and answers 429 to more: pieces shrink, and all arrive."""
    long = "交换机端口抖动，" * 150
    documents = [doc(f"KB-1{n:05}", f"端口抖动 {n}", long) for n in range(150)]
    with engine.cluster.writing() as client:
        name = engine.generations.targets(client)[0]
        bulk = Bulk(client)
        bulk.run(
            [({"index": {"_index": name, "_id": d.uid}}, encode(d, engine.analyzer)) for d in documents], refresh=True
        )
        assert bulk.waited > 0, "the server turned nothing away: the test proves nothing"
        assert bulk.piece < 500
    assert engine.count() == 150


def test_one_document_the_cluster_will_not_take_does_not_hold_up_the_others(engine):
    with engine.cluster.writing() as client:
        name = engine.generations.targets(client)[0]
        bulk = Bulk(client)
        good = encode(LIBRARY[0], engine.analyzer)
        bulk.run([({"index": {"_index": name, "_id": "bad"}}, good | {"weight": "heavy"}),
                  ({"index": {"_index": name, "_id": LIBRARY[0].uid}}, good)], refresh=True)  # fmt: skip
    assert bulk.refused == ["bad"]
    assert found(engine) == ["KB-000001"]


def test_writers_of_several_processes_and_a_rebuild_at_once(engine):
    """Nothing that was committed and indexed gets lost, whoever switches the alias meanwhile."""
    database = {d.key: d for d in LIBRARY}
    engine.rebuild(iter(LIBRARY))
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        mine = twin(engine)
        try:
            for n in range(5):
                written = doc(f"KB-9{writer}{n:03}", "交换机端口抖动")
                database[written.key] = written
                mine.upsert([written])
            del database[f"KB-9{writer}001"]
            mine.delete("article", [f"KB-9{writer}001"])
        except BaseException as failure:
            failures.append(failure)
        finally:
            mine.close()

    def snapshot():
        yield from list(database.values())  # read when the rebuild begins, as from a database

    threads = [threading.Thread(target=write, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for _again in range(2):
        engine.rebuild(snapshot())
    for thread in threads:
        thread.join()
    assert failures == []
    with engine.cluster.writing() as client:
        there = client.search(index=engine.generations.alias, size=100, source_includes=["key"])["hits"]["hits"]
    assert {hit["_source"].get("key") for hit in there} - {None} == set(database)
