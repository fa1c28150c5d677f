"""Handing up is a right of its own: working a matter is not enough (T-05)."""

from __future__ import annotations

from typing import Any

SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}


def test_T_05_a_token_or_a_role_without_the_right_hands_nothing_up(climb, world):
    climb.accept("lt-engineer")
    climb.session.commit()
    number = climb.ticket.number
    missing = world.api("lt-engineer").get(f"/tickets/{number}/handoffs/sheet").get_json()["missing"]
    body: dict[str, Any] = {
        "to": "C-XA", "reason": "县里没有权限", "search": SEARCH, "sheet": dict.fromkeys(missing, "已核对"),
    }  # fmt: skip
    refused = world.api("lt-engineer", "ticket.read", "ticket.work").post(f"/tickets/{number}/handoffs", body)
    assert refused.status_code == 403, refused.get_json()
    assert world.api("lt-engineer", "ticket.read").get(f"/tickets/{number}/handoffs").get_json()["items"] == []
    may = world.api("lt-engineer", "ticket.read", "ticket.work", "ticket.hand-up")
    sent = may.post(f"/tickets/{number}/handoffs", body)
    assert sent.status_code == 201, sent.get_json()
    url = f"/tickets/{number}/handoffs/{sent.get_json()['id']}/withdraw"
    refused = world.api("lt-engineer", "ticket.read", "ticket.work").post(url, {})
    assert refused.status_code == 403, refused.get_json()
    assert may.post(url, {}).status_code == 200
