"""nginx in front of an installation, with the very configuration that is shipped in deploy/."""

from __future__ import annotations

import re
from pathlib import Path

from tests.guards import source
from tests.servers.base import HOST, Daemon, require_program
from tests.servers.taxops import TaxopsServer

SHIPPED = Path(source.ROOT) / "deploy" / "nginx"
_MAIN = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/proxy.log notice;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  include taxops.conf;
}}
"""


class Proxy(Daemon):
    """Answers at `url` for the web and live processes it is given."""

    name = "proxy"

    def __init__(self, home: Path, web: list[TaxopsServer], live: list[TaxopsServer]) -> None:
        super().__init__(home)
        upstreams = (SHIPPED / "upstreams.conf").read_text("utf-8")
        for role, processes in (("web", web), ("live", live)):
            for number, process in enumerate(processes, 1):
                upstreams = upstreams.replace(f"{role}-{number}:8000", f"{HOST}:{process.port}")
        upstreams = re.sub(r"\n *server (web|live)-.*", "", upstreams)  # those there are none of here
        (home / "upstreams.conf").write_text(upstreams, "utf-8")
        (home / "listen.conf").write_text(f"listen {HOST}:{self.port};\n", "utf-8")
        (home / "taxops.conf").write_text((SHIPPED / "taxops.conf").read_text("utf-8"), "utf-8")
        (home / "nginx.conf").write_text(_MAIN.format(home=home), "utf-8")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [require_program("nginx"), "-c", str(self.home / "nginx.conf"), "-p", str(self.home)]
