"""One suite for every engine: an adapter adds its parameter here and runs all of test_engine.py."""

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.search.documents import Document
from kb.search.elasticsearch import ElasticsearchEngine, cluster
from kb.search.elasticsearch.cluster import Address
from kb.search.embedded import EmbeddedEngine
from kb.search.engine import SearchEngine
from tests.servers.elasticsearch import Elasticsearch

NOON = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)


def doc(key: str, title: str, body: str = "", *, kind="article", principals=("everyone",), **more) -> Document:
    return Document(
        kind=kind, key=key, title=title, body=body, url=f"/kb/{key}", principals=frozenset(principals),
        updated_at=more.pop("updated_at", NOON), **more,
    )  # fmt: skip


# fmt: off
LIBRARY = [
    doc("KB-000001", "打印机脱机怎么处理", "症状：打印机显示脱机。检查电源和网线，重启打印后台处理程序服务。", tags=("桌面",)),
    doc("KB-000002", "核心征管表空间写满", "数据库报错，业务不能提交。扩展表空间。", error_codes=("ORA-01653",), services=("核心征管",)),
    doc("KB-000003", "数据库常见错误一览", "包括 ORA-01653、ORA-12541 等，详见各条。"),
    doc("KB-000004", "高拍仪无法识别身份证", "重新安装驱动程序，换 USB 口。", services=("实名办税",)),
    doc("KB-000005", "主干线路中断的处置", "联系运营商，切换备用线路。路由器 rt01.lantian.tax 地址 10.61.22.1", tags=("广域网",)),
    doc("KB-000006", "网上办税厅登录慢", "清理浏览器缓存；检查连接池 web-03 的线程。", services=("网上办税",)),
    doc("KB-000007", "打印机关闭后的省电设置", "夜间自动关闭。"),
    doc("KB-000008", "银行扣款失败", "三方协议未生效。重启税库银接口。"),
    doc("N-2026-0001", "蓝田县线路抢修通知", "今晚主干线路割接。", kind="notice", principals=("unit:610122",)),
    doc("INC-2026-000007", "打印机卡纸", "三楼打印机卡纸。", kind="ticket", principals=("person:7", "team:3")),
]
# fmt: on


@pytest.fixture(scope="session", autouse=True)
def patient_readers() -> Iterator[None]:
    """A cold server beside other tests may take longer than a reader is asked to wait; that is not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "READ_S", 10.0)
        yield


_prefixes = (f"test{n}" for n in itertools.count(1))


def elasticsearch_engine(server: Elasticsearch, **more) -> ElasticsearchEngine:
    """An engine with an index of its own on the session's server."""
    address = Address.of(server.url, ca_file=str(server.authority.ca_file))
    return ElasticsearchEngine(address, prefix=next(_prefixes), **more)


KINDS = ["embedded", "elasticsearch"]


@contextlib.contextmanager
def opened(kind: str, request: pytest.FixtureRequest, home: Path) -> Iterator[SearchEngine]:
    """An empty engine of this kind."""
    if kind == "embedded":
        made: SearchEngine = EmbeddedEngine(home)
    else:
        made = elasticsearch_engine(request.getfixturevalue("elasticsearch_server"))
    yield made
    if isinstance(made, ElasticsearchEngine):
        drop(made)
    made.close()


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchEngine]:
    """An empty engine of the test's own."""
    with opened(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(scope="session", params=KINDS)
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    """The library, for tests that only read."""
    with opened(request.param, request, tmp_path_factory.mktemp("shelf")) as made:
        made.upsert(LIBRARY)
        yield made


def drop(engine: ElasticsearchEngine) -> None:
    """Takes its indices off the shared server: each open one costs it memory."""
    with engine.cluster.writing() as client:
        engine.generations.throw_away(client, keep=set())
        client.indices.delete(index=engine.generations.locks, ignore_unavailable=True)
        client.options(ignore_status=404).indices.delete_index_template(name=engine.generations.prefix)


@pytest.fixture
def library(engine: SearchEngine) -> SearchEngine:
    engine.upsert(LIBRARY)
    return engine
