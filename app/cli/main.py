"""The root of the command line. Every command has --help and fails with one clear line on stderr."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from typing import Any, NoReturn

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
    "directory": "app.cli.directory:directory",
    "audit": "app.cli.audit:audit",
    "doctor": "app.cli.doctor:doctor",
    "check": "collectors.cli:check",
    "demo": "app.demo.cli:demo",
    "search": "app.cli.search:search",
    "backup": "app.cli.backup:backup",
    "restore": "app.cli.backup:restore",
}


class Lazy(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(name for name, where in COMMANDS.items() if _exists(where.partition(":")[0]))

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        module, _colon, attribute = COMMANDS.get(name, "").partition(":")
        if not module or not _exists(module):
            return None
        gc.disable()  # what is loaded stays: looking through it for rubbish took a tenth of the start
        try:
            found: click.Command = getattr(importlib.import_module(module), attribute)
        finally:
            gc.enable()
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
        _fail(_usage(error), error.exit_code)
    except (SettingError, TaxopsError) as error:
        _fail(_line(error) if isinstance(error, TaxopsError) else str(error), 2)
    except BrokenPipeError:  # whoever read the output has read enough
        sys.exit(0)
    except Exception as error:
        reason = _outside(error)
        if reason is None:
            raise
        _fail(reason, 2)


def _fail(line: str, status: int) -> NoReturn:
    click.echo("taxops: " + " ".join(line.split()), err=True)
    sys.exit(status)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    return f"{error.format_message().rstrip('.')}{hint}"


def _outside(error: Exception) -> str | None:
    """What to tell of a fault that is not the program's own: the database, the disk, the network. None: it is."""
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
    if type(error).__module__.partition(".")[0] == "sqlalchemy" and getattr(error, "orig", None) is not None:
        said = str(error.orig).strip().splitlines()[0]  # type: ignore[attr-defined]
        missing = "no such table" in said or ("relation" in said and "does not exist" in said)
        return "the database is empty or of another version: run `taxops init`" if missing else f"database: {said}"
    return None


if __name__ == "__main__":
    main()
