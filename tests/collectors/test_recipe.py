"""docs/adding-a-collector.md, walked: its probe is entered and its tests are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-collector.md"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_recipe_works_as_it_stands(tmp_path):
    """On a copy of the rooms it needs: write the module, enter it, try it by hand, run its test."""
    module, test = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for name in ("collectors", "core", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "servers", tmp_path / "tests" / "servers")
    room = tmp_path / "tests" / "collectors"
    room.mkdir()
    for name in ("conftest.py", "snmp_agent.py", "test_probe_contract.py"):
        shutil.copy(ROOT / "tests" / "collectors" / name, room)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    (tmp_path / "collectors" / "probes" / "resolve.py").write_text(module, "utf-8")
    registry = tmp_path / "collectors" / "registry.py"
    text = registry.read_text("utf-8")
    text = text.replace(
        "from collectors.probes.snmp import",
        "from collectors.probes.resolve import ResolveProbe\nfrom collectors.probes.snmp import",
    ).replace("        HostProbe,\n", "        HostProbe,\n        ResolveProbe,\n")
    registry.write_text(text, "utf-8")
    (room / "test_probes_resolve.py").write_text(test, "utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": ""},
        )  # fmt: skip

    check = "import sys; from collectors.cli import check; check(sys.argv[1:])"
    well = run("-c", check, "resolve", "localhost")
    assert (well.returncode, well.stdout[:13]) == (0, "RESOLVE OK - "), well.stdout + well.stderr
    assert run("-c", check, "resolve", "localhost", "--param", "address=10.9.9.9", "--json").returncode == 2
    assert "address=" in run("-c", check, "--help").stdout
    tests = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(room / "test_probes_resolve.py"),
                str(room / "test_probe_contract.py"), "-k", "resolve or no_name")  # fmt: skip
    assert tests.returncode == 0, tests.stdout
    assert "3 passed" in tests.stdout
    lint = run("-m", "ruff", "check", "collectors/probes/resolve.py")
    assert lint.returncode == 0, lint.stdout
    types = run("-m", "mypy", "collectors/probes/resolve.py")
    assert types.returncode == 0, types.stdout
