"""nginx, plain or with TLS: the web server a check looks at."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

from tests.servers.base import HOST, Daemon, accepts_tcp, answers, require_program
from tests.servers.tls import Authority, Certificate

_CONFIG = """
daemon off; master_process off;  # one process, so that SIGKILL of it closes the port
pid {home}/nginx.pid; error_log {home}/nginx.log info;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/html; charset utf-8;
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{
    listen {host}:{port}{tls_flag}; server_name localhost;
    {tls}
    location / {{ root {home}/html; }}
    location = /status {{ stub_status; }}
    location = /favicon.ico {{ return 204; }}
    {locations}
  }}
}}
"""


class Nginx(Daemon):
    """nginx serving `home/html` (an index page saying 正常) on a loopback port."""

    name = "nginx"

    def __init__(
        self, home: Path, *, port: int | None = None, authority: Authority | None = None,
        certificate: Certificate | None = None, locations: str = "",
    ) -> None:  # fmt: skip
        """With an authority (and perhaps a certificate of its making) the server speaks TLS only.

        `locations` is further nginx configuration, such as `location = /slow { … }`.
        """
        super().__init__(home, port=port)
        self.authority = authority
        self._locations = locations
        self._certificate = certificate or (authority.issue() if authority else None)
        self.html = home / "html"
        self.html.mkdir(exist_ok=True)
        self.page(
            "index.html",
            '<!doctype html><meta name=viewport content="width=device-width"><title>办税服务</title><p>正常</p>',
        )
        self.configure()

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://{HOST}:{self.port}"

    def page(self, name: str, text: str) -> None:
        """Put a page into its folder, at once served."""
        (self.html / name).write_text(text, "utf-8")

    def configure(self, *, locations: str | None = None, certificate: Certificate | None = None) -> None:
        """Rewrite its configuration; restart() makes it hold."""
        self._locations = self._locations if locations is None else locations
        self._certificate = certificate or self._certificate
        tls = ""
        if self._certificate:
            tls = f"ssl_certificate {self._certificate.certificate}; ssl_certificate_key {self._certificate.key};"
        config = _CONFIG.format(
            home=self.home,
            host=HOST,
            port=self.port,
            tls=tls,
            tls_flag=" ssl" if tls else "",
            locations=self._locations,
        )
        (self.home / "nginx.conf").write_text(config, "utf-8")

    def command(self) -> list[str]:
        return [require_program("nginx"), "-c", str(self.home / "nginx.conf"), "-p", str(self.home)]

    def is_ready(self) -> bool:
        if not accepts_tcp(self.port):
            return False
        if self.authority is None:
            return answers(f"{self.url}/", seconds=2)
        context = ssl.create_default_context(cafile=str(self.authority.ca_file))
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # an expired certificate is a case a test may want
        return answers(f"{self.url}/", seconds=2, context=context)

    def clear(self) -> None:
        """Remove every page."""
        shutil.rmtree(self.html)
        self.html.mkdir()
