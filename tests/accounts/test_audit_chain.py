"""The audit trail can be proved whole: sealed after the commit, verified from end to end, and every change is named."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

import config
from accounts.audit import anchor, chain, retention, sealer
from accounts.audit.models import AuditGap, AuditSeal
from accounts.audit.verify import Kind, Verdict, verify
from accounts.models import AuditRow
from core import clock
from core.clock import UTC
from core.db import make_engine, reading, transaction

KEY = chain.key_of("k" * 32)
KEEP = retention.KEEP


def put(session: Session, rows: int, *, days: float = 0, **values: Any) -> None:
    at = clock.now() - dt.timedelta(days=days)
    row = {
        "at": at,
        "received_at": at,
        "actor": "lt-clerk",
        "verb": "change",
        "object": "ticket:7",
        "from_address": "10.1.2.3",
    }
    after = {"标题": "打印机脱机", "n": 1.5, "list": [1, None, {"b": 2, "a": "é"}]}
    session.execute(sa.insert(AuditRow), [row | {"before": None, "after": after} | values for _ in range(rows)])


def add(engine: sa.Engine, rows: int, **values: Any) -> None:
    with transaction(engine) as session:
        put(session, rows, **values)


def seal(engine: sa.Engine) -> int:
    with transaction(engine) as session:
        return sealer.seal(session, key=KEY, now=clock.now())


def look(engine: sa.Engine, *, key: bytes = KEY, **options: Any) -> Verdict:
    with reading(engine) as session:
        return verify(session, key=key, now=clock.now(), keep=KEEP, **options)


def first(verdict: Verdict) -> tuple[str, int | None, int | None]:
    return (verdict.problems[0].kind.value, verdict.problems[0].row, verdict.problems[0].seal)


@contextlib.contextmanager
def as_its_administrator(engine: sa.Engine) -> Iterator[sa.Connection]:
    """What somebody with the database's own password can do: switch the triggers off, change, and switch them on again."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")
            yield connection
            connection.exec_driver_sql("SET session_replication_role = origin")
            return
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _sql in found:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        for _name, sql in found:
            connection.exec_driver_sql(sql)


@pytest.fixture
def sealed(engine: sa.Engine) -> sa.Engine:
    """Three blocks of ten rows each."""
    for _ in range(3):
        add(engine, 10)
        seal(engine)
    return engine


def ids(engine: sa.Engine) -> list[int]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(AuditRow.id).order_by(AuditRow.id)))


def test_rows_are_sealed_after_the_commit_and_the_chain_is_whole(engine: sa.Engine) -> None:
    before = len(ids(engine))
    add(engine, 25)
    unsealed = look(engine)
    assert (unsealed.whole, unsealed.rows, unsealed.unsealed) == (True, 0, before + 25)
    assert unsealed.unsealed_since is not None
    assert seal(engine) == before + 25
    assert seal(engine) == 0
    verdict = look(engine)
    assert (verdict.whole, verdict.rows, verdict.seals, verdict.unsealed) == (True, before + 25, 1, 0)
    assert verdict.until is not None


def test_blocks_have_a_most_and_the_rest_follows(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "BLOCK", 10)
    add(engine, 25)
    everything = len(ids(engine))
    with transaction(engine) as session:
        assert sealer.seal(session, key=KEY, now=clock.now(), most=12) == 12
    assert seal(engine) == everything - 12
    verdict = look(engine)
    assert (verdict.whole, verdict.rows) == (True, everything)


CHANGES = (
    "actor = 'somebody else'", "verb = 'x'", "object = 'ticket:8'", "from_address = ''", "after = NULL", "before = '{\"a\": 1}'",
    "at = '2020-01-01 00:00:00'", "received_at = '2020-01-01 00:00:00'",
    "after = '{\"n\": 1.5, \"list\": [1, null, {\"b\": 2, \"a\": \"é\"}], \"标题\": \"打印机脱机 \"}'",
)  # fmt: skip


def test_a_changed_row_is_named_whatever_changed(sealed: sa.Engine) -> None:
    victims = ids(sealed)[-29 : -29 + 2 * len(CHANGES) : 2]
    with as_its_administrator(sealed) as connection:
        for victim, change in zip(victims, CHANGES, strict=True):
            connection.execute(sa.text(f"UPDATE audit SET {change.replace(':', chr(92) + ':')} WHERE id = {victim}"))
    verdict = look(sealed)
    assert [(p.kind, p.row) for p in verdict.problems] == [(Kind.CHANGED, victim) for victim in victims]
    assert (verdict.broken, verdict.problems[0].seal, verdict.problems[-1].seal) == (len(CHANGES), 1, 2)


def test_the_same_json_in_another_order_is_the_same_row(sealed: sa.Engine) -> None:
    """A dump and a restore may write it anew."""
    with as_its_administrator(sealed) as connection:
        turned = '{"n":1.5,"list":[1,null,{"a":"é","b":2}],"标题":"打印机脱机"}'.replace(":", "\\:")
        connection.execute(
            sa.text(f"UPDATE audit SET after = '{turned}' WHERE after IS NOT NULL AND object = 'ticket\\:7'")
        )
    assert look(sealed).whole


def test_a_missing_row_is_named_and_so_are_all(sealed: sa.Engine) -> None:
    gone = ids(sealed)[-20:-17]
    with as_its_administrator(sealed) as connection:
        connection.exec_driver_sql(f"DELETE FROM audit WHERE id IN ({', '.join(map(str, gone))})")
    verdict = look(sealed)
    assert [(p.kind, p.row, p.seal) for p in verdict.problems] == [(Kind.MISSING, row, 2) for row in gone]


def test_an_inserted_row_is_named(sealed: sa.Engine) -> None:
    """History is not written afterwards, neither below all numbers nor in a gap that has closed."""
    highest = ids(sealed)[-1]
    for row in (highest + 10, highest + 20):
        add(sealed, 1, id=row)
    seal(sealed)
    with transaction(sealed) as session:
        session.execute(sa.delete(AuditGap))  # as after seven days
    for row in (-5, highest + 15):
        add(sealed, 1, id=row)
    seal(sealed)
    assert [(p.kind, p.row) for p in look(sealed).problems] == [(Kind.INSERTED, -5), (Kind.INSERTED, highest + 15)]


def test_a_changed_seal_is_named(sealed: sa.Engine) -> None:
    with as_its_administrator(sealed) as connection:
        connection.execute(
            sa.text("UPDATE audit_seal SET sealed_at = :at WHERE seq = 2"), {"at": "2026-01-01 00:00:00"}
        )
    assert first(look(sealed)) == ("seal-changed", None, 2)


def test_a_missing_seal_is_named(sealed: sa.Engine) -> None:
    with as_its_administrator(sealed) as connection:
        connection.exec_driver_sql("DELETE FROM audit_seal WHERE seq = 2")
    assert ("seal-missing", None, 2) in [(p.kind.value, p.row, p.seal) for p in look(sealed).problems]


def test_the_head_of_the_chain_can_not_be_cut_off_before_its_time(sealed: sa.Engine) -> None:
    with as_its_administrator(sealed) as connection:
        connection.exec_driver_sql("DELETE FROM audit_seal WHERE seq = 1")
    assert first(look(sealed)) == ("seal-missing", None, 1)


def test_the_tail_of_the_chain_can_not_be_cut_off(sealed: sa.Engine, tmp_path: Path) -> None:
    """Within the database nothing tells; the anchor beside it does."""
    with reading(sealed) as session:
        last = sealer.last_seal(session)
    assert last is not None
    anchor.keep(tmp_path, anchor.Anchor(last.seq, last.hash))
    with as_its_administrator(sealed) as connection:
        connection.exec_driver_sql("DELETE FROM audit_seal WHERE seq = 3")
        connection.exec_driver_sql(f"DELETE FROM audit WHERE id > {ids(sealed)[-11]}")
    assert look(sealed).whole
    assert first(look(sealed, anchor=anchor.read(tmp_path))) == ("cut", None, 3)


def test_a_chain_computed_anew_without_the_key_is_found_out(sealed: sa.Engine) -> None:
    """A database administrator can compute every hash, but not the HMACs."""
    victim = ids(sealed)[-1]
    with as_its_administrator(sealed) as connection:
        connection.exec_driver_sql(f"UPDATE audit SET actor = 'somebody else' WHERE id = {victim}")
        connection.exec_driver_sql("DELETE FROM audit_seal WHERE seq = 3")
    with transaction(sealed) as session:
        sealer.seal(session, key=chain.key_of("a guess at the program's secret"), now=clock.now())
    assert first(look(sealed)) == ("key", None, 3)


def test_the_database_refuses_to_change_or_delete_a_seal(sealed: sa.Engine) -> None:
    for statement in ("UPDATE audit_seal SET mac = ''", "DELETE FROM audit_seal"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), sealed.begin() as connection:
            connection.exec_driver_sql(statement)


def test_a_row_that_was_committed_late_is_sealed_late(engine: sa.Engine) -> None:
    """PostgreSQL gives numbers before the commit: a slow transaction's rows come after higher numbers were sealed."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: numbers come in the order of commits")
    seal(engine)
    slow = Session(engine)
    put(slow, 3)
    rolled_back = Session(engine)
    put(rolled_back, 2)
    add(engine, 5)
    rolled_back.rollback()
    assert seal(engine) == 5
    assert (look(engine).whole, look(engine).unsealed) == (True, 0)
    slow.commit()
    waiting = look(engine)
    assert (waiting.whole, waiting.unsealed) == (True, 3)
    assert seal(engine) == 3
    verdict = look(engine)
    assert (verdict.whole, verdict.unsealed) == (True, 0)
    with reading(engine) as session:
        gaps = session.execute(sa.select(AuditGap.first_id, AuditGap.last_id)).all()
    assert sum(last - first_ + 1 for first_, last in gaps) == 2, "the two numbers that were rolled back"
    rolled_back.close()
    slow.close()


def test_a_gap_closes_after_seven_days(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        session.add(AuditGap(first_id=900, last_id=901, seen_at=clock.now() - dt.timedelta(days=8)))
    seal(engine)
    with reading(engine) as session:
        assert session.scalars(sa.select(AuditGap)).all() == []


def test_several_processes_seal_every_row_once(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "BLOCK", 7)
    add(engine, 100)
    everything = len(ids(engine))
    engines = [make_engine(engine.url) for _ in range(4)]
    counts: list[int] = []

    def work(own: sa.Engine) -> None:
        for _ in range(12):
            with transaction(own) as session:
                counts.append(sealer.seal(session, key=KEY, now=clock.now(), most=20))

    threads = [threading.Thread(target=work, args=(own,)) for own in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in engines:
        own.dispose()
    assert sum(counts) == everything
    verdict = look(engine)
    assert (verdict.whole, verdict.rows, verdict.unsealed) == (True, everything, 0)


def test_the_purge_leaves_a_chain_that_can_be_verified(engine: sa.Engine) -> None:
    """Rows go by age; seals too, as soon as their own age allows; what is left begins with a seal that says so."""
    with as_its_administrator(engine) as connection:
        connection.exec_driver_sql("DELETE FROM audit")  # what was written when the database was made
    old = clock.now() - dt.timedelta(days=405)
    for days in (450, 449):
        add(engine, 5, days=days)
        with transaction(engine) as session:
            sealer.seal(session, key=KEY, now=old)
    add(engine, 5)
    seal(engine)
    with transaction(engine) as session:
        assert retention.purge(session, now=clock.now(), keep=KEEP) == 10
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.min(AuditSeal.seq))) == 2 + 1
    verdict = look(engine)
    assert verdict.whole, verdict.problems
    assert verdict.seals == 1


def test_rows_deleted_before_their_time_are_missed(engine: sa.Engine) -> None:
    """The database keeps them for 400 days; where more is asked for, the chain still knows them."""
    add(engine, 5, days=450)
    seal(engine)
    with transaction(engine) as session:
        retention.purge(session, now=clock.now(), keep=KEEP)
    assert look(engine).whole
    with reading(engine) as session:
        verdict = verify(session, key=KEY, now=clock.now(), keep=dt.timedelta(days=1000))
    assert (verdict.broken, first(verdict)[0]) == (5, "missing")


@pytest.mark.parametrize("days", ["179", "399", "0", "-1", "many", "1e9", "٤٠٠", "99999"])
def test_less_than_the_database_keeps_is_refused_by_name(tmp_path: Path, days: str) -> None:
    with pytest.raises(config.SettingError, match="TAXOPS_AUDIT_KEEP_DAYS"):
        config.load({"TAXOPS_HOME": str(tmp_path), "TAXOPS_AUDIT_KEEP_DAYS": days})
    assert config.load({"TAXOPS_HOME": str(tmp_path), "TAXOPS_AUDIT_KEEP_DAYS": "1095"}).audit_days == 1095


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    at = dt.datetime(2026, 11, 27, tzinfo=UTC)
    turned = dict(reversed(list(value.items())))
    rows = [
        (1, at, at, "a", "v", "o", None, json.dumps(v, ensure_ascii=i % 2 == 0), "")
        for i, v in enumerate((value, turned))
    ]
    one, other = map(chain.entry, rows)
    assert one == other
    assert list(chain.unpack(chain.pack([one, other]))) == [one, other]


@given(st.binary(max_size=200))
def test_packed_entries_that_are_none_break_nothing(packed: bytes) -> None:
    assert len(list(chain.unpack(packed))) == len(packed) // chain.ENTRY_BYTES
