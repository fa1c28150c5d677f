"""Writing many documents: in pieces that shrink when the cluster says “too many requests”, and wait until it has room."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import elasticsearch
import structlog
from elasticsearch import Elasticsearch

Action = tuple[dict[str, Any], dict[str, Any] | None]
"""What to do (`index`, `create` or `delete` with its place), and the document."""

log = structlog.get_logger(__name__)
MOST, LEAST = 500, 1
MOST_BYTES = 4_000_000
PATIENCE_S = 120.0
"""So long one piece is tried against a cluster that has no room; then whoever writes is told."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 10.0
TOO_MANY, TOO_LARGE, REFUSED = 429, 413, 400
WANTED = {("create", 409), ("delete", 404)}
"""A newer document is there already, or nothing is there to delete: as it should be."""


class Bulk:
    """Sends actions in order. The source is read no faster than the cluster takes what it gives."""

    def __init__(self, client: Elasticsearch, *, sleep: Callable[[float], None] = time.sleep) -> None:
        # The client's own retries would send the same piece again at once: the one thing that does not help.
        self._client, self._sleep = client.options(max_retries=0, retry_on_status=()), sleep
        self.piece = MOST
        """Actions sent at once; halved by a refusal, slowly grown again by success."""
        self.waited = 0.0
        self.refused: list[str] = []
        """Documents that the cluster will not take as they are; logged, and left out."""

    def run(self, actions: Iterable[Action], *, refresh: bool = False, beat: Callable[[], None] | None = None) -> None:
        """Send everything. Raises ApiError or TransportError where the cluster refuses for good or is away."""
        for piece in self._pieces(actions):
            self._send(piece, refresh=refresh)
            if beat:
                beat()

    def _pieces(self, actions: Iterable[Action]) -> Iterator[list[Action]]:
        piece: list[Action] = []
        size = 0
        for action in actions:
            weight = len(json.dumps(action[1], ensure_ascii=False)) * 2 if action[1] else 100
            if piece and (len(piece) >= self.piece or size + weight > MOST_BYTES):
                yield piece
                piece, size = [], 0
            piece.append(action)
            size += weight
        if piece:
            yield piece

    def _send(self, piece: list[Action], *, refresh: bool) -> None:
        waiting, wait, deadline = piece, FIRST_WAIT_S, time.monotonic() + PATIENCE_S
        while waiting:
            now, later = waiting[: self.piece], waiting[self.piece :]
            try:
                again = self._once(now, refresh=refresh)
            except elasticsearch.ApiError as error:
                if (
                    error.meta.status not in {TOO_MANY, TOO_LARGE}
                    or time.monotonic() > deadline
                    or self._smallest(error, now)
                ):
                    raise
                again = now
            waiting = again + later
            if again:
                self.piece = max(LEAST, self.piece // 2)
                if time.monotonic() > deadline:
                    raise _still_busy(len(waiting))
                self._pause(wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            else:
                wait = FIRST_WAIT_S
                self.piece = min(MOST, self.piece + max(1, self.piece // 10))

    @staticmethod
    def _smallest(error: elasticsearch.ApiError, piece: list[Action]) -> bool:
        return error.meta.status == TOO_LARGE and len(piece) == 1

    def _pause(self, wait: float) -> None:
        pause = wait * random.uniform(0.5, 1.0)  # several writers must not come back at the same moment
        self.waited += pause
        self._sleep(pause)

    def _once(self, piece: list[Action], *, refresh: bool) -> list[Action]:
        """Returns those that were turned away for want of room."""
        lines = [part for action, doc in piece for part in (action, doc) if part is not None]
        answer = self._client.bulk(operations=lines, refresh=refresh or None)
        if not answer["errors"]:
            return []
        again = []
        for action, item in zip(piece, answer["items"], strict=True):
            ((verb, told),) = item.items()
            status = int(told["status"])
            if status == TOO_MANY:
                again.append(action)
            elif "error" in told and told["error"]["type"] == "index_not_found_exception":
                raise elasticsearch.NotFoundError(told["error"]["type"], answer.meta, told)
            elif status >= REFUSED and (verb, status) not in WANTED:
                self.refused.append(str(told["_id"]))
                log.error("index.document-refused", document=told["_id"], why=told["error"].get("reason"))
        return again


def _still_busy(left: int) -> elasticsearch.TransportError:
    return elasticsearch.ConnectionTimeout(f"{left} documents still turned away after {PATIENCE_S:.0f} s")
