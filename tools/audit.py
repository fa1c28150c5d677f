#!/usr/bin/env python3
"""Ask whether a dependency has a known vulnerability: Python's by pip-audit, the front end's by npm audit.

Exit 0: asked, and none is known. 1: there are some (listed). 3: the service could not be asked about everything; that is
not the same as none, and is said so.
"""

# ruff: noqa: S603, T201
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOUND, NOT_ASKED = 1, 3


def python(report: str, wrong: str) -> tuple[list[str], str]:
    """(vulnerabilities in words, why not everything was asked) of pip-audit's JSON."""
    try:
        listed = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return [], (wrong.strip().splitlines() or ["no answer"])[-1]
    found = [
        f"{one['name']} {one['version']}: {each['id']} (fixed in {', '.join(each['fix_versions']) or '-'})"
        for one in listed
        for each in one.get("vulns", [])
    ]
    skipped = [one["name"] for one in listed if "skip_reason" in one]
    return (
        found,
        f"the service knows nothing of {len(skipped)} of {len(listed)} packages" if skipped or not listed else "",
    )


def node(report: str, wrong: str) -> tuple[list[str], str]:
    """The same of npm's JSON."""
    try:
        answer = json.loads(report)
        listed = answer["vulnerabilities"]
    except (ValueError, KeyError):
        return [], (wrong.strip().splitlines() or ["no answer"])[-1]
    return [f"{name}: {one['severity']}" for name, one in listed.items()], ""


def run(command: list[str], where: Path) -> tuple[str, str]:
    try:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, done.stderr


def main() -> int:
    audit = [
        ".venv/bin/pip-audit",
        "-r",
        "requirements/run.txt",
        "--disable-pip",
        "--no-deps",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    parts = {
        "python": python(*run(audit, ROOT)),
        "front end": node(*run(["npm", "audit", "--json"], ROOT / "web" / "frontend")),
    }
    for part, (found, why_not) in parts.items():
        for line in found:
            print(f"audit: {part}: {line}")
        print(f"audit: {part}: " + (f"NOT AUDITED: {why_not}" if why_not else f"{len(found)} known vulnerabilities"))
    if any(found for found, _why_not in parts.values()):
        return FOUND
    return NOT_ASKED if any(why_not for _found, why_not in parts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
