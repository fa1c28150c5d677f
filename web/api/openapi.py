"""OpenAPI 3.1, generated from the declared operations: what is documented is what runs."""

from __future__ import annotations

import re
from typing import Any

import pydantic
from pydantic.json_schema import models_json_schema

from web.api.frame import PREFIX, Operation, operations
from web.api.schemas import Problem

_CONVERTER = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_REF = "#/components/schemas/{model}"


def document(*, title: str, version: str) -> dict[str, Any]:
    """The whole description, as a JSON-ready mapping."""
    models = _models()
    refs, schemas = models_json_schema([(m, mode) for m, mode in models], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in sorted(operations, key=lambda o: (o.path, o.method)):
        path = PREFIX + _CONVERTER.sub(lambda m: "{" + m[2] + "}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.get("$defs", {}),
            "responses": {
                "Problem": {
                    "description": "RFC 9457",
                    "content": {"application/problem+json": {"schema": refs[(Problem, "serialization")]}},
                }
            },
        },
    }


def _models() -> list[tuple[type[pydantic.BaseModel], Any]]:
    found: dict[tuple[type[pydantic.BaseModel], str], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            found[(operation.body, "validation")] = None
        if operation.answer is not None:
            found[(operation.answer, "serialization")] = None
    return list(found)


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", operation.path).strip("_")
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{name}",
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _path_parameters(operation) + _query_parameters(operation),
        "x-permissions": list(operation.needs),
        "responses": {str(operation.status): _success(operation, refs)}
        | {code: {"$ref": "#/components/responses/Problem"} for code in _errors(operation)},
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _body_schema(operation, refs)}},
        }
    if operation.method != "GET":
        described["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 120},
            }
        )
    return described


def _errors(operation: Operation) -> list[str]:
    common = ["400", "401", "403", "404", "422", "429"]
    return common if operation.method == "GET" else [*common, "409", "412", "413", "503"]


def _body_schema(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    one: dict[str, Any] = refs[(operation.body, "validation")]
    if not operation.many:
        return one
    many = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": one, "minItems": 1, "maxItems": 1000}},
        "required": ["items"],
        "additionalProperties": False,
    }
    return {"anyOf": [one, many]}


def _success(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": operation.summary}
    schema: dict[str, Any] = refs[(operation.answer, "serialization")]
    if operation.listing:
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {"items": {"type": "array", "items": schema}, "next": {"type": ["string", "null"]}},
        }
    elif operation.many:
        schema = {
            "anyOf": [
                schema,
                {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": schema}}},
            ]
        }
    return {"description": operation.summary, "content": {"application/json": {"schema": schema}}}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    types = {"int": {"type": "integer", "minimum": 1}}
    return [
        {"name": name, "in": "path", "required": True, "schema": types.get(converter, {"type": "string"})}
        for converter, name in _CONVERTER.findall(operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema(ref_template=_REF)
    required = set(schema.get("required", ()))
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inline(value, definitions)}
        for name, value in schema.get("properties", {}).items()
    ]


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Query schemas are written out in place; they are small and not shared."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {key: _inline(value, definitions) for key, value in schema.items()}
    return [_inline(v, definitions) for v in schema] if isinstance(schema, list) else schema
