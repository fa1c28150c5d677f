"""Write the next revision of the migration history from what the models have and the history has not.

Usage: python tools/new_revision.py "what changes". Read the result before it is committed: data that has to move, and
what autogenerate can't see (triggers, changed types), is written by hand; then try it up and down (tests/db).
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa  # noqa: E402
from alembic import command  # noqa: E402

from app import migrate  # noqa: E402


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1].strip():  # noqa: PLR2004  the program and the words
        sys.exit('usage: python tools/new_revision.py "what changes"')
    words = sys.argv[1].strip()
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/history.db")
        migrate.upgrade(engine)
        number = f"{int(migrate.head()) + 1:04}"
        with engine.connect() as connection:
            command.revision(migrate.alembic_config(connection), message=words, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main()
