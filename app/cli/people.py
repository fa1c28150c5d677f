"""taxops admin create, taxops token create."""

from __future__ import annotations

import datetime as dt
import json
import secrets

import click
import sqlalchemy as sa

import config
from accounts import service
from accounts.models import Person
from accounts.signin import service as signin
from core import clock
from core.db import make_engine, transaction
from core.errors import Invalid, NotFound


@click.group()
def admin() -> None:
    """Administrators: system, security and audit, three separate people."""


@admin.command("create")
@click.argument("login")
@click.option("--kind", type=click.Choice(["system", "security", "audit"]), required=True)
@click.option("--name", default="", help="the person's name; default: the login")
@click.option("--unit", "unit_code", default="", help="unit code; default: the first province")
@click.password_option(help="asked for when not given")
@click.option("--json", "as_json", is_flag=True)
def create_admin(login: str, kind: str, name: str, unit_code: str, password: str, as_json: bool) -> None:
    """Make LOGIN one of the three separate administrators."""
    engine = make_engine(config.load().database_url)
    with transaction(engine) as session:
        session.info["actor"] = "command-line"
        person = service.create_administrator(
            session,
            login=login,
            name=name or login,
            kind=kind,
            unit_code=unit_code or None,
            password=password,
            now=clock.now(),
        )
        found = {"login": person.login, "kind": kind}
    click.echo(json.dumps(found) if as_json else f"{kind} administrator {login} created")


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.option("--person", "login", required=True, help="the login the token speaks for")
@click.option("--name", required=True)
@click.option(
    "--scope", "scopes", multiple=True, help="limit to this permission; may be repeated; `import` = ticket.import"
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def create_token(login: str, name: str, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Print a new API token, once."""
    engine = make_engine(config.load().database_url)
    now = clock.now()
    with transaction(engine) as session:
        session.info["actor"] = "command-line"
        person = session.scalar(sa.select(Person).where(Person.login == login))
        if person is None:
            raise NotFound(f"there is no person with the login {login!r}")
        if not person.active:
            raise Invalid(f"{login!r} is disabled")
        row, secret = signin.create_token(
            session,
            person=person,
            name=name,
            scopes=["ticket.import" if s == "import" else s for s in scopes],
            expires_at=now + dt.timedelta(days=days),
            now=now,
        )
        found = {"token": secret, "id": row.id, "expires_at": row.expires_at.isoformat() if row.expires_at else None}
    click.echo(json.dumps(found) if as_json else found["token"])


def random_password() -> str:
    """A password that passes the rules."""
    return f"{secrets.token_urlsafe(9)}-A1a"
