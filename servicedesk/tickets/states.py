"""States and actions of tickets as tables.

The page's buttons, the API's checks and the tests read the same tables. The incident's is complete; the other kinds
have their states (imported history needs them) and can only be taken back: until their process is built, what is
recorded of them runs down no clock, tells and pages nobody, and says so (see `has_process`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.i18n import LazyText, lazy
from core.transitions import Machine


class Kind(StrEnum):
    """What sort of process a ticket runs through."""

    INCIDENT = "incident"
    REQUEST = "request"
    PROBLEM = "problem"
    CHANGE = "change"


class State(StrEnum):
    """Every state of every kind; which kind knows which stands in STATES_OF."""

    NEW = "new"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    APPROVING = "approving"
    REJECTED = "rejected"
    INVESTIGATING = "investigating"
    KNOWN_ERROR = "known-error"
    DRAFT = "draft"
    ASSESSING = "assessing"
    SCHEDULED = "scheduled"
    IMPLEMENTING = "implementing"
    REVIEW = "review"


class Action(StrEnum):
    """What somebody may do to a ticket."""

    ACCEPT = "accept"
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    HAND_UP = "hand-up"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"
    RECOVER = "recover"
    RELAPSE = "relapse"


S, A = State, Action
SYSTEM_ACTIONS = frozenset({A.RECOVER, A.RELAPSE})  # done by monitoring, never offered to a person

INCIDENT: Machine[State, Action] = Machine(
    "incident",
    {
        (S.NEW, A.ACCEPT): S.ACTIVE,
        (S.NEW, A.ASSIGN): S.NEW,
        (S.NEW, A.ACKNOWLEDGE): S.NEW,
        (S.NEW, A.CANCEL): S.CANCELLED,
        (S.NEW, A.RECOVER): S.RESOLVED,  # it recovered before anybody accepted it
        (S.ACTIVE, A.RESOLVE): S.RESOLVED,
        (S.ACTIVE, A.HAND_UP): S.ACTIVE,  # custody moves only when the receiver accepts
        (S.ACTIVE, A.SUSPEND): S.SUSPENDED,  # the clocks stop here
        (S.ACTIVE, A.ASSIGN): S.ACTIVE,
        (S.ACTIVE, A.ACKNOWLEDGE): S.ACTIVE,
        (S.ACTIVE, A.CANCEL): S.CANCELLED,
        (S.SUSPENDED, A.RESUME): S.ACTIVE,
        (S.SUSPENDED, A.ASSIGN): S.SUSPENDED,
        (S.SUSPENDED, A.ACKNOWLEDGE): S.SUSPENDED,
        (S.SUSPENDED, A.CANCEL): S.CANCELLED,
        (S.RESOLVED, A.CONFIRM): S.CLOSED,  # nothing leaves CLOSED
        (S.RESOLVED, A.REOPEN): S.ACTIVE,
        (S.RESOLVED, A.CLOSE): S.CLOSED,
        (S.RESOLVED, A.RELAPSE): S.NEW,  # failed again, and nobody had ever accepted it
    },
    by_events=SYSTEM_ACTIONS,
)

MACHINES: Mapping[Kind, Machine[State, Action]] = {
    Kind.INCIDENT: INCIDENT,
    Kind.REQUEST: Machine("request", {(S.NEW, A.CANCEL): S.CANCELLED}),
    Kind.PROBLEM: Machine("problem", {(S.NEW, A.CANCEL): S.CANCELLED}),
    Kind.CHANGE: Machine("change", {(S.DRAFT, A.CANCEL): S.CANCELLED}),
}

STATES_OF: Mapping[Kind, tuple[State, ...]] = {
    Kind.INCIDENT: (S.NEW, S.ACTIVE, S.SUSPENDED, S.RESOLVED, S.CLOSED, S.CANCELLED),
    Kind.REQUEST: (S.NEW, S.APPROVING, S.ACTIVE, S.SUSPENDED, S.RESOLVED, S.CLOSED, S.REJECTED, S.CANCELLED),
    Kind.PROBLEM: (S.NEW, S.INVESTIGATING, S.KNOWN_ERROR, S.RESOLVED, S.CLOSED, S.CANCELLED),
    Kind.CHANGE: (
        S.DRAFT,
        S.ASSESSING,
        S.APPROVING,
        S.SCHEDULED,
        S.IMPLEMENTING,
        S.REVIEW,
        S.CLOSED,
        S.REJECTED,
        S.CANCELLED,
    ),
}

INITIAL: Mapping[Kind, State] = {
    Kind.INCIDENT: S.NEW,
    Kind.REQUEST: S.NEW,
    Kind.PROBLEM: S.NEW,
    Kind.CHANGE: S.DRAFT,
}

ENDED = frozenset({S.CLOSED, S.CANCELLED, S.REJECTED})  # custody and clocks are over
FINISHED = ENDED | {S.RESOLVED}  # nobody works on it

STATE_LABELS: Mapping[State, LazyText] = {
    S.NEW: lazy("待受理"),
    S.ACTIVE: lazy("处理中"),
    S.SUSPENDED: lazy("已挂起"),
    S.RESOLVED: lazy("已解决"),
    S.CLOSED: lazy("已关闭"),
    S.CANCELLED: lazy("已取消"),
    S.APPROVING: lazy("审批中"),
    S.REJECTED: lazy("已驳回"),
    S.INVESTIGATING: lazy("分析中"),
    S.KNOWN_ERROR: lazy("已知错误"),
    S.DRAFT: lazy("草稿"),
    S.ASSESSING: lazy("评估中"),
    S.SCHEDULED: lazy("已排期"),
    S.IMPLEMENTING: lazy("实施中"),
    S.REVIEW: lazy("复核中"),
}

ACTION_LABELS: Mapping[Action, LazyText] = {
    A.ACCEPT: lazy("受理"),
    A.ACKNOWLEDGE: lazy("我知道了"),
    A.ASSIGN: lazy("指派"),
    A.HAND_UP: lazy("上报"),
    A.SUSPEND: lazy("挂起"),
    A.RESUME: lazy("恢复处理"),
    A.RESOLVE: lazy("解决"),
    A.CONFIRM: lazy("确认解决"),
    A.REOPEN: lazy("重新打开"),
    A.CLOSE: lazy("关闭"),
    A.CANCEL: lazy("取消"),
    A.RECOVER: lazy("自行恢复"),
    A.RELAPSE: lazy("再次发生"),
}

KIND_LABELS: Mapping[Kind, LazyText] = {
    Kind.INCIDENT: lazy("事件"),
    Kind.REQUEST: lazy("服务请求"),
    Kind.PROBLEM: lazy("问题"),
    Kind.CHANGE: lazy("变更"),
}


def machine_of(kind: Kind) -> Machine[State, Action]:
    """The table that a ticket of `kind` follows."""
    return MACHINES[kind]


def has_process(kind: Kind) -> bool:
    """Whether somebody can take up and finish a ticket of this kind; promises and calls are made for those only."""
    return any(action is A.ACCEPT for _state, action in MACHINES[kind].table)


def offered(kind: Kind, state: State) -> list[Action]:
    """The actions a person can be offered in `state`, likeliest first."""
    return machine_of(kind).offered(state)
