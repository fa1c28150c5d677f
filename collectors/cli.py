"""`taxops check`: one probe, once, by hand, with the output and exit codes of the Nagios plugins."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import structlog

from collectors import nagios
from collectors.base import DEFAULT_TIMEOUT_S, EXIT_CODES, CheckResult, Probe, State
from collectors.describe import ParamInfo, parameters
from collectors.registry import PROBES, probe_class
from collectors.run import parse_params
from core.errors import Invalid
from core.i18n import gettext as _

UNKNOWN_EXIT = EXIT_CODES[State.UNKNOWN]


class CheckUsageError(click.ClickException):
    """Wrongly called: one line on stderr, exit code 3, for 1 and 2 would speak of the target."""

    exit_code = UNKNOWN_EXIT

    def show(self, file: IO[str] | None = None) -> None:
        """Print the line."""
        click.echo(f"taxops check: {self.format_message()}", file=file or sys.stderr)


class CheckCommand(click.Command):
    """A command whose help lists every probe, and whose usage errors exit with 3."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """As usual, with usage errors turned into CheckUsageError."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise CheckUsageError(f"{error.format_message()} (taxops check --help)") from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Types and parameters, from the probes' own declarations."""
        for name, probe in sorted(PROBES.items()):
            with formatter.section(f"{name} · {probe.label}"):
                formatter.write_text(f"TARGET: {probe.target_help}   {_('例如')} {probe.example}")
                formatter.write_dl([(f"{p.name}={_default(p)}", _explain(p)) for p in parameters(probe)])
        super().format_epilog(ctx, formatter)


@click.command("check", cls=CheckCommand)
@click.argument("type_name", metavar="TYPE", required=False)
@click.argument("target", metavar="TARGET", required=False)
@click.option(
    "--param", "given", metavar="NAME=VALUE", multiple=True, help="参数，可重复。A parameter; may be repeated."
)
@click.option(
    "--params-file",
    type=click.Path(exists=True, dir_okay=False),
    help="参数的 JSON 文件，密码放这里就不会出现在进程列表里。Parameters as a JSON object.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=DEFAULT_TIMEOUT_S,
    show_default=True,
    help="时限（秒）。Seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。Print JSON.")
@click.option("--list", "list_types", is_flag=True, help="列出检查类型。List the types.")
def check(
    type_name: str | None,
    target: str | None,
    given: tuple[str, ...],
    params_file: str | None,
    timeout: float,
    as_json: bool,
    list_types: bool,
) -> None:
    """运行一次检查。Run one check once: exit 0 OK, 1 warning, 2 critical, 3 unknown."""
    if not structlog.is_configured():  # stdout is the plugin's answer
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if list_types:
        _print_types(as_json)
        return
    if type_name is None or target is None:
        _refuse(_("缺少 TYPE 或 TARGET；taxops check --list 列出检查类型"))
    try:
        probe = probe_class(type_name)()
        params = {**_from_file(params_file), **dict(_pair(text) for text in given)}
        parsed = parse_params(probe, params)
    except Invalid as error:
        _refuse(error.message)
    result = asyncio.run(probe.run(target, parsed, deadline=time.monotonic() + timeout))
    if as_json:
        click.echo(json.dumps(as_data(type_name, target, result), ensure_ascii=False, indent=2))
    else:
        click.echo(nagios.line(type_name, result))
    sys.exit(EXIT_CODES[result.state])  # also where the root command catches click's own exit


def as_data(type_name: str, target: str, result: CheckResult) -> dict[str, Any]:
    """The result as plain JSON."""
    return {
        "type": type_name,
        "target": target,
        "state": result.state.value,
        "output": result.output,
        "at": result.at.isoformat(),
        "duration_s": round(result.duration_s, 6),
        "samples": [
            {"metric": s.metric, "value": s.value, "unit": s.unit, "labels": dict(s.labels)} for s in result.samples
        ],
        "evidence": dict(result.evidence),
    }


def _refuse(message: str) -> NoReturn:
    raise CheckUsageError(message)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        _refuse(_("参数 %(given)r 写法有误；写成 --param 名称=值", given=name))
    return name, value


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        data = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        _refuse(_("参数文件 %(path)s 读不了：%(why)s", path=path, why=error))
    if not isinstance(data, dict):
        _refuse(_("参数文件 %(path)s 里应是一个 JSON 对象", path=path))
    return data


def _print_types(as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps([_type_data(probe) for _name, probe in sorted(PROBES.items())], ensure_ascii=False, indent=2)
        )
        return
    for name, probe in sorted(PROBES.items()):
        click.echo(f"{name:<12}{probe.label}\t{probe.target_help}")


def _type_data(probe: type[Probe[Any]]) -> dict[str, Any]:
    return {
        "type": probe.type,
        "label": str(probe.label),
        "target": str(probe.target_help),
        "example": probe.example,
        "params": [
            {
                "name": p.name,
                "text": str(p.text),
                "unit": p.unit,
                "kind": p.kind,
                "default": None if p.secret else p.default,
                "choices": list(p.choices),
                "secret": p.secret,
            }
            for p in parameters(probe)
        ],
    }


def _default(param: ParamInfo) -> str:
    if param.secret:
        return "***"
    if isinstance(param.default, bool):
        return "true" if param.default else "false"
    return str(param.default)


def _explain(param: ParamInfo) -> str:
    limits = [" / ".join(param.choices)] if param.choices else []
    if param.minimum is not None or param.maximum is not None:
        limits.append(f"{param.minimum:g}–{param.maximum:g}")
    unit = f" [{param.unit}]" if param.unit else ""
    return f"{param.text}{unit}" + (f"（{'；'.join(limits)}）" if limits else "")
