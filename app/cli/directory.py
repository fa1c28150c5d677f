"""taxops directory sync, taxops directory adopt."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

import config
from accounts import service
from accounts.directory import client, part, rules, sync
from accounts.directory.rules import Plan, What
from core import clock
from core.db import make_engine, reading, transaction
from core.errors import Conflict
from core.i18n import use_locale


@click.group()
def directory() -> None:
    """The LDAP directory that people sign in with."""


@directory.command("sync")
@click.option("--dry-run", is_flag=True, help="only say what would be done")
@click.option("--json", "as_json", is_flag=True)
def sync_(dry_run: bool, as_json: bool) -> None:
    """Add, change and disable people as the directory says. Exit 1: it would disable too many, and nothing was done."""
    settings = config.load()
    there = client.of_settings(settings)
    if there is None:
        raise Conflict("no directory is set: TAXOPS_LDAP_URL")
    engine, most = make_engine(settings.database_url), int(settings.ldap_most_disabled)
    try:
        with use_locale("en"):
            found = client.entries(there)
            with reading(engine) as session:
                plan = sync.look(session, found, most=most, now=clock.now())
            click.echo(json.dumps(_plain(plan), ensure_ascii=False) if as_json else "\n".join(_lines(plan)))
            if plan.stopped:
                click.echo(f"taxops: {sync.stopped_words(plan)}", err=True)
                sys.exit(1)
            if not dry_run:
                part.run(engine, there, most=most, by="command-line", seen=plan.digest)
    finally:
        engine.dispose()


@directory.command("adopt")
@click.argument("logins", nargs=-1)
@click.option(
    "--without-password", is_flag=True, help="everybody active who has no password here, such as imported people"
)
@click.option("--dry-run", is_flag=True, help="only say who it would be")
def adopt(logins: tuple[str, ...], without_password: bool, dry_run: bool) -> None:
    """Let the directory sign local people in: those named, of whom it has an account. Their passwords here are removed."""
    settings = config.load()
    there = client.of_settings(settings)
    if there is None:
        raise Conflict("no directory is set: TAXOPS_LDAP_URL")
    if bool(logins) is without_password:
        raise click.UsageError("name people, or give --without-password")
    engine = make_engine(settings.database_url)
    try:
        with use_locale("en"):
            known = {entry["login"] for entry in client.entries(there)}
            with transaction(engine) as session:
                session.info["actor"] = "command-line"
                chosen = sync.to_adopt(session, known, None if without_password else logins)
                for person in [] if dry_run else chosen:
                    service.set_directory(session, person, directory=True, now=clock.now())
    finally:
        engine.dispose()
    click.echo(
        "\n".join([*(person.login for person in chosen), f"{len(chosen)} people{' would be' if dry_run else ''}"])
    )


def _plain(plan: Plan) -> dict[str, object]:
    steps = [
        {
            "what": step.what,
            "login": step.login,
            "why": step.why,
            "fields": {k: list(v) for k, v in step.fields.items()},
        }
        for step in plan.steps
    ]
    return {"counts": plan.counts, "stopped": plan.stopped, "directory_people": plan.theirs, "steps": steps}


def _lines(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        said = [f"{name} {before or ''} -> {after or ''}" for name, (before, after) in step.fields.items()]
        why = [str(rules.WHY_WORDS[step.why])] if step.why else []
        yield f"{step.what:8}{step.login}  {'; '.join((*why, *said))}".rstrip()
    yield ", ".join(f"{n} {What(what)}" for what, n in plan.counts.items())
