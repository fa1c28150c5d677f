"""Page shell, components, static bundle and the frames of pages and API. No domain."""

from pathlib import Path

ROOT = Path(__file__).parent
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"
