"""taxops audit …"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time

import click
import sqlalchemy as sa

import config
from accounts.audit import anchor, chain, looks
from accounts.audit.verify import Verdict, verify
from accounts.models import AuditRow
from core import clock
from core.db import make_engine, reading
from core.i18n import use_locale


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify_(as_json: bool) -> None:
    """Compute the whole chain anew. Exit 0: it is whole; 1: it is not, with the first row that does not fit.

    Safe beside the running program.
    """
    settings = config.load()
    engine = make_engine(settings.database_url)
    began = time.monotonic()
    try:
        with reading(engine) as session:
            total = session.scalar(sa.select(sa.func.count()).select_from(AuditRow)) or 0
            with click.progressbar(length=total, label="verifying", file=sys.stderr, hidden=as_json) as bar:
                verdict = verify(
                    session, key=chain.key_of(settings.secret_key), now=clock.now(),
                    keep=dt.timedelta(days=settings.audit_days), anchor=anchor.read(settings.home), progress=bar.update,
                )  # fmt: skip
    finally:
        engine.dispose()
    with use_locale("en"):
        click.echo(_json(verdict, time.monotonic() - began) if as_json else _lines(verdict))
    if not verdict.whole:
        sys.exit(1)


def _json(verdict: Verdict, seconds: float) -> str:
    found = looks.plain(verdict) | {"seconds": round(seconds, 2)}
    found["first"] = looks.words(verdict.problems[0]) if verdict.problems else None
    return json.dumps(found, ensure_ascii=False)


def _lines(verdict: Verdict) -> str:
    waiting = f"; {verdict.unsealed} rows not yet sealed" if verdict.unsealed else ""
    until = f" until {verdict.until:%Y-%m-%dT%H:%M:%SZ}" if verdict.until else ""
    if verdict.whole:
        return f"whole{until}: {verdict.rows} rows in {verdict.seals} seals{waiting}"
    named = [looks.words(problem) for problem in verdict.problems[:20]]
    more = f"\n  … and {verdict.broken - len(named)} more" if verdict.broken > len(named) else ""
    return f"BROKEN: {named[0]}{waiting}\n" + "\n".join(f"  {line}" for line in named) + more
