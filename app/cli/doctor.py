"""taxops doctor: what is misconfigured or unreachable, in words."""

from __future__ import annotations

import json
import sys

import click

import config
from accounts.admin.findings import Finding
from app.diagnosis import examine
from core.i18n import use_locale

MARKS = {"ok": "●", "warning": "▲", "critical": "■"}


@click.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> None:
    """Say what is misconfigured or unreachable, and how to mend it. Exit 1 where something needed is broken."""
    with use_locale("en"):
        findings = examine(config.load())
    if as_json:
        click.echo(json.dumps([_plain(f) for f in findings], ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if any(f.state == "critical" for f in findings):
        sys.exit(1)


def _plain(finding: Finding) -> dict[str, str]:
    return {name: getattr(finding, name) for name in ("part", "state", "text", "mend")}


def _line(finding: Finding) -> str:
    line = f"{MARKS[finding.state]} {finding.part}: {finding.text}"
    return f"{line}\n    -> {finding.mend}" if finding.mend else line
