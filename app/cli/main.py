"""The root of the command line. Every command has --help and fails with one clear line on stderr."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

import click

from config import SettingError
from core.errors import FieldError, TaxopsError

# command → where it lives; loaded only when asked for, so that `taxops check` starts without the database's libraries
COMMANDS: dict[str, str] = {
    "run": "app.cli.serve:run",
    "init": "app.cli.database:init",
    "admin": "app.cli.people:admin",
    "token": "app.cli.people:token",
    "events": "app.cli.events:events",
    "doctor": "app.cli.doctor:doctor",
    "check": "collectors.cli:check",
    "demo": "app.demo.cli:demo",
    "search": "app.cli.search:search",
}


class Lazy(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(name for name, where in COMMANDS.items() if _exists(where.partition(":")[0]))

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        module, _colon, attribute = COMMANDS.get(name, "").partition(":")
        if not module or not _exists(module):
            return None
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taxops")
def cli() -> None:
    """taxops: the service desk and monitoring system of a provincial tax bureau."""


def _line(error: TaxopsError) -> str:
    errors: list[FieldError] = getattr(error, "errors", [])
    return f"{error.message} " + "; ".join(f"{e.field}: {e.message}" for e in errors) if errors else error.message


def main(*arguments: Any) -> None:
    """Entry point of the console script."""
    try:
        cli.main(args=list(arguments) or None, standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (SettingError, TaxopsError) as error:
        click.echo(f"taxops: {_line(error) if isinstance(error, TaxopsError) else error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
