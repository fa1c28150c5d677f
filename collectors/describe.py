"""A probe's parameters as data: for forms, for the API's description and for `taxops check --help`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from collectors.base import About, Probe
from core.i18n import LazyText, lazy

Kind = Literal["text", "integer", "number", "yes-no", "choice", "range"]


@dataclass(frozen=True)
class ParamInfo:
    """One parameter. `default` is None when it must be given; a secret's value is never shown."""

    name: str
    text: LazyText
    unit: str
    kind: Kind
    default: Any
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    secret: bool


def parameters(probe: type[Probe[Any]]) -> list[ParamInfo]:
    """Every parameter of the probe, in the order they were declared."""
    return [_info(name, field) for name, field in probe.params.model_fields.items()]


def _info(name: str, field: FieldInfo) -> ParamInfo:
    about = next((m for m in field.metadata if isinstance(m, About)), About(lazy("（没有说明）")))
    choices = tuple(map(str, get_args(field.annotation))) if get_origin(field.annotation) is Literal else ()
    return ParamInfo(
        name=name,
        text=about.text,
        unit=about.unit,
        kind=_kind(name, field, choices),
        default=None if field.default is PydanticUndefined else field.default,
        choices=choices,
        minimum=next((m.ge for m in field.metadata if hasattr(m, "ge")), None),
        maximum=next((m.le for m in field.metadata if hasattr(m, "le")), None),
        secret=about.secret,
    )


def _kind(name: str, field: FieldInfo, choices: tuple[str, ...]) -> Kind:
    if choices:
        return "choice"
    if name.endswith(("_warning", "_critical")):
        return "range"
    plain: dict[Any, Kind] = {bool: "yes-no", int: "integer", float: "number"}
    return plain.get(field.annotation, "text")
