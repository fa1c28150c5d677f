"""What every installation starts with: roles and other shipped data. Repeating it adds what is new, changes nothing edited."""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.util
import tomllib
from pathlib import Path

from sqlalchemy.orm import Session

import accounts
from accounts.models import Role

# rooms with data of their own offer `<room>/shipped.py` with install(session, now)
ROOMS = ("cmdb", "kb", "monitor", "servicedesk", "servicedesk.clocks", "servicedesk.calendar", "escalation")


def install(session: Session, *, now: dt.datetime) -> None:
    """Install all shipped data that is missing."""
    session.info["actor"] = "system"
    shipped = tomllib.loads((Path(accounts.__file__).parent / "data" / "roles.toml").read_text(encoding="utf-8"))
    for code, role in shipped.items():
        if session.get(Role, code) is None:
            session.add(
                Role(
                    code=code,
                    name=role["name"],
                    permissions=role["permissions"],
                    administrator=role.get("administrator"),
                )
            )
    session.flush()
    for room in ROOMS:
        if importlib.util.find_spec(room) and importlib.util.find_spec(f"{room}.shipped"):
            importlib.import_module(f"{room}.shipped").install(session, now=now)
