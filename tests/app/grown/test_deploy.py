"""What is shipped to set an installation up: files that programs accept, and that name what this program knows."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings
from tests.guards import source
from tests.servers.base import require_program

DEPLOY = Path(source.ROOT) / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
KNOWN = {f"TAXOPS_{name.upper()}" for name in Settings.__dataclass_fields__}
WANTED = {"web": 2, "worker": 2, "poller": 2, "live": 2}


def test_compose_starts_two_of_each_role_and_what_they_need() -> None:
    services = COMPOSE["services"]
    roles = [service["command"][-1] for service in services.values() if service.get("image") == "taxops:latest"]
    assert {role: roles.count(role) for role in WANTED} == WANTED
    assert {"nginx", "postgresql", "rabbitmq", "elasticsearch", "victoriametrics"} <= set(services)
    for name, service in services.items():
        assert set(service["networks"]) == {"inside"}, name
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            kept = volume.split(":")[0]
            assert kept.startswith("./") or kept in COMPOSE["volumes"], (name, kept)
    published = [name for name, service in services.items() if service.get("ports")]
    assert published == ["nginx"], "nobody reaches a database from outside"


def test_docker_accepts_the_compose_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not here: the file is held against its own rules above")
    environment = tmp_path / "env"
    names = ("TAXOPS_SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "ELASTIC_PASSWORD")
    environment.write_text("".join(f"{name}=x\n" for name in names), "utf-8")
    command = [
        docker,
        "compose",
        "--file",
        str(DEPLOY / "compose.yaml"),
        "--env-file",
        str(environment),
        "config",
        "-q",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_settings_are_known_and_no_secret_is_shipped() -> None:
    texts = {path.name: path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file()}
    own = {"TAXOPS_PORT"}  # compose's own: the port that is published
    for name, text in texts.items():
        assert set(re.findall(r"\bTAXOPS_[A-Z_]+\b", text)) <= KNOWN | own, name
    for name in ("taxops.env.example", "compose.env.example"):
        values = dict(line.split("=", 1) for line in texts[name].splitlines() if "=" in line and line[0] != "#")
        assert not [key for key, value in values.items() if value and re.search("KEY|PASSWORD|DATABASE|BROKER", key)]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = require_program("systemd-analyze")
    for unit in (DEPLOY / "systemd").iterdir():
        shutil.copy(unit, tmp_path)
    unit = tmp_path / "taxops@web-1.service"
    (tmp_path / "taxops@.service").rename(unit)
    done = subprocess.run([program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "taxops" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_role_is_read_from_the_instance_name() -> None:
    start = re.search(r"ExecStart=/bin/sh -c '(.*)'", (DEPLOY / "systemd/taxops@.service").read_text("utf-8"))
    assert start is not None
    command = start[1].replace("%i", "worker-2").replace("$$", "$").replace("exec /opt/taxops/.venv/bin/taxops", "echo")
    said = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == "run --role worker\n"
