"""Settings: read once, frozen, from defaults < file < environment. The only room that reads the environment."""

from config.settings import SettingError, Settings, load

__all__ = ["SettingError", "Settings", "load"]
