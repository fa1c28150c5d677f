"""Declaring and running API operations.

    api = Api("units", __name__)

    @api.post("/units", needs="unit.write", body=UnitIn, answer=UnitOut, many=True)
    def create(body: UnitIn) -> Created:
        unit = service.create(db.session(), ..., now=clock.now())
        return Created(UnitOut.of(unit), f"/api/v1/units/{unit.code}")

The frame validates query and body, runs the function, commits, and answers. The function raises core.errors.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pydantic
from flask import Blueprint, Response, request

from core import clock
from core.errors import FieldError, Invalid, TaxopsError, TooLarge
from core.i18n import gettext as _
from web import access
from web.api import idempotency
from web.api.schemas import NoQuery
from web.db import db
from web.messages import as_invalid
from web.paging import Page

PREFIX = "/api/v1"
MOST_ITEMS = 1000
Handler = Callable[..., Any]


@dataclass(frozen=True)
class Created:
    """A 201: the whole object and where it lives."""

    value: Any
    location: str


@dataclass(frozen=True)
class Operation:
    """One declared operation, as OpenAPI and the tests see it."""

    method: str
    path: str
    needs: tuple[str, ...]
    summary: str
    query: type[pydantic.BaseModel]
    body: type[pydantic.BaseModel] | None
    answer: type[pydantic.BaseModel] | None
    listing: bool
    many: bool
    status: int
    tag: str
    in_bulk: Handler | None = None


operations: list[Operation] = []


class Api:
    """A room's operations under /api/v1."""

    def __init__(self, tag: str, import_name: str) -> None:
        self.tag = tag
        self.blueprint = Blueprint(f"api_{tag}", import_name, url_prefix=PREFIX)

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A read: needs=, query=, answer=, listing=True where it answers a Page."""
        return self._operation("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A write: needs=, body=, answer=, many=True where {"items": […]} is taken too; status=200 for verbs.

        `many` may be a function of `bodies` that does them all at once; what it raises of one names it by `item_of_many`.
        """
        options.setdefault("status", 201)
        return self._operation("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A change of the fields given."""
        return self._operation("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Retiring a thing; answers 204 where the function returns None."""
        return self._operation("DELETE", path, **options)

    def _operation(
        self,
        method: str,
        path: str,
        *,
        needs: str | tuple[str, ...],
        summary: str = "",
        query: type[pydantic.BaseModel] = NoQuery,
        body: type[pydantic.BaseModel] | None = None,
        answer: type[pydantic.BaseModel] | None = None,
        listing: bool = False,
        many: bool | Handler = False,
        status: int = 200,
    ) -> Callable[[Handler], Handler]:
        permissions = (needs,) if isinstance(needs, str) else needs

        def declare(function: Handler) -> Handler:
            text = summary or (function.__doc__ or function.__name__).strip().splitlines()[0]
            operation = Operation(
                method, path, permissions, text, query, body, answer, listing, bool(many),
                HTTPStatus.NO_CONTENT if status == HTTPStatus.OK and _answers_nothing(function) else status, self.tag,
                in_bulk=many if callable(many) else None,
            )  # fmt: skip
            if not any(o.method == method and o.path == path for o in operations):
                operations.append(operation)

            @functools.wraps(function)
            def view(**path_values: Any) -> Response:
                return _run(operation, function, path_values)

            marked = access.signed_in(view) if not permissions else access.needs(*permissions)(view)
            endpoint = f"{method.lower()}_{function.__name__}"
            self.blueprint.add_url_rule(path, endpoint=endpoint, view_func=marked, methods=[method])
            return function

        return declare


def _answers_nothing(function: Handler) -> bool:
    """By what it says of itself: a function that returns None is answered 204, and is described so."""
    return "return" in function.__annotations__ and function.__annotations__["return"] in {None, "None"}


def _run(operation: Operation, function: Handler, path_values: dict[str, Any]) -> Response:
    arguments: dict[str, Any] = dict(path_values)
    if operation.query is not NoQuery:
        arguments["query"] = _query(operation.query)
    else:
        _query(NoQuery)
    if operation.method == "GET":
        return _answer(function(**arguments), operation)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 120:  # noqa: PLR2004  the column's length
        raise Invalid.of("Idempotency-Key", _("须为 1 到 120 个字符。"))
    return _write(operation, function, arguments, key)


def _write(operation: Operation, function: Handler, arguments: dict[str, Any], key: str | None) -> Response:
    session = db.session()
    person_id = access.current().person_id
    if key:
        wanted = idempotency.request_hash(request.method, request.full_path, request.get_data())
        if first := idempotency.store().begin(session, person_id, key, wanted, clock.now()):
            session.rollback()
            return _json(first.text, first.status, first.location)
    response = _call(operation, function, arguments)
    if key:
        answer = idempotency.Answer(
            response.status_code, response.get_data(as_text=True), response.headers.get("Location")
        )
        idempotency.store().finish(session, person_id, key, answer)
    session.commit()
    return response


def _call(operation: Operation, function: Handler, arguments: dict[str, Any]) -> Response:
    if operation.body is None:
        return _answer(function(**arguments), operation)
    data = _json_body()
    if (
        operation.many
        and isinstance(data, dict)
        and set(data) == {"items"}
        and "items" not in operation.body.model_fields
    ):
        return _call_many(operation, function, arguments, data["items"])
    return _answer(function(**arguments, body=_validated(operation.body, data, "")), operation)


def _call_many(operation: Operation, function: Handler, arguments: dict[str, Any], items: Any) -> Response:
    if not isinstance(items, list) or not items:
        raise Invalid.of("items", _("须为列表，至少一项。"))
    if len(items) > MOST_ITEMS:
        raise TooLarge(_("一次最多 %(most)d 项，请分批提交。", most=MOST_ITEMS))
    if operation.body is None:
        raise TypeError("a bulk operation declares a body")
    bodies, errors = [], []
    for index, item in enumerate(items):
        try:
            bodies.append(_validated(operation.body, item, f"items[{index}]"))
        except Invalid as error:
            errors.extend(error.errors)
    if errors:
        raise Invalid(_("提交的内容有误，什么都没有保存。"), errors)
    if operation.in_bulk is not None:
        made = operation.in_bulk(**arguments, bodies=bodies)
    else:
        made = []
        for index, body in enumerate(bodies):
            with item_of_many(index):
                made.append(function(**arguments, body=body))
    values = [m.value if isinstance(m, Created) else m for m in made]
    return _json(_dumps({"items": [_plain(v) for v in values]}), operation.status, None)


@contextlib.contextmanager
def item_of_many(index: int) -> Iterator[None]:
    """What is raised inside is told as of this item of several: items[3].unit."""
    try:
        yield
    except TaxopsError as error:
        where = f"items[{index}]"
        found = getattr(error, "errors", None) or [FieldError("", error.message)]
        raise Invalid(
            error.message, [FieldError(f"{where}.{e.field}".rstrip("."), e.message) for e in found]
        ) from error


def _query(model: type[pydantic.BaseModel]) -> pydantic.BaseModel:
    given: dict[str, Any] = {}
    for name in request.args:
        values = request.args.getlist(name)
        field = model.model_fields.get(name)
        is_list = field is not None and "list[" in str(field.annotation)
        given[name] = values if is_list else values[-1]
    found: pydantic.BaseModel = _validated(model, given, "")
    return found


def _json_body() -> Any:
    raw = request.get_data()
    if not raw:
        return {}
    if request.mimetype not in {"application/json", "application/merge-patch+json"}:
        raise Invalid.of("Content-Type", _("请以 application/json 提交。"))
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid.of("", _("不是正确的 JSON：%(error)s", error=error)) from error


def _validated(model: type[pydantic.BaseModel], data: Any, prefix: str) -> Any:
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        raise as_invalid(error, prefix) from error


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Page):
        return {"items": [_plain(v) for v in value.items], "next": value.next}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _answer(value: Any, operation: Operation) -> Response:
    if isinstance(value, Response):
        return value
    if value is None:
        return Response(status=204)
    if isinstance(value, Created):
        return _json(_dumps(_plain(value.value)), 201, value.location)
    return _json(_dumps(_plain(value)), operation.status, None)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _json(text: str, status: int, location: str | None) -> Response:
    response = Response(text, status, mimetype="application/json")
    if location:
        response.headers["Location"] = location
    return response
