"""Who may see what: one viewer object and one predicate, used by every read (T-05)."""

from accounts.scope.load import forget_viewers, system_viewer, viewer_for, weigh
from accounts.scope.predicate import (
    PrincipalKind,
    PrincipalRow,
    admitted_at_least,
    admitted_one,
    by_principals,
    covers,
    in_scope,
    subtree,
)
from accounts.scope.viewer import Viewer

__all__ = [
    "PrincipalKind",
    "PrincipalRow",
    "Viewer",
    "admitted_at_least",
    "admitted_one",
    "by_principals",
    "covers",
    "forget_viewers",
    "in_scope",
    "subtree",
    "system_viewer",
    "viewer_for",
    "weigh",
]
