"""Redis, without persistence."""

from __future__ import annotations

import socket

from tests.servers.base import HOST, Daemon, require_program


class Redis(Daemon):
    """A private Redis on a loopback port."""

    name = "redis"

    def command(self) -> list[str]:
        return [require_program("redis-server"), "--bind", HOST, "--port", str(self.port), "--save", "",
                "--appendonly", "no", "--dir", str(self.home), "--protected-mode", "no"]  # fmt: skip

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def is_ready(self) -> bool:
        return self.ask("PING") == "+PONG"

    def ask(self, line: str) -> str:
        """Send one inline command, return the first line of the answer."""
        with socket.create_connection((HOST, self.port), timeout=2) as client:
            client.sendall(f"{line}\r\n".encode())
            return client.makefile("rb").readline().decode().strip()
