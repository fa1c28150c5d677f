"""RabbitMQ: a node of its own, with its own name, files, cookie and name server (epmd), on loopback only."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.servers.base import HOST, SERVER_PATH, Daemon, accepts_tcp, find_program, free_port, require_program


class RabbitMQ(Daemon):
    """A broker at `url`. Needs no root; the Debian wrapper that wants the account rabbitmq is passed by."""

    name = "rabbitmq"
    start_seconds = 60.0  # an Erlang machine, its files made for the first time

    def __init__(self, home: Path, *, port: int | None = None) -> None:
        super().__init__(home, port=port)
        self._epmd = free_port()
        self._distribution = free_port()
        (home / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {HOST}:{self.port}\nnum_acceptors.tcp = 2\nlog.console = true\n"
            "log.file = false\nloopback_users = none\ndisk_free_limit.absolute = 10MB\nvm_memory_high_watermark.absolute = 256MB\n",
            "utf-8",
        )
        (home / "enabled_plugins").write_text("[].\n", "utf-8")
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(os.urandom(12).hex(), "ascii")
            cookie.chmod(0o400)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    def command(self) -> list[str]:
        require_program("rabbitmq-server")
        path = find_program("rabbitmq-server", globs=("/usr/lib/rabbitmq/bin/rabbitmq-server",))
        return [path or "rabbitmq-server"]

    def environment(self) -> dict[str, str]:
        home = str(self.home)
        return {
            **super().environment(),
            "PATH": SERVER_PATH,
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_MAX_PORTS": "1024",
        }

    def is_ready(self) -> bool:
        if not accepts_tcp(self.port):
            return False
        from kombu.connection import Connection

        with Connection(self.url, connect_timeout=2) as connection:
            connection.connect()
        return True

    def stop(self, seconds: float = 20.0) -> int | None:
        """End the node, then the name server it started (which leaves the node's process group)."""
        code = super().stop(seconds)
        self._end_epmd()
        return code

    def kill9(self) -> None:
        super().kill9()
        self._end_epmd()

    def _end_epmd(self) -> None:
        """The name server is known by its port, which no other node uses."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"epmd") and f"ERL_EPMD_PORT={self._epmd}".encode() in environment:
                os.kill(int(entry.name), signal.SIGKILL)
