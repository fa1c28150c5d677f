"""Elasticsearch: the real server with security and TLS, one a session, an index prefix for each test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.base import HOST, SERVER_PATH, Daemon, free_port, require_program
from tests.servers.postgresql import ordinary_account
from tests.servers.tls import Authority

VERSION = "8.19.21"
USER, PASSWORD = "taxops", "tests-only-Kx7"
_HASH = "$2a$10$6kp7bPw6/0e/5ErxSUDpsOd5flDDgUz5moJaZ.AC1QP1HMkV25CBG"
"""Of the password, as elasticsearch-users writes it; starting that program takes longer than the server."""


def distribution() -> Path:
    """Where tools/install-servers put it. Without it: an error in CI and for root, else a skip."""
    caches = [Path("/var/cache/taxops"), Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taxops"]
    for cache in caches:
        if (cache / f"elasticsearch-{VERSION}" / "ready").exists():
            return cache / f"elasticsearch-{VERSION}"
    message = "Elasticsearch is not installed: run tools/install-servers"
    if os.environ.get("CI") == "true" or os.geteuid() == 0:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


class Elasticsearch(Daemon):
    """A node of its own. `home` must be reachable by ordinary_account(): see base.owned_directory."""

    name = "elasticsearch"
    start_seconds = 110.0

    def __init__(self, home: Path, authority: Authority, *, port: int | None = None, quick: bool = True) -> None:
        """`quick` compiles less: up sooner and slower later, for tests but not for measuring."""
        super().__init__(home, port=port)
        self.distribution, self.authority, self.quick = distribution(), authority, quick
        self._account = ordinary_account()
        self._config = home / "config"
        if not self._config.exists():
            self._configure()

    def user(self) -> str | None:
        return self._account

    def _configure(self) -> None:
        shutil.copytree(self.distribution / "config", self._config)
        issued = self.authority.issue("localhost")
        shutil.copy(issued.certificate, self._config / "server.pem")
        shutil.copy(issued.key, self._config / "server.key")
        settings = {
            "cluster.name": "taxops-test", "node.name": "one", "discovery.type": "single-node",
            "path.data": str(self.home / "data"), "path.logs": str(self.home / "logs"),
            "http.host": HOST, "http.port": self.port, "transport.host": HOST, "transport.port": free_port(),
            "cluster.routing.allocation.disk.threshold_enabled": False,  # a full disk of the machine is not tested here
            "indexing_pressure.memory.limit": "300kb",  # a busy cluster: more than this at once is answered with 429
            "xpack.security.enabled": True, "xpack.security.enrollment.enabled": False,
            "xpack.security.authc.api_key.enabled": True, "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.certificate": "server.pem", "xpack.security.http.ssl.key": "server.key",
        }  # fmt: skip
        lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
        (self._config / "elasticsearch.yml").write_text("\n".join(lines) + "\n")
        (self._config / "users").write_text(f"{USER}:{_HASH}\n")
        (self._config / "users_roles").write_text(f"superuser:{USER}\n")
        (self.home / "tmp").mkdir()
        for path in (self.home, *self.home.rglob("*")):
            if self._account:
                shutil.chown(path, self._account, self._account)

    def command(self) -> list[str]:
        return [str(self.distribution / "bin" / "elasticsearch")]

    def environment(self) -> Mapping[str, str]:
        java = Path(require_program("java", globs=("/usr/lib/jvm/java-17-openjdk-*/bin/java",))).resolve()
        options = "-Xms512m -Xmx512m" + (" -XX:TieredStopAtLevel=1" if self.quick else "")
        return {
            "PATH": SERVER_PATH, "LANG": "C.UTF-8", "HOME": str(self.home), "ES_JAVA_HOME": str(java.parent.parent),
            "ES_PATH_CONF": str(self._config), "ES_JAVA_OPTS": options, "ES_TMPDIR": str(self.home / "tmp"),
        }  # fmt: skip

    # --- how to reach it
    @property
    def bare_url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """With user and password."""
        return f"https://{USER}:{PASSWORD}@{HOST}:{self.port}"

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")["status"] != "red")
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request as the superuser; the decoded answer. Raises HTTPError for 4xx and 5xx."""
        request = urllib.request.Request(
            self.bare_url + path, method=method, headers={"Content-Type": "application/json"},
            data=json.dumps(body).encode() if body is not None else None,
        )  # fmt: skip
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        passwords.add_password(None, self.bare_url, USER, PASSWORD, is_authenticated=True)
        trusting = ssl.create_default_context(cafile=str(self.authority.ca_file))
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=trusting), urllib.request.HTTPBasicAuthHandler(passwords)
        )
        with opener.open(request, timeout=15) as answer:
            return json.load(answer)

    def api_key(self, name: str, *, indices: str) -> str:
        """A key that may do what the program needs on indices of this pattern, and nothing else."""
        role = {"cluster": ["monitor", "manage_index_templates"],
                "indices": [{"names": [indices], "privileges": ["all"]}]}  # fmt: skip
        answer = self.ask("POST", "/_security/api_key", {"name": name, "role_descriptors": {"taxops": role}})
        return str(answer["encoded"])

    # --- how to hang it
    def freeze(self) -> None:
        """Stops every thread of it: connections are taken by the kernel, and nobody answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        os.killpg(self.pid, signal.SIGCONT)
