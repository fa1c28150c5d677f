"""Indices of the cluster: the alias readers ask, the one being built beside it, and who builds.

`PREFIX` is an alias of the generation in use, `PREFIX-building` of the one that a rebuild fills. Every change goes to
both. A rebuild only *creates* documents, so it never overwrites a change that came meanwhile, and a deletion leaves
its place taken until the end. The aliases are switched in one step.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import elasticsearch
from elasticsearch import Elasticsearch

from core import clock
from core.i18n import gettext as _
from kb.search.elasticsearch.mapping import template
from kb.search.engine import SearchEngineError
from kb.search.forms import VERSION

LOCK_EXPIRES_S = 120.0
"""A rebuild that wrote nothing for so long is dead, and another may begin."""
BUILDING_SETTINGS = {"refresh_interval": "30s", "translog": {"durability": "async"}}
READY_SETTINGS = {"refresh_interval": None, "translog": {"durability": None}}

_serial = itertools.count(1)


class Generations:
    """The indices of one installation, told from others in the same cluster by their prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.alias, self.building_alias, self.locks = prefix, f"{prefix}-building", f"{prefix}-state"
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{id(self)}"

    # -- which is in use

    def current(self, client: Elasticsearch) -> str | None:
        """The generation that readers ask; None if there is none of this version."""
        return next((n for n in self._behind(client, self.alias) if n.startswith(f"{self.prefix}-v{VERSION}-")), None)

    def targets(self, client: Elasticsearch) -> list[str]:
        """Where a change has to go: the current generation, made empty if there is none, and the one being built."""
        current = self.current(client) or self.begin_empty(client)
        return [current, *self._behind(client, self.building_alias)]

    def is_empty(self, name: str | None) -> bool:
        """Whether this generation still waits for its first rebuild."""
        return name is None or name.endswith("-empty")

    def begin_empty(self, client: Elasticsearch) -> str:
        """An empty generation in the place of none."""
        name = self._create(client, ending="-empty")
        self._switch(client, name)
        return name

    def _behind(self, client: Elasticsearch, alias: str) -> list[str]:
        try:
            return sorted(client.indices.get_alias(name=alias).body)
        except elasticsearch.NotFoundError:
            return []

    def _create(self, client: Elasticsearch, *, ending: str = "", **more: Any) -> str:
        self.put_template(client)
        stamp = f"{int(clock.now().timestamp() * 1000)}-{os.getpid()}-{next(_serial)}"
        name = f"{self.prefix}-v{VERSION}-{stamp}{ending}"
        client.indices.create(index=name, **more)
        return name

    def put_template(self, client: Elasticsearch) -> None:
        """Store the index template; it holds for generations made from now on."""
        client.indices.put_index_template(name=self.prefix, **template(f"{self.prefix}-v*"))

    def _switch(self, client: Elasticsearch, name: str) -> None:
        """Puts a generation into use in one step and throws the others away, but none that another process builds."""
        old = self._behind(client, self.alias)
        actions: list[dict[str, Any]] = [{"add": {"index": name, "alias": self.alias}}]
        gone = [(other, self.alias) for other in old if other != name] + [(name, self.building_alias)]
        actions += [{"remove": {"index": i, "alias": alias, "must_exist": False}} for i, alias in gone]
        client.indices.update_aliases(actions=actions)
        self.throw_away(client, keep={name, *self._behind(client, self.building_alias)})

    def throw_away(self, client: Elasticsearch, keep: set[str]) -> None:
        """Delete every generation but these."""
        known = set(client.indices.get(index=f"{self.prefix}-v*", filter_path="*.aliases").body)
        for name in known - keep:
            client.indices.delete(index=name, ignore_unavailable=True)

    # -- building

    @contextlib.contextmanager
    def rebuilding(self, client: Elasticsearch) -> Iterator[tuple[str, Callable[[], None]]]:
        """A new generation to fill, and a beat to give with each piece. Raises SearchEngineError if a rebuild runs."""
        self._lock(client)
        try:
            for left in self._behind(client, self.building_alias):  # by one who died
                client.indices.delete(index=left, ignore_unavailable=True)
            # With its alias from the first moment, so that nobody takes it for one that was left behind.
            name = self._create(client, settings=BUILDING_SETTINGS, aliases={self.building_alias: {}})
            try:
                yield name, lambda: self._beat(client)
            except BaseException:
                with contextlib.suppress(Exception):  # the reason is what matters; what is left the next rebuild clears
                    client.indices.delete(index=name, ignore_unavailable=True)
                raise
        finally:
            with contextlib.suppress(elasticsearch.ApiError, elasticsearch.TransportError):
                client.delete(index=self.locks, id="rebuild")

    def put_into_use(self, client: Elasticsearch, name: str) -> None:
        """The new generation answers from now on."""
        client.indices.put_settings(index=name, settings=READY_SETTINGS)
        client.indices.refresh(index=name)
        self._switch(client, name)

    def _lock(self, client: Elasticsearch) -> None:
        settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
        with contextlib.suppress(elasticsearch.BadRequestError):  # it is there already
            client.indices.create(index=self.locks, settings=settings)
        try:
            client.create(index=self.locks, id="rebuild", document=self._mark())
        except elasticsearch.ConflictError:
            held = client.get(index=self.locks, id="rebuild")
            if clock.now().timestamp() - float(held["_source"]["beat"]) < LOCK_EXPIRES_S:
                raise SearchEngineError(_("索引正在重建，请等它完成。")) from None
            client.index(
                index=self.locks, id="rebuild", document=self._mark(),
                if_seq_no=held["_seq_no"], if_primary_term=held["_primary_term"],
            )  # fmt: skip

    def _mark(self) -> dict[str, object]:
        return {"owner": self._owner, "beat": clock.now().timestamp()}

    def _beat(self, client: Elasticsearch) -> None:
        client.index(index=self.locks, id="rebuild", document=self._mark())
