"""SQLite is told of its growth, so that it plans for the tables it has (a list of many tickets)."""

from __future__ import annotations

import sqlalchemy as sa

from core import clock
from core.db import reading, statistics, transaction
from core.outbox import OutboxRow


def fill(engine: sa.Engine, count: int) -> None:
    now = clock.now()
    row = {"event": "e", "payload": "{}", "listener": "nobody", "recorded_at": now, "next_try_at": now, "attempts": 0}
    with transaction(engine) as session:
        session.execute(sa.insert(OutboxRow), [row | {"done_at": now} for _ in range(count)])


def refresh(engine: sa.Engine) -> list[str]:
    with transaction(engine) as session:
        return statistics.refresh(session, clock.now())


def test_what_has_doubled_is_looked_at_once_and_every_connection_hears(engine: sa.Engine) -> None:
    if engine.dialect.name == "postgresql":
        fill(engine, 1500)
        assert refresh(engine) == [], "PostgreSQL does it by itself"
        return
    fill(engine, 999)
    assert "outbox" not in refresh(engine)
    with engine.connect() as long_open:  # opened before, as those of a pool are
        before = long_open.exec_driver_sql("PRAGMA schema_version").scalar()
        long_open.rollback()
        fill(engine, 501)
        assert refresh(engine) == ["outbox"]
        assert long_open.exec_driver_sql("PRAGMA schema_version").scalar() != before
        long_open.rollback()
    assert refresh(engine) == []
    fill(engine, 600)
    assert refresh(engine) == [], "not twice as many yet"
    fill(engine, 1000)
    assert refresh(engine) == ["outbox"]
    with reading(engine) as session:
        assert not session.execute(sa.text("SELECT 1 FROM sqlite_master WHERE name = 'statistics_read_again'")).first()
