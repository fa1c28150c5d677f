"""Keep what a database of this release looks like, with data, for the tests of upgrading from it.

Usage, once for each release, from its commit: .venv/bin/python tools/record_release.py 0.1.0
Writes tests/db/releases/VERSION-{sqlite,postgresql}.sql.xz. Needs PostgreSQL's programs (make servers).
"""

import lzma
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers.base import owned_directory  # noqa: E402
from tests.servers.postgresql import PostgreSQL, ordinary_account  # noqa: E402
from tests.servers.taxops import TaxopsServer  # noqa: E402

FOLDER = ROOT / "tests" / "db" / "releases"
TICKETS = "60"


def main() -> None:
    if len(sys.argv) != 2:  # noqa: PLR2004  the program and the version
        sys.exit(__doc__)
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as made,
        owned_directory(ordinary_account()) as data,
        PostgreSQL(data) as cluster,
    ):
        embedded = TaxopsServer(Path(made) / "sqlite")
        embedded.run("demo", "load", "--scale", "small", "--tickets", TICKETS, seconds=600)
        with sqlite3.connect(embedded.state / "taxops.db") as database:
            _keep("sqlite", "\n".join(database.iterdump()))
        url = cluster.create_database()
        TaxopsServer(Path(made) / "postgresql", database_url=url).run(
            "demo", "load", "--scale", "small", "--tickets", TICKETS, seconds=600
        )
        plain = url.replace("+psycopg", "")
        command = [
            "pg_dump",
            "--no-owner",
            "--no-privileges",
            "--inserts",
            "--rows-per-insert=500",
            f"--dbname={plain}",
        ]
        _keep("postgresql", subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603  our own words


def _keep(kind: str, text: str) -> None:
    path = FOLDER / f"{sys.argv[1]}-{kind}.sql.xz"
    path.write_bytes(lzma.compress(text.encode(), preset=9))
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size >> 10} KiB\n")


if __name__ == "__main__":
    main()
