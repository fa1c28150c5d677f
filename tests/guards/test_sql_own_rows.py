"""A reader's own lists cost the same with 2 rows as with 20: what the demo's few matters for each person don't show."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
import sqlalchemy as sa

from accounts.models import Team
from accounts.scope import forget_viewers
from cmdb import service as cmdb
from core import clock
from escalation.handoff import service as handoffs
from servicedesk.tickets import service as tickets
from servicedesk.tickets.opening import Report, open_ticket

UNITS = ("610122", "610326", "6101", "610124", "6103", "61", "610122-01")
REPORTERS = ("lt-clerk-2", "mx-clerk", "zz-clerk", "ty-clerk", None)
SEARCH = {"query": "开票 报错", "none_fits_because": "没有同样报错的文章"}
SHEET = {"system": "发票管理", "function": "代开", "error": "ORA-12541", "tried": "重启过", "subject": "无"}
FEW, MANY = 2, 20


def opened(world, session, n, **more):
    unit = UNITS[n % len(UNITS)]
    report = Report(title=f"报错 {n}", category="application", unit_id=world.units[unit], service_id=n + 1, **more)
    return open_ticket(session, report, by=None, now=clock.now() - dt.timedelta(minutes=n))


def mine(world, session, n):
    """The clerk's own matters, each with the team of another unit."""
    opened(world, session, n, reporter_id=world.people["lt-clerk"])


def in_the_province(world, session, n):
    reporter = REPORTERS[n % len(REPORTERS)]
    person = world.people[reporter] if reporter else None
    ticket = opened(world, session, n, reporter_id=person, team_id=world.teams["P-APP"])
    tickets.accept(session, world.viewer("p-engineer"), ticket, now=clock.now())
    return ticket


def worked(world, session, n):
    """Something in every part of the engineer's home."""
    opened(world, session, n, reporter_id=None, team_id=world.teams["P-APP"])
    engineer = world.viewer("p-engineer")
    in_the_province(world, session, n)
    waits = in_the_province(world, session, n)
    tickets.suspend(session, engineer, waits, reason="等照片", now=clock.now())
    over = in_the_province(world, session, n)
    tickets.resolve(session, engineer, over, solution="好了", now=clock.now())
    tickets.back_to_work(session, over, reason="还没好", by=None, now=clock.now())
    back = offered(world, session, n)
    now = clock.now()
    handoffs.give_back(session, world.viewer("v1-head"), back, reason="看不懂", missing="截图", now=now)


def offered(world, session, n):
    """Handed to the vendor and not taken over yet."""
    ticket, to = in_the_province(world, session, n), session.get(Team, world.teams["T-V1"])
    return handoffs.send(
        session, world.viewer("p-engineer"), ticket, to=to, reason="要补丁", sheet=SHEET, search=SEARCH, route="api",
        now=clock.now(),
    )  # fmt: skip


def at_the_vendor(world, session, n):
    """One offered, one in hand, one of earlier."""
    offered(world, session, n)
    vendor, now = world.viewer("v1-engineer"), clock.now()
    handoffs.accept(session, vendor, offered(world, session, n), clarity=5, comment=None, now=now)
    back = handoffs.accept(session, vendor, offered(world, session, n), clarity=5, comment=None, now=now)
    handoffs.give_back(session, vendor, back, reason="不是我们的", missing="日志", now=now)


def kinds_of_item(world, session, n):
    """A kind and the kind above it."""
    for code, parent in ((f"z-above-{n}", None), (f"a-below-{n}", f"z-above-{n}")):
        cmdb.save_type(session, code=code, label=code, parent_code=parent, attributes={}, reach=None, new=True)


PAGES = (
    ("/desk/mine", "lt-clerk", mine),
    ("/desk/work", "p-engineer", worked),
    ("/vendor", "v1-engineer", at_the_vendor),
    ("/api/v1/item-types?q=a-below", "p-engineer", kinds_of_item),
)


def cost(world, path, login):
    """Statements of one reading, once everything kept between requests is kept."""
    seen: list[str] = []
    client = world.api(login) if path.startswith("/api/") else world.client(login)
    client.get(path).close()
    listener = lambda _c, _cur, statement, *_rest: seen.append(statement)  # noqa: E731
    sa.event.listen(world.engine, "before_cursor_execute", listener)
    answer = client.get(path)
    sa.event.remove(world.engine, "before_cursor_execute", listener)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return seen, answer.get_data(as_text=True)


@pytest.mark.parametrize(("path", "login", "make"), PAGES, ids=[page[0] for page in PAGES])
def test_own_lists_cost_the_same_with_many_rows(world, path, login, make):
    found, made = [], itertools.count()
    for wanted in (FEW, MANY):
        with world.write() as session:
            while (n := next(made)) < wanted:
                make(world, session, n)
            made = itertools.chain([n], made)
        forget_viewers()
        found.append(cost(world, path, login))
    (few, short), (many, long) = found
    assert len(long) > len(short) + 1000, "more rows are shown"
    assert len(many) <= len(few), "\n".join(sorted(set(many), key=lambda s: -many.count(s))[:3])
