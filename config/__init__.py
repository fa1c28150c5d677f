"""Settings: read once, frozen, from defaults < file < environment. The only room that reads the environment."""

from config.settings import Network, SettingError, Settings, load

__all__ = ["Network", "SettingError", "Settings", "load"]
