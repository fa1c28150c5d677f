"""rsyslog on loopback ports (UDP, TCP, TLS): the real receiver of Debian, which writes what it understood as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, Daemon, free_port, require_program
from tests.servers.tls import Authority

CONFIG = """\
global(workDirectory="{home}" maxMessageSize="8k" defaultNetstreamDriverCAFile="{ca}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imudp") input(type="imudp" address="{host}" port="{udp}")
module(load="imptcp") input(type="imptcp" address="{host}" port="{tcp}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="{host}" port="{tls}")
template(name="line" type="list" option.jsonf="on") {{
    property(outname="at" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="pri" name="pri" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="msg" name="msg" format="jsonf")
}}
action(type="omfile" file="{home}/received.jsonl" template="line" asyncWriting="off" flushOnTXEnd="on")
"""


class Rsyslog(Daemon):
    """`url(kind)` is where to send to; `received()` what it wrote down."""

    name = "rsyslogd"

    def __init__(self, home: Path, authority: Authority) -> None:
        super().__init__(home)
        self.authority, self.udp_port, self.tls_port = authority, free_port(), free_port()
        issued = authority.issue("localhost")
        self._config = home / "rsyslog.conf"
        self._config.write_text(
            CONFIG.format(
                home=home, host=HOST, ca=authority.ca_file, certificate=issued.certificate, key=issued.key,
                udp=self.udp_port, tcp=self.port, tls=self.tls_port,
            )
        )  # fmt: skip

    def command(self) -> list[str]:
        return [require_program("rsyslogd"), "-n", "-f", str(self._config), "-i", str(self.home / "rsyslogd.pid")]

    def url(self, kind: str) -> str:
        ports = {"udp": self.udp_port, "tcp": self.port, "tls": self.tls_port}
        return f"{kind}://{HOST}:{ports[kind]}"

    def received(self) -> list[dict[str, Any]]:
        """What it wrote down. A line that kill9() cut short has the next one behind it: that one counts."""
        path = self.home / "received.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line[line.rindex('{"at":') :]) for line in lines]
