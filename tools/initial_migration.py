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

#: What autogenerate does not know: tables the database itself keeps from being changed, with the column of their age.
APPEND_ONLY = {"audit": "received_at"}
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
    TARGET.write_text(guarded(text), encoding="utf-8")


def guarded(text: str) -> str:
    """The revision with its append-only tables guarded at the end of the way up, and freed first on the way down."""
    install = "".join(f'    append_only.install("{table}", "{age}")\n' for table, age in APPEND_ONLY.items())
    remove = "".join(f'    append_only.remove("{table}")\n' for table in APPEND_ONLY)
    up, down = text.split("def downgrade() -> None:\n")
    up = up.rstrip() + f"\n{install}\n\n"
    head, rule, body = up.partition("\nrevision = ")
    return (
        f"{head.rstrip()}\n\nfrom migrations import append_only\n{rule}{body}def downgrade() -> None:\n{remove}{down}"
    )


if __name__ == "__main__":
    main()
