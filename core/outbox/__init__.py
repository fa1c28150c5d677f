"""Side effects leave through the outbox: one row per (event, listener), in the transaction that caused it (R-01)."""

from core.outbox.models import OutboxRow
from core.outbox.record import record, record_many, registry, subscribe
from core.outbox.relay import Relay

__all__ = ["OutboxRow", "Relay", "record", "record_many", "registry", "subscribe"]
