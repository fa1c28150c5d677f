"""What we depend on: installed as locked, with licences that were decided, and never called safe without being asked about.

No vulnerability service is asked here: this runs in closed networks, too. `make audit` asks where one can be reached.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Licences that may be linked into a program of an office. LGPL: used as libraries, unchanged.
LICENCES = re.compile(
    r"^(MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla Public License|LGPL"
    r"|GNU Lesser General Public License|CNRI|Unlicense|HPND|Zlib|0BSD)",
    re.IGNORECASE,
)
#: Without a licence in their metadata; read in their source.
READ_BY_HAND = {"pysnmp": "BSD-2-Clause"}


def locked(name: str) -> dict[str, str]:
    pins = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)",
        (ROOT / "requirements" / name).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return dict(pins)


def licence(name: str) -> list[str]:
    about = importlib.metadata.metadata(name)
    said = about.get("License-Expression")
    if said:
        return re.split(r"\s+(?:AND|OR|WITH)\s+", said)
    classified = [
        each.split("::")[-1].strip() for each in about.get_all("Classifier") or [] if each.startswith("License ::")
    ]
    classified = [each for each in classified if each != "OSI Approved"]
    return (
        classified
        or [line.strip() for line in (about.get("License") or "").splitlines()[:1] if line.strip()]
        or [READ_BY_HAND.get(name, "")]
    )


def test_what_is_installed_is_what_the_lock_says() -> None:
    wrong = [
        f"{name}: {importlib.metadata.version(name)} instead of {version}"
        for name, version in locked("run.txt").items()
        if importlib.metadata.version(name) != version
    ]
    assert wrong == []


def test_what_is_installed_fits_together() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_licence_was_decided() -> None:
    wrong = {
        name: licence(name) for name in locked("run.txt") if not all(LICENCES.match(each) for each in licence(name))
    }
    assert wrong == {}


def test_every_package_of_the_front_end_is_locked_by_its_hash() -> None:
    packages = json.loads((ROOT / "web" / "frontend" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    without = [
        name for name, one in packages.items() if name and not str(one.get("integrity", "")).startswith("sha512-")
    ]
    assert without == []


@pytest.fixture
def audit() -> ModuleType:
    loader = SourceFileLoader("audit_tool", str(ROOT / "tools" / "audit.py"))
    spec = importlib.util.spec_from_loader("audit_tool", loader)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    return made


def test_the_audit_never_calls_unknown_what_it_could_not_ask(audit: ModuleType) -> None:
    """pip-audit ends with 0 where its service knew nothing of a single package."""
    skipped = {
        "dependencies": [
            {"name": "flask", "skip_reason": "Dependency not found"},
            {"name": "jinja2", "version": "3", "vulns": []},
        ]
    }
    assert audit.python(json.dumps(skipped), "")[1].endswith("1 of 2 packages")
    assert audit.python("", "no route to host")[1] == "no route to host"
    assert audit.python('{"dependencies": []}', "")[1]
    assert audit.node('{"message": "405 Method Not Allowed"}', "npm error audit endpoint returned an error")[1]
    known = {"dependencies": [{"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}
    assert audit.python(json.dumps(known), "") == (["x 1: CVE-1 (fixed in 2)"], "")
    assert audit.node('{"vulnerabilities": {"y": {"severity": "high"}}}', "") == (["y: high"], "")
    assert audit.python('{"dependencies": [{"name": "x", "version": "1", "vulns": []}]}', "") == ([], "")
