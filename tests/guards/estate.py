"""One county's belongings, every one of which carries MARK: what a stranger must never be shown."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from core import clock
from tests.fixtures.world import ApiClient, World

MARK = "蓝田私有7Q"
NOTICE = f"{MARK}公告"
_SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}
_SEARCH = {"query": "打印机", "none_fits_because": "型号不同"}


@dataclass(frozen=True)
class Owned:
    """Where an endpoint's argument leads: the county's own object, and one that does not exist."""

    real: Any
    missing: Any


#: (pattern of the rule, argument) -> key of the county's object; the first that fits.
ARGUMENTS: tuple[tuple[str, str, str], ...] = (
    (r"/articles/|^/kb/(?!from-ticket)", "number", "article"),
    (r"/notices/", "number", "notice"),
    (r"/heartbeats/", "number", "heartbeat"),
    (r".", "uid", "silence"),
    (r".", "number", "ticket"),
    (r"/services/", "item_id", "service"),
    (r".", "item_id", "item"),
    (r".", "check_id", "check"),
    (r".", "fingerprint", "alert"),
    (r".", "attachment_id", "attachment"),
    (r".", "relation_id", "relation"),
    (r".", "schedule_id", "schedule"),
    (r".", "override_id", "override"),
    (r".", "policy_id", "policy"),
    (r".", "handoff_id", "handoff"),
    (r".", "filter_id", "filter"),
    (r".", "run_id", "run"),
    (r".", "login", "person"),
    (r"/teams/", "code", "team"),
    (r".", "code", "unit"),
)
#: What belongs to nobody in particular, or is opened by a secret in its address.
NOBODYS = re.compile(
    r"^/static/|^/ack/|^/heartbeat/|^/admin/(calendar|channels|outbox|deliveries)|/item-types/|/pollers/|^/wall/parts/"
    r"|^/profile/tokens/|/sessions/<|^/admin/doors/|/inhibition-rules/|^/ingest/|/receivers/|^/admin/sources/|^/admin/setup/|^/kb/missed/|^/admin/search-words/|/search/words/|/grants/<|^/admin/(roles|tokens)/"
)


def key_of(rule: str, argument: str) -> str:
    """Which of the county's objects an argument names. KeyError: teach ARGUMENTS or NOBODYS about the new endpoint."""
    for pattern, name, key in ARGUMENTS:
        if name == argument and re.search(pattern, rule):
            return key
    raise KeyError(f"{rule}: what is <{argument}>? Add it to ARGUMENTS or NOBODYS in tests/guards/estate.py")


class Estate:
    """Everything 蓝田 has, made through the API as its own people would."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.machine = world.api("integration")
        self._tokens: dict[
            int, tuple[FlaskClient, str]
        ] = {}  # holds the client, so that its id is not given to another
        self.owned: dict[str, Owned] = {
            "person": Owned("lt-engineer", "nobody-x"), "team": Owned("X-LT", "NO-SUCH"), "unit": Owned("610122", "999999"),
        }  # fmt: skip
        self._items()
        self._alert()
        self._ticket()
        self._knowledge()
        self._duty()
        world.relay()

    def csrf(self, client: FlaskClient) -> str:
        """The client's form token, asked for once."""
        if id(client) not in self._tokens:
            self._tokens[id(client)] = (client, self.world.csrf(client))
        return self._tokens[id(client)][1]

    def _made(self, api: ApiClient, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
        answer = api.post(path, body, **options)
        assert answer.status_code == 201, (path, answer.status_code, answer.get_data(as_text=True))
        return dict(answer.json)

    def _items(self) -> None:
        items = [
            self._made(self.machine, "/items", {"name": f"{MARK}-{n}", "type": "server", "unit": "610122"})["id"]
            for n in (1, 2)
        ]
        self.owned["item"] = Owned(items[0], 999_999)
        relation = {"source": items[0], "kind": "depends-on", "target": items[1]}
        self.owned["relation"] = Owned(self._made(self.machine, "/relations", relation)["id"], 999_999)
        # The catalogue is everybody's: its name is no secret.
        service = self._made(self.machine, "/services", {"name": "蓝田服务", "unit": "610122"})
        self.owned["service"] = Owned(service["id"], 999_999)

    def _alert(self) -> None:
        check = {"item": self.owned["item"].real, "type": MARK, "target": MARK, "active": False, "max_attempts": 1}
        check_id = self._made(self.machine, "/checks", check)["id"]
        self.owned["check"] = Owned(check_id, 999_999)
        result = {"check": check_id, "at": clock.now().isoformat(), "state": "critical", "output": MARK}
        answer = self.machine.post("/results", {"results": [result]})
        assert answer.json["accepted"] == 1, answer.json
        self.world.relay()
        (alert,) = self.machine.get(f"/alerts?check={check_id}").json["items"]
        self.owned["alert"] = Owned(alert["fingerprint"], "0123456789abcdef")
        quiet = {
            "matchers": [{"name": "alertname", "op": "=", "value": MARK}], "comment": MARK, "unit": "610122",
            "ends_at": (clock.now() + dt.timedelta(days=1)).isoformat(),
        }  # fmt: skip
        silence = self._made(self.world.api("lt-engineer"), "/silences", quiet)
        self.owned["silence"] = Owned(silence["id"], "00000000-0000-0000-0000-000000000000")
        beat = {"name": f"{MARK}心跳", "item": self.owned["item"].real, "period_s": 300}
        self.owned["heartbeat"] = Owned(self._made(self.machine, "/api/v1/heartbeats", beat)["id"], 999_999)

    def _ticket(self) -> None:
        clerk, engineer = self.world.api("lt-clerk"), self.world.api("lt-engineer")
        report = {"kind": "incident", "title": f"{MARK}打印机", "category": "desktop", "description": MARK}
        number = self._made(clerk, "/tickets", report)["number"]
        self.owned["ticket"] = Owned(number, "INC-2026-999999")
        self._made(clerk, f"/tickets/{number}/timeline", {"text": f"{MARK}留言"})
        png = io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(40))
        upload = clerk.call("POST", f"/tickets/{number}/attachments", data={"file": (png, f"{MARK}.png")})
        assert upload.status_code == 201, upload.get_data(as_text=True)
        self.owned["attachment"] = Owned(upload.json["id"], 999_999)
        assert engineer.post(f"/tickets/{number}/actions/accept", {}).status_code == 200
        handoff = {"to": "6101", "reason": MARK, "sheet": {**_SHEET, "symptom": MARK}, "search": _SEARCH}
        answer = engineer.post(f"/tickets/{number}/handoffs", handoff)
        if answer.status_code == 422:  # the sheet's own fields are a matter of data: fill what it asks for
            named = {error["field"].rpartition(".")[2]: MARK for error in answer.json["errors"]}
            answer = engineer.post(f"/tickets/{number}/handoffs", {**handoff, "sheet": {**handoff["sheet"], **named}})
        assert answer.status_code == 201, answer.get_data(as_text=True)
        self.owned["handoff"] = Owned(answer.json["id"], 999_999)

        kept = {"name": f"{MARK}筛选", "query": {"q": MARK, "open": True}}
        self.owned["filter"] = Owned(self._made(engineer, "/ticket-filters", kept)["id"], 999_999)

        run = {"action": "comment", "tickets": [number], "values": {"text": f"{MARK}一起说", "internal": True}}
        self.owned["run"] = Owned(self._made(engineer, "/bulk-runs", run)["id"], 999_999)

    def _knowledge(self) -> None:
        engineer, head = self.world.api("lt-engineer"), self.world.api("lt-head")
        draft = self._made(engineer, "/articles", {"title": f"{MARK}草稿", "body": MARK})
        self.owned["article"] = Owned(draft["number"], "KB-999999")
        notice = {"title": NOTICE, "body": NOTICE, "units": ["610122"]}
        self.owned["notice"] = Owned(self._made(head, "/notices", notice)["number"], "N-2026-9999")

    def _duty(self) -> None:
        head = self.world.api("lt-head")
        roster = {
            "code": "lt", "name": f"{MARK}值班", "unit": "610122", "team": "X-LT", "people": ["lt-engineer"],
            "starts_on": clock.now().date().isoformat(),
        }  # fmt: skip
        schedule = self._made(head, "/schedules", roster)["id"]
        self.owned["schedule"] = Owned(schedule, 999_999)
        policy = {
            "code": "lt", "name": f"{MARK}呼叫", "unit": "610122", "team": "X-LT",
            "steps": [{"delay_minutes": 5, "targets": [{"kind": "head"}]}],
        }  # fmt: skip
        self.owned["policy"] = Owned(self._made(head, "/policies", policy)["id"], 999_999)
        tomorrow = clock.now() + dt.timedelta(days=1)
        override = {
            "person": "lt-head", "from_at": tomorrow.isoformat(),
            "until_at": (tomorrow + dt.timedelta(days=1)).isoformat(),
        }  # fmt: skip
        answer = head.post(f"/schedules/{schedule}/overrides", override)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        self.owned["override"] = Owned(answer.json.get("id", 1), 999_999)
