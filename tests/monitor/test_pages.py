"""The pages, as their people use them: read, acknowledge, edit, try; strangers see nothing."""

import datetime as dt
import json
from typing import Any

import pytest

from core import clock
from monitor import intake
from monitor.samples import Sample, SeriesKey
from monitor.samples.access import store_of
from monitor.states import State
from tests.monitor.conftest import T0, Watch
from tests.servers.nginx import Nginx


def at(seconds: float) -> Any:
    return clock.frozen(T0 + dt.timedelta(seconds=seconds))


@pytest.fixture
def failing(watch: Watch) -> Watch:
    """The web server's check is HARD critical, as of thirty seconds."""
    watch.follow((0, "critical"), (15, "critical"))
    watch.at(30).take((30, "critical"), output="连接被拒绝")
    return watch


def fingerprint(watch: Watch) -> str:
    found = watch.world.api("lt-engineer").get("/alerts").json["items"]
    return str(found[0]["fingerprint"])


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.get_data(as_text=True))


def test_the_console_shows_what_fires_and_acknowledges_in_one_click(failing: Watch) -> None:
    with at(60):
        client = failing.world.client("lt-engineer")
        page = text(client.get("/alerts"))
        assert "蓝田办税厅网站：连接被拒绝" in page
        assert "未确认" in page
        path = f"/alerts/{fingerprint(failing)}"
        done = failing.world.submit(client, f"{path}/ack", {"back": "/alerts?view=mine-to-see"})
        assert (done.status_code, done.headers["Location"]) == (303, "/alerts?view=mine-to-see")
        assert "连接被拒绝" not in text(client.get("/alerts?view=mine-to-see"))
        assert "蓝工已确认" in text(client.get("/alerts"))
        assert "蓝工已确认" in text(client.get(f"{path}/row"))
        failing.world.submit(client, f"{path}/unack")
        assert "连接被拒绝" in text(client.get("/alerts?view=mine-to-see"))


def test_many_are_acknowledged_at_once_and_what_could_not_be_is_said(failing: Watch) -> None:
    other = failing.add_check(failing.add_item("蓝田打印服务"), name="打印", max_attempts=1)
    failing.at(40).take((40, "warning"), check_id=other, output="队列满")
    with at(60):
        client = failing.world.client("lt-engineer")
        found = failing.world.api("lt-engineer").get("/alerts").json["items"]
        chosen = [a["fingerprint"] for a in found]
        assert len(chosen) == 2
        failing.world.submit(client, "/alerts/ack", {"fp": [*chosen, "0" * 16]})
        page = text(client.get("/alerts"))
        assert "已确认 2 条；另有 1 条" in page
        assert "没有选中告警" in text(failing.world.submit(client, "/alerts/ack", follow_redirects=True))


def test_a_redirect_never_leaves_the_house(failing: Watch) -> None:
    with at(60):
        client = failing.world.client("lt-engineer")
        path = f"/alerts/{fingerprint(failing)}/ack"
        for evil in ("//evil.test/alerts", "https://evil.test", "/alerts//evil.test", "/alerts\\evil"):
            answer = failing.world.submit(client, path, {"back": evil})
            assert answer.headers["Location"].startswith("/alerts/"), evil
            assert "evil" not in answer.headers["Location"]


def test_filters_narrow_the_console(failing: Watch) -> None:
    with at(60):
        client = failing.world.client("lt-engineer")
        assert "连接被拒绝" in text(client.get("/alerts?severity=critical&q=蓝田"))
        for nothing in ("severity=warning", "q=不存在", "view=resolved"):
            assert "没有符合条件的告警" in text(client.get(f"/alerts?{nothing}"))
        assert client.get("/alerts?severity=nonsense").status_code == 422
        assert client.get("/alerts?cursor=nonsense").status_code == 422


def test_an_alert_s_page_says_it_in_one_sentence(failing: Watch) -> None:
    with at(30 + 12 * 60):
        client = failing.world.client("lt-engineer")
        page = text(client.get(f"/alerts/{fingerprint(failing)}"))
        assert "蓝田县局：蓝田办税厅网站：连接被拒绝；已持续 12 分钟；" in page
        assert "尚无人确认。" in page
        assert "/desk/alerts/" in page
        assert "alertname" in page, "the raw labels, folded"
    failing.follow((800, "ok"))
    with at(860):
        assert "已于 1 分钟 前恢复" in text(client.get(f"/alerts/{fingerprint(failing)}"))


def test_T_05_pages_are_closed_to_strangers(failing: Watch) -> None:
    with at(60):
        paths = [
            f"/alerts/{fingerprint(failing)}",
            f"/alerts/{fingerprint(failing)}/row",
            f"/checks/{failing.check_id}",
            f"/checks/{failing.check_id}/edit",
            f"/checks/{failing.check_id}/chart.json?metric=x",
            f"/monitor/items/{failing.item_id}/panel",
        ]
        for login in ("zz-engineer", "bj-head", "v1-engineer", "lt-clerk", "aud-admin"):
            client = failing.world.client(login)
            for path in paths:
                assert client.get(path).status_code == 404, (login, path)
        neighbour = failing.world.client("zz-engineer")
        assert "连接被拒绝" not in text(neighbour.get("/alerts")) + text(neighbour.get("/checks"))
        for path in (
            f"/alerts/{fingerprint(failing)}/ack",
            f"/checks/{failing.check_id}/run",
            f"/checks/{failing.check_id}/retire",
        ):
            assert failing.world.submit(neighbour, path).status_code == 404, path
        owner = failing.world.client("lt-engineer")
        for path in paths:
            assert owner.get(path).status_code == 200, path


def test_a_check_s_page_shows_state_history_and_settings(failing: Watch) -> None:
    with at(60):
        client = failing.world.client("lt-engineer")
        page = text(client.get(f"/checks/{failing.check_id}"))
        for words in ("严重", "已确定", "连接被拒绝", "60 秒", "立即检查", "最近一天"):
            assert words in page, words
        listed = text(client.get("/checks?state=critical"))
        assert "蓝田办税厅网站" in listed
        assert "没有符合条件的监控项" in text(client.get("/checks?state=ok"))
        assert "修改" not in text(failing.world.client("leader").get(f"/checks/{failing.check_id}"))


def test_charts_carry_gaps_thresholds_and_alerts(failing: Watch) -> None:
    store = store_of(failing.world.app)
    assert store is not None
    key = SeriesKey.of(failing.check_id, "response_seconds")
    store.append([Sample(key, T0 + dt.timedelta(seconds=s), 0.02, "s") for s in (0, 60, 120, 900, 960)])
    with failing.at(30).world.write() as session:
        evidence = {"thresholds": {"response_seconds": ["3", "8"]}}
        result = intake.Result(failing.check_id, T0 + dt.timedelta(seconds=90), State.CRITICAL, "慢", (), evidence)
        intake.take(session, [result], store=None, now=T0 + dt.timedelta(seconds=90))
    with at(1000):
        client = failing.world.client("lt-engineer")
        found = json.loads(text(client.get(f"/checks/{failing.check_id}/chart.json?metric=response_seconds")))
        assert found["unit"] == "ms"
        [series] = found["series"]
        assert [p[1] for p in series["points"]] == [20.0, 20.0, 20.0, None, 20.0, 20.0]
        assert [(t["value"], t["tone"]) for t in found["thresholds"]] == [(3000, "warning"), (8000, "critical")]
        assert [m["tone"] for m in found["marks"]] == ["critical"]
        assert client.get(f"/checks/{failing.check_id}/chart.json?metric=x&since=nonsense").status_code == 422
        assert "响应时间" in text(client.get(f"/checks/{failing.check_id}"))
        assert "chart-url" in text(client.get(f"/alerts/{fingerprint(failing)}"))
        assert "20 ms" in text(client.get(f"/monitor/items/{failing.item_id}/panel"))


def test_the_item_field_finds_by_typing_what_the_first_names_left_out(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.pages.editor._OFFERED", 0)
    path = "/checks/items?q="
    engineer, clerk = watch.world.client("lt-engineer"), watch.world.client("lt-clerk")
    assert 'data-url="/checks/items?q="' in text(engineer.get("/checks/new?type=http"))
    assert engineer.get(path).json == {"items": []}
    monkeypatch.setattr("monitor.pages.editor._OFFERED", 200)
    found = engineer.get(path + "网站 蓝田").json["items"]
    assert [one["value"] for one in found] == [str(watch.item_id)]
    assert engineer.get(path + "%25").json == {"items": []}
    assert clerk.get(path).status_code in (403, 404)


def test_a_check_is_made_in_the_editor_and_tried_before(watch: Watch, nginx: Nginx) -> None:
    with at(60):
        client = watch.world.client("lt-engineer")
        assert "网页与接口" in text(client.get(f"/checks/new?item={watch.item_id}"))
        form = text(client.get(f"/checks/new?item={watch.item_id}&type=http"))
        assert "param.status" in form
        given = {
            "type": "http",
            "item": watch.item_id,
            "target": f"{nginx.url}/",
            "name": "首页",
            "param.follow": "1",
            "param.verify": "1",
        }
        tried = watch.world.submit(client, "/checks/try", given, headers={"HX-Request": "true"})
        assert "正常" in text(tried)
        assert "响应时间" in text(tried)
        whole = watch.world.submit(client, "/checks/try", {**given, "param.status": "abc"})
        assert "参数有误" in text(whole)
        assert "首页" in text(whole), "nothing typed is lost"
        wrong = watch.world.submit(client, "/checks/new", {**given, "interval_s": "0", "param.time_warning": "x"})
        assert wrong.status_code == 422
        assert "首页" in wrong.get_data(as_text=True)
        saved = watch.world.submit(client, "/checks/new", {**given, "interval_s": "30"})
        assert saved.status_code == 303
        page = text(client.get(saved.headers["Location"]))
        assert "首页" in page
        assert "30 秒" in page
        ran = watch.world.submit(client, saved.headers["Location"] + "/run", follow_redirects=True)
        assert "状态码 200" in text(ran)


def test_a_check_is_changed_in_the_editor_and_keeps_its_secret(watch: Watch) -> None:
    params = {"user": "monitor", "password": "s3cret"}
    made = watch.world.api("integration").post(
        "/checks", {"item": watch.item_id, "type": "http", "target": "http://127.0.0.1:9/", "params": params}
    )
    number = made.json["id"]
    with at(60):
        client = watch.world.client("lt-engineer")
        form = text(client.get(f"/checks/{number}/edit"))
        assert "s3cret" not in form
        given = {
            "target": "http://127.0.0.1:9/x",
            "param.user": "monitor",
            "param.password": "●●●",
            "param.follow": "1",
            "param.verify": "",
        }
        assert watch.world.submit(client, f"/checks/{number}/edit", given).status_code == 303
        shown = watch.world.api("integration").get(f"/checks/{number}").json
        assert shown["target"] == "http://127.0.0.1:9/x"
        assert shown["params"] == {"user": "monitor", "password": "●●●", "verify": False}


def test_the_wall_shows_health_and_counts_and_names_nobody(failing: Watch) -> None:
    with at(60):
        wall = failing.world.client("wall")
        page = text(wall.get("/wall"))
        assert "全省运行态势" in page
        assert "西安" in page
        assert "严重 1" in page
        for part in ("tiles", "map", "services", "newest"):
            text(wall.get(f"/wall/parts/{part}"))
        assert wall.get("/wall/parts/secrets").status_code == 404
        for path in ("/alerts", "/checks", f"/alerts/{fingerprint(failing)}"):
            assert wall.get(path).status_code == 404
        people = ("李兰", "蓝工", "陈处", "叶班")
        assert not [name for name in people if name in page]
        assert failing.world.client("lt-clerk").get("/wall").status_code == 404


def test_a_city_nothing_monitors_has_no_data(failing: Watch) -> None:
    with at(60):
        found = text(failing.world.client("wall").get("/wall/parts/map"))
    bao_ji = found.split('data-unit="6103"')[1].split("</li>")[0]
    xi_an = found.split('data-unit="6101"')[1].split("</li>")[0]
    assert "无数据" in bao_ji
    assert "严重" in xi_an


def test_M_16_a_heartbeat_is_made_on_a_page_and_its_address_shown_once(watch: Watch) -> None:
    with at(60):
        client = watch.world.client("lt-engineer")
        assert "夜间备份" in text(client.get(f"/checks/new?type=heartbeat&item={watch.item_id}"))
        given = {"item": watch.item_id, "name": "夜间备份", "period_s": "60", "grace_s": "0"}
        wrong = watch.world.submit(client, "/checks/new-heartbeat", {**given, "period_s": "0"})
        assert wrong.status_code == 422
        page = text(watch.world.submit(client, "/checks/new-heartbeat", given))
        path = "/heartbeat/" + page.split("/heartbeat/")[1].split("<")[0]
        assert watch.world.app.test_client().post(path).status_code == 200
        assert path not in text(client.get("/checks"))
        assert "夜间备份" in text(client.get("/checks?type=heartbeat&state=ok"))
