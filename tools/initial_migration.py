"""Write migrations/versions/0001_initial.py anew from the models.

Only until the first release: after that the history is frozen and changes get revisions of their own
(`python tools/new_revision.py "message"`).
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa  # noqa: E402
from alembic import command  # noqa: E402

from app import migrate, rooms  # noqa: E402

TARGET = ROOT / "migrations" / "versions" / "0001_initial.py"


def main() -> None:
    rooms.import_models()
    TARGET.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/empty.db")
        with engine.connect() as connection:
            config = migrate.alembic_config(connection)
            command.revision(config, message="initial", autogenerate=True, rev_id="0001")
    text = TARGET.read_text(encoding="utf-8")
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
