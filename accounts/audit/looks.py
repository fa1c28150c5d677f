"""Verifications: asked for on a page or by the day, done beside the web, kept with what they found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from accounts.audit.models import AuditGap, AuditLook, AuditSeal
from accounts.audit.verify import Kind, Problem, Verdict
from accounts.models import AuditRow
from core.i18n import LazyText, lazy
from core.i18n import gettext as _
from web.filters import local

DAILY = dt.timedelta(days=1)
GIVEN_UP = dt.timedelta(hours=1)
"""Who claimed a verification and did not finish by then has died."""
UNSEALED_LATE = dt.timedelta(minutes=10)

WORDS: dict[Kind, LazyText] = {
    Kind.CHANGED: lazy("第 %(row)s 行被改动过"),
    Kind.MISSING: lazy("第 %(row)s 行不见了"),
    Kind.INSERTED: lazy("第 %(row)s 行是事后插入的"),
    Kind.SEAL_CHANGED: lazy("第 %(seal)s 个封条被改动过"),
    Kind.SEAL_MISSING: lazy("第 %(seal)s 个封条不见了"),
    Kind.KEY: lazy("第 %(seal)s 个封条不是用本平台的密钥做的"),
    Kind.CUT: lazy("链尾被截断：从第 %(seal)s 个封条起不见了"),
}


def words(problem: Problem) -> str:
    """One problem as a sentence."""
    return str(WORDS[problem.kind]) % {"row": problem.row, "seal": problem.seal}


@dataclass(frozen=True)
class Standing:
    """What the page shows: the last finished look, one that is under way, and what waits for its seal."""

    verdict: Verdict | None
    looked_at: dt.datetime | None
    under_way: bool
    unsealed: int
    unsealed_since: dt.datetime | None


def standing(session: Session) -> Standing:
    """How the chain stands, without looking at it."""
    last = session.scalars(
        sa.select(AuditLook).where(AuditLook.finished_at.is_not(None)).order_by(AuditLook.finished_at.desc()).limit(1)
    ).first()
    rows, since = _unsealed(session)
    return Standing(
        from_plain(last.verdict) if last and last.verdict else None,
        last.finished_at if last else None,
        session.scalars(sa.select(AuditLook.id).where(AuditLook.finished_at.is_(None)).limit(1)).first() is not None,
        rows,
        since,
    )


def _unsealed(session: Session) -> tuple[int, dt.datetime | None]:
    high = session.scalar(sa.select(AuditSeal.high_id).order_by(AuditSeal.seq.desc()).limit(1)) or 0
    late = sa.select(AuditGap.first_id).where(AuditRow.id.between(AuditGap.first_id, AuditGap.last_id)).exists()
    waiting = sa.select(sa.func.count(), sa.func.min(AuditRow.received_at)).where(sa.or_(AuditRow.id > high, late))
    rows, since = session.execute(waiting).one()
    return int(rows), since


def ask(session: Session, *, by: str, now: dt.datetime) -> AuditLook:
    """Ask for a verification, or join the one that waits."""
    waiting = session.scalars(sa.select(AuditLook).where(AuditLook.finished_at.is_(None)).limit(1)).first()
    if waiting is not None:
        return waiting
    look = AuditLook(asked_at=now, asked_by=by)
    session.add(look)
    session.flush()
    return look


def ask_daily(session: Session, *, now: dt.datetime) -> None:
    """Once a day without being asked."""
    last = session.scalar(sa.select(sa.func.max(AuditLook.asked_at)))
    if last is None or last <= now - DAILY:
        ask(session, by="job:audit.verify", now=now)


def claim(session: Session, *, now: dt.datetime) -> int | None:
    """The id of a verification that is now the caller's to do; None where there is none."""
    free = sa.or_(AuditLook.started_at.is_(None), AuditLook.started_at < now - GIVEN_UP)
    look_id = session.scalars(sa.select(AuditLook.id).where(AuditLook.finished_at.is_(None), free).limit(1)).first()
    if look_id is None:
        return None
    taken = session.execute(
        sa.update(AuditLook)
        .where(AuditLook.id == look_id, AuditLook.finished_at.is_(None), free)
        .values(started_at=now)
        .execution_options(synchronize_session=False)
    )
    return look_id if getattr(taken, "rowcount", 0) else None


def finish(session: Session, look_id: int, verdict: Verdict, *, now: dt.datetime) -> None:
    """Keep what was found; older looks go after 400 days."""
    look = session.get_one(AuditLook, look_id)
    look.finished_at, look.verdict = now, plain(verdict)
    session.execute(sa.delete(AuditLook).where(AuditLook.finished_at < now - dt.timedelta(days=400)))


def plain(verdict: Verdict) -> dict[str, object]:
    """A verdict as JSON."""
    return {
        "whole": verdict.whole,
        "rows": verdict.rows,
        "seals": verdict.seals,
        "until": verdict.until.isoformat() if verdict.until else None,
        "unsealed": verdict.unsealed,
        "unsealed_since": verdict.unsealed_since.isoformat() if verdict.unsealed_since else None,
        "broken": verdict.broken,
        "problems": [{"kind": p.kind.value, "row": p.row, "seal": p.seal} for p in verdict.problems],
    }


def from_plain(value: dict[str, object]) -> Verdict:
    """The other way."""
    known = {k: v for k, v in value.items() if k not in {"whole", "problems", "until", "unsealed_since"}}
    found = Verdict(**known)  # type: ignore[arg-type]  # what plain() wrote
    found.until, found.unsealed_since = _instant(value["until"]), _instant(value["unsealed_since"])
    listed: list[dict[str, object]] = value["problems"]  # type: ignore[assignment]
    found.problems = [Problem(Kind(str(p["kind"])), p["row"], p["seal"]) for p in listed]  # type: ignore[arg-type]
    return found


def _instant(text: object) -> dt.datetime | None:
    return dt.datetime.fromisoformat(str(text)) if text else None


def findings(session: Session, *, now: dt.datetime) -> Iterator[Finding]:
    """For the doctor and the administrators' home: broken, not sealed for long, or well."""
    part, how = _("审计链"), standing(session)
    if how.verdict is not None and not how.verdict.whole:
        text = _("审计链断了：%(what)s。", what=words(how.verdict.problems[0]))
        mend = _("请审计管理员立即查明；运行 taxops audit verify 可再核对一次。")
        yield Finding(part, "critical", text, mend, "admin.audit")
        return
    if how.unsealed_since is not None and how.unsealed_since < now - UNSEALED_LATE:
        text = _("%(n)d 行审计记录十分钟以上没有封存。", n=how.unsealed)
        yield Finding(part, "warning", text, _("请确认 taxops run 正在运行。"), "admin.audit")
    elif how.verdict is not None and how.looked_at is not None:
        text = _("完整，%(at)s 核对了 %(rows)d 行。", at=local(how.looked_at), rows=how.verdict.rows)
        yield Finding(part, "ok", text)
