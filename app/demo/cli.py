"""taxops demo load, taxops demo people."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import sqlalchemy as sa
from click.termui import progressbar

import config
from accounts.models import Person, Unit
from app import migrate, shipped
from app.demo.cast import cast, password
from app.demo.load import load as load_demo
from core import clock
from core.db import make_engine, reading, transaction

STAGES = {"people": "人员", "items": "设备与服务", "articles": "知识", "tickets": "事项"}


@click.group()
def demo() -> None:
    """A province to try: loading it, and the people to sign in as."""


@demo.command("load")
@click.option("--scale", type=click.Choice(["small", "province"]), default="province", show_default=True)
@click.option("--tickets", type=click.IntRange(0, 1_000_000), default=0, show_default=True, help="how many to add")
@click.option("--force", is_flag=True, help="even where the database holds real data")
@click.option("--json", "as_json", is_flag=True)
def load(scale: str, tickets: int, force: bool, as_json: bool) -> None:
    """Load the demo province; repeating it adds only what is missing."""
    settings = config.load()
    engine = make_engine(settings.database_url)
    migrate.upgrade(engine)
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    bar = _Bar(quiet=as_json)
    done = load_demo(
        engine, secret=settings.secret_key, now=clock.now(), scale="small" if scale == "small" else "province",
        tickets=tickets, force=force, progress=bar,
    )  # fmt: skip
    bar.close()
    engine.dispose()
    if as_json:
        click.echo(json.dumps({"added": done.added, "seconds": round(done.seconds, 2)}))
        return
    added = ", ".join(f"{count} {kind}" for kind, count in done.added.items() if count)
    click.echo(f"demo {scale}: {added or 'nothing was missing'} ({done.seconds:.1f} s)")


class _Bar:
    """One progress bar after another, on stderr, so that stdout stays for results."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""
        self._bar: Any = None
        self._at = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._quiet:
            return
        if stage != self._stage:
            self.close()
            self._stage, self._at = stage, 0
            self._bar = progressbar(length=max(total, 1), label=STAGES.get(stage, stage), file=sys.stderr, width=30)
            self._bar.__enter__()
        self._bar.update(done - self._at)
        self._at = done

    def close(self) -> None:
        """Finish the bar that is shown."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@demo.command("people")
@click.option("--json", "as_json", is_flag=True)
def people(as_json: bool) -> None:
    """The people to try: role, login, password, unit. Only these have passwords."""
    settings = config.load()
    engine = make_engine(settings.database_url)
    found = sign_ins(engine, settings.secret_key)
    engine.dispose()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        raise click.ClickException("the demo is not loaded; run: taxops demo load")
    for row in found:
        click.echo(
            f"{row['role']:<18} {row['login']:<14} {row['password']:<16} {row['unit']:<10} {row['name']}（{row['unit_name']}）"
        )


def sign_ins(engine: sa.Engine, secret: str) -> list[dict[str, str]]:
    """The demo's people to try, as far as they are in the database."""
    with reading(engine) as session:
        if not sa.inspect(session.connection()).has_table("person"):
            return []
        present = {
            login: (name, code, unit)
            for login, name, code, unit in session.execute(
                sa.select(Person.login, Person.name, Unit.code, Unit.name).join(Unit, Unit.id == Person.unit_id)
                .where(Person.login.in_([player.login for player in cast()]), Person.active)
            )
        }  # fmt: skip
    return [
        {
            "role": player.part or "", "login": player.login, "password": password(player.login, secret),
            "unit": present[player.login][1], "name": present[player.login][0], "unit_name": present[player.login][2],
        }
        for player in cast()
        if player.login in present
    ]  # fmt: skip
