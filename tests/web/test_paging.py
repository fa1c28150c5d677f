"""Cursors: they come back from outside, so anything may stand in them."""

from __future__ import annotations

import base64
import json

import pytest
import sqlalchemy as sa

from accounts.models import AuditRow, Unit
from core.errors import Invalid
from tests.fixtures.world import World
from web.paging import Key, encode, page


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def test_every_row_once_in_order(world: World) -> None:
    keys = [Key(Unit.level, descending=True), Key(Unit.code)]
    seen: list[str] = []
    following = None
    with world.read() as session:
        while True:
            found = page(session, sa.select(Unit), keys, cursor=following, limit=2)
            seen += [u.code for u in found.items]
            if (following := found.next) is None:
                break
        wanted = session.scalars(sa.select(Unit.code).order_by(Unit.level.desc(), Unit.code)).all()
    assert seen == list(wanted)


@pytest.mark.parametrize(
    "bad",
    [
        "!",
        "x" * 900,
        cursor(),
        cursor("a", "b"),
        cursor(None),
        cursor([1]),
        cursor(7),
        cursor({"t": "yesterday"}),
        cursor("a\x00"),
        cursor("\ud800"),
        base64.urlsafe_b64encode(b'{"a": 1}').decode().rstrip("="),
    ],
)
def test_foreign_cursor_is_refused_with_words(world: World, bad: str) -> None:
    with world.read() as session, pytest.raises(Invalid):
        page(session, sa.select(Unit), [Key(Unit.code)], cursor=bad, limit=2)


@pytest.mark.parametrize(
    "bad",
    [
        cursor(2**70),
        cursor("7"),
        cursor({"t": "2026-11-23T00:00:00"}),
        cursor({"t": "9999-12-31T23:59:59-12:00"}),
        cursor(True),
    ],
)
def test_cursor_of_another_type_is_refused(world: World, bad: str) -> None:
    with world.read() as session, pytest.raises(Invalid):
        page(session, sa.select(AuditRow), [Key(AuditRow.id)], cursor=bad, limit=2)
    with world.read() as session, pytest.raises(Invalid):
        page(session, sa.select(AuditRow), [Key(AuditRow.at)], cursor=bad, limit=2)


def test_cursor_survives_its_own_round(world: World) -> None:
    assert world.api("aud-admin").get(f"/audit?cursor={encode([10**6])}").status_code == 200
