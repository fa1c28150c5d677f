"""net-snmp's agent on a loopback UDP port: version 2c and a version 3 user with privacy."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.servers.base import HOST, Daemon, require_program

COMMUNITY = "public"
V3_USER, V3_AUTH, V3_PRIV = "operator", "auth-secret-1", "priv-secret-1"

# A GET of sysUpTime.0 with community "public", written out by hand so that readiness needs no SNMP library.
_GET_UPTIME = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010103000500")


class Snmpd(Daemon):
    """Reads with community `COMMUNITY` (v2c) or as `V3_USER` with SHA and AES (authPriv)."""

    name = "snmpd"

    def __init__(
        self, home: Path, *, port: int | None = None, system_name: str = "lantian-sw1", extra: str = ""
    ) -> None:
        """`extra` is further configuration, such as `pass .1.3.6.1.4.1.9999 /path/of/a/script`."""
        super().__init__(home, port=port)
        self.configure(system_name, extra)

    def configure(self, system_name: str = "lantian-sw1", extra: str = "") -> None:
        """Rewrite its configuration; restart() makes it hold."""
        lines = [
            f"agentAddress udp:{HOST}:{self.port}",
            f"rocommunity {COMMUNITY} {HOST}",
            f"createUser {V3_USER} SHA {V3_AUTH} AES {V3_PRIV}",
            f"rouser {V3_USER} authPriv",
            f"sysName {system_name}",
            "sysLocation 蓝田县局机房",
            "sysContact nobody@example.invalid",
            "includeAllDisks 5%",
            extra,
        ]
        (self.home / "snmpd.conf").write_text("\n".join(lines) + "\n", "utf-8")

    def command(self) -> list[str]:
        return [require_program("snmpd"), "-f", "-Lo", "-C", "-c", str(self.home / "snmpd.conf"),
                "-I", "-smux,-smuxPeers", "-p", str(self.home / "snmpd.pid")]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "SNMP_PERSISTENT_DIR": str(self.home / "persistent"), "MIBS": ""}

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect((HOST, self.port))
            client.send(_GET_UPTIME)
            return bool(client.recv(2_000))

    @property
    def target(self) -> str:
        return f"{HOST}:{self.port}"


def runs_as_root() -> bool:
    """Some subtrees (such as other users' processes) are only filled for root."""
    return os.geteuid() == 0
