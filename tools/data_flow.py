"""Bring the listener map in docs/data-flow.md up to date, or with --check say whether it is."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "data-flow.md"
BEGIN, END = "<!-- map:begin -->", "<!-- map:end -->"


def wanted() -> str:
    """The page with today's map in it."""
    from app.cli.events import listeners

    rows = [f"| `{event}` | {', '.join(f'`{name}`' for name in names)} |" for event, names in listeners().items()]
    table = "\n".join(["| event | listeners |", "| --- | --- |", *rows])
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"


def main() -> int:
    text = wanted()
    if "--check" in sys.argv:
        return 0 if text == PAGE.read_text(encoding="utf-8") else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
