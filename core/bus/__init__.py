"""Word between the processes of one installation."""

from core.bus.links import link
from core.bus.postgres import Bus

__all__ = ["Bus", "link"]
