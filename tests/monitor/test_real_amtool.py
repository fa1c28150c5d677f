"""The real amtool silences, edits, queries and expires on a running taxops, as it would on Alertmanager."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.world import World
from tests.servers.base import wait_until
from tests.servers.prometheus import Amtool
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def amtool(
    taxops_server: Callable[..., TaxopsServer], world: World, database_url: str, tmp_path: Path
) -> Iterator[Amtool]:
    with taxops_server(database_url=database_url) as server:
        yield Amtool(tmp_path / "amtool", server.url, token=world.api("integration").token)


def test_amtool_silences_from_the_first_to_the_last(amtool: Amtool) -> None:
    amtool("alert", "add", "alertname=磁盘将满", "instance=db1", "severity=warning")
    amtool("alert", "add", "alertname=磁盘将满", "instance=web1", "severity=warning")
    uid = amtool(
        "silence", "add", "--author=王工", "--comment=扩容", "--duration=1h", "alertname=磁盘将满", "instance=~db.*"
    ).strip()
    assert len(uid) == 36
    [silence] = amtool.json("silence", "query")
    assert (silence["id"], silence["createdBy"], silence["status"]["state"]) == (uid, "王工", "active")
    assert {(m["name"], m["value"], m["isRegex"]) for m in silence["matchers"]} == {
        ("alertname", "磁盘将满", False), ("instance", "db.*", True),
    }  # fmt: skip
    assert [a["labels"]["instance"] for a in amtool.json("alert", "query")] == ["web1"]
    [quiet] = amtool.json("alert", "query", "--silenced")
    assert (quiet["labels"]["instance"], quiet["status"]["silencedBy"]) == ("db1", [uid])
    assert amtool.json("silence", "query", "instance=~db.*") != []
    assert amtool.json("silence", "query", "instance=web1") == []
    assert uid in amtool("silence", "query", "-q", "--created-by=王工")

    updated = amtool("--output=simple", "silence", "update", "--duration=2h", "--comment=再等等", uid)
    assert uid in updated, "times and words change, the id stays"
    [silence] = amtool.json("silence", "query")
    assert silence["comment"] == "再等等"

    amtool("silence", "expire", uid)
    assert amtool.json("silence", "query") == []
    assert [s["id"] for s in amtool.json("silence", "query", "--expired")] == [uid]
    wait_until(lambda: len(amtool.json("alert", "query")) == 2, "both fire again", seconds=10)
    with pytest.raises(RuntimeError, match=r"没有|not found|404"):
        amtool("silence", "update", "--duration=2h", "00000000-0000-0000-0000-000000000000")


def test_amtool_says_what_is_wrong(amtool: Amtool) -> None:
    with pytest.raises(RuntimeError, match=r"正则|bad matcher|error parsing"):
        amtool("silence", "add", "--comment=x", "a=b", "c=~(")
    amtool("silence", "add", "--comment=以后", "--start=2100-01-01T00:00:00Z", "--end=2100-01-02T00:00:00Z", "a=b")
    [pending] = amtool.json("silence", "query")
    assert pending["status"]["state"] == "pending"
