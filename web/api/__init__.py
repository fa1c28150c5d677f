"""The JSON API's frame: one decorator declares an operation; validation, idempotency, problems and OpenAPI follow from it."""

from web.api.frame import Api, Created, item_of_many, operations
from web.api.schemas import ApiModel, ListQuery, NoQuery, Reason

__all__ = ["Api", "ApiModel", "Created", "ListQuery", "NoQuery", "Reason", "item_of_many", "operations"]
