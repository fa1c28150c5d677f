"""Forms over the same pydantic schemas as the API: one truth about what is valid.

In a view: `form = Form(TicketIn, request.form)`; `values = form.validate()` is None when something is wrong, and the
template shows `form.value(name)` and `form.error(name)` beside each field, with nothing typed lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import pydantic
from werkzeug.datastructures import MultiDict

from core.errors import FieldError, Invalid
from web.messages import as_invalid

M = TypeVar("M", bound=pydantic.BaseModel)


class Form(Generic[M]):
    """What somebody typed, what is wrong with it, and the schema it should fit.

    `given`: the request's form, or a mapping/model with starting values. Empty text counts as not given, unless the
    field's default is text. Fields that hold lists are read with getlist.
    """

    def __init__(self, schema: type[M], given: Mapping[str, Any] | pydantic.BaseModel | None = None) -> None:
        self.schema = schema
        if isinstance(given, pydantic.BaseModel):
            given = given.model_dump()
        self._given: Mapping[str, Any] = given if given is not None else {}
        self.errors: list[FieldError] = []

    def value(self, name: str) -> Any:
        """What to show in the field: what was typed, else the schema's default, else empty."""
        if name in self._given:
            return self.values(name) if self._is_list(name) else self._given[name]
        field = self.schema.model_fields.get(name)
        default = field.get_default(call_default_factory=True) if field and not field.is_required() else None
        return "" if default is None else default

    def values(self, name: str) -> list[Any]:
        """All values of a field that may come several times."""
        if isinstance(self._given, MultiDict):
            return [v for v in self._given.getlist(name) if v != ""]
        given = self._given.get(name) or []
        return list(given) if isinstance(given, list | tuple | set) else [given]

    def error(self, name: str) -> str | None:
        """What is wrong with this field, or None."""
        texts = [e.message for e in self.errors if e.field == name or e.field.startswith((f"{name}.", f"{name}["))]
        return " ".join(texts) or None

    def required(self, name: str) -> bool:
        """Whether the schema insists on this field."""
        field = self.schema.model_fields.get(name)
        return bool(field and field.is_required())

    def validate(self) -> M | None:
        """The schema's object, or None with `errors` filled."""
        try:
            return self.schema.model_validate(self._plain())
        except pydantic.ValidationError as error:
            self.errors = as_invalid(error).errors
            return None

    def refuse(self, error: Invalid) -> None:
        """Show what a verb found wrong."""
        self.errors = [*self.errors, *(error.errors or [FieldError("", error.message)])]

    def _is_list(self, name: str) -> bool:
        field = self.schema.model_fields.get(name)
        return field is not None and str(field.annotation).startswith(("list", "typing.List", "set", "frozenset"))

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name in self.schema.model_fields:
            if self._is_list(name):
                plain[name] = self.values(name)
            elif name in self._given and self._given[name] not in ("", None):
                value = self._given[name]
                plain[name] = value.strip() if isinstance(value, str) else value
        return plain
