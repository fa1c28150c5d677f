"""Request Tracker 5 from Debian (request-tracker5, rt5-db-postgresql, rt5-standalone, starman), fresh, with a signed-in session."""

from __future__ import annotations

import contextlib
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.load import HOST
from bench.peers import started
from bench.program import free_port
from tests.servers.base import owned_directory, require_program
from tests.servers.postgresql import PostgreSQL, ordinary_account

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
CONFIGURATION = """
Set($rtname, 'bench'); Set($Organization, 'bench'); Set($WebDomain, '{host}'); Set($WebPort, {port}); Set($WebPath, '');
Set($DatabaseType, 'Pg'); Set($DatabaseHost, '{host}'); Set($DatabasePort, {database}); Set($DatabaseUser, 'rt_user');
Set($DatabasePassword, 'rt'); Set($DatabaseName, 'rt5'); Set($LogToSyslog, undef); Set($LogToSTDERR, 'error');
Set($MailCommand, 'testfile'); Set($StatementLog, undef); Set($DevelMode, 0); Set($WebSecureCookies, 0);
1;
"""


@contextlib.contextmanager
def request_tracker(folder: Path, *, workers: int = 2) -> Iterator[tuple[int, int, dict[str, str]]]:
    """(port, pid, headers of a session) on a PostgreSQL of its own that flushes as in production.

    By session cookie, since RT asks bcrypt on every request that brings a password or a token.
    """
    setup, port = require_program("request-tracker5", "rt-setup-database-5"), free_port()
    folder.mkdir(parents=True)
    with owned_directory(ordinary_account()) as home, PostgreSQL(home, durable=True) as database:
        site = folder / "RT_SiteConfig.pm"
        site.write_text(CONFIGURATION.format(host=HOST, port=port, database=database.port))
        environment = {"RT_SITE_CONFIG": str(site), "RT_SITE_CONFIG_DIR": "/dev/null", "TMPDIR": str(folder)}
        made = [setup, "--action", "init", "--dba", "taxops", "--dba-password", "x"]
        subprocess.run(made, env={**os.environ, **environment}, check=True, capture_output=True, cwd=folder)
        command = [SERVER, "--server", "Starman", "--host", HOST, "--port", str(port), "--workers", str(workers)]
        command += ["--max-requests", "1000000"]
        with started(command, folder, f"http://{HOST}:{port}/NoAuth/Login.html", environment) as pid:
            yield port, pid, _session(port)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        return None


def _session(port: int) -> dict[str, str]:
    asked = urllib.request.Request(
        f"http://{HOST}:{port}/NoAuth/Login.html", b"user=root&pass=password", {"Referer": f"http://{HOST}:{port}/"}
    )
    try:
        answer = urllib.request.build_opener(_Stay()).open(asked)
    except urllib.error.HTTPError as error:  # the redirect after signing in
        answer = error
    with answer:
        cookie = str(answer.headers["Set-Cookie"]).split(";")[0]
    return {"Cookie": cookie, "Referer": f"http://{HOST}:{port}/", "Accept": "application/json"}
