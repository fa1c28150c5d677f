"""Nothing committed names a package registry or a path of this machine; lock files pin without addresses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.guards import source

_NAMES_OF_EVERYWHERE = re.compile(r"^(127\.|localhost|www\.w3\.org$|maven\.apache\.org$)")


def registry_hosts() -> set[str]:
    """The registries' hosts, read from this machine's own set-up, so that none is written here."""
    python = "from pip._internal.models.index import PyPI as p; print(p.url, 'https://' + p.file_storage_domain)"
    commands = [[sys.executable, "-m", "pip", "config", "list"], [sys.executable, "-c", python]]
    if shutil.which("npm"):
        commands.append(["npm", "config", "get", "registry"])
    texts = [subprocess.run(each, capture_output=True, text=True, check=False).stdout for each in commands]
    texts += [path.read_text("utf-8", "replace") for path in Path("/etc/apt").glob("sources.list*") if path.is_file()]
    texts += [path.read_text("utf-8", "replace") for path in Path("/etc/apt/sources.list.d").glob("*")]
    hosts = set(re.findall(r"https?://([A-Za-z0-9.-]+\.[A-Za-z0-9-]+)", "\n".join(texts)))
    return {host for host in hosts if not _NAMES_OF_EVERYWHERE.match(host)}


def test_registries_are_known_here() -> None:
    assert registry_hosts(), "without them the next test proves nothing"


def test_no_committed_file_names_a_registry_or_a_path_of_this_machine() -> None:
    hosts = registry_hosts()
    words = [re.escape(word) for word in (*hosts, f"{source.ROOT}/", f"{Path.home()}/")]
    pattern = re.compile("|".join(words))
    found = []
    for path in source.files():
        data = path.read_bytes()
        if b"\0" in data[:8000]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{source.name(path)}:{number} {match.group()}")
    assert found == []


def test_python_locks_pin_every_package_exactly() -> None:
    for path in sorted((source.ROOT / "requirements").glob("*.txt")):
        lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.lstrip().startswith("#")]
        assert lines
        loose = [line for line in lines if not re.match(r"[a-z0-9._-]+==[^\s]+(\s|$)", line) or "://" in line]
        assert loose == [], source.name(path)


def test_locks_hold_every_dependency_of_the_project() -> None:
    def names(specifications: list[str]) -> set[str]:
        return {re.split(r"[\[<>=!~; ]", each)[0].lower().replace("_", "-") for each in specifications}

    def locked(name: str) -> set[str]:
        text = (source.ROOT / "requirements" / name).read_text("utf-8")
        return {match.lower().replace("_", "-") for match in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}

    project = source.project()["project"]
    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) - locked("run.txt") == set()
    assert names([*project["dependencies"], *extras["test"], *extras["lint"]]) - locked("test.txt") == set()


def test_the_node_lock_names_no_address() -> None:
    lock = json.loads((source.ROOT / "web/frontend/package-lock.json").read_text("utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
