"""Each figure of a head's home opens the list it counts, with the same filter in the address (pages.md)."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

import pytest
import sqlalchemy as sa

from core import clock
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from servicedesk.tickets.states import State
from tests.fixtures.world import ApiClient, World

TILE = re.compile(r'<a class="tile[^"]*" href="([^"]+)">.*?tile-value">([^<]+)<.*?</a>', re.DOTALL)
CELL = re.compile(r'<td class="num"[^>]*><a[^>]*href="([^"]+)">(\d+)</a>')
#: Shares, means and medians: the list they open is what they are computed of, its length is not the figure.
MEANS = re.compile(r"[%.]|—")


@pytest.fixture
def history(world: World) -> World:
    """Sixteen tickets of two counties in every condition that the overview counts."""
    now = clock.now()
    with world.write() as session:
        for n in range(16):
            unit = world.units["610122" if n % 2 else "610326"]
            report = Report(title=f"事项 {n}", category="desktop", unit_id=unit)
            open_ticket(session, report, by=None, now=now)
        session.flush()
        for n, ticket in enumerate(session.scalars(sa.select(Ticket).order_by(Ticket.id))):
            ticket.bounces, ticket.urged, ticket.reopened = n % 3 == 0, n % 4 == 0, n % 5 == 0
            ticket.holder_id = world.people["lt-engineer"] if n % 2 else None
            ticket.next_due_at = now + dt.timedelta(hours=n - 3)
            if n >= 9:
                ticket.state, ticket.resolved_at = State.CLOSED, now
                ticket.stars = 4 if n % 2 else None
    return world


def listed(api: ApiClient, href: str) -> int:
    """How many the list of this address holds."""
    found, url = 0, unescape(href).replace("/desk/tickets?", "/tickets?limit=200&")
    answer = api.get(url)
    assert answer.status_code == 200, (url, answer.get_data(as_text=True))
    found += len(answer.json["items"])
    assert answer.json["next"] is None
    return found


def test_every_figure_is_the_length_of_the_list_it_opens(history: World) -> None:
    page = history.client("leader").get("/overview").get_data(as_text=True)
    api = history.api("leader")
    tiles, cells = TILE.findall(page), CELL.findall(page)
    assert len(tiles) == 12
    assert len(cells) >= 6
    wrong = {
        href: (shown, listed(api, href))
        for href, shown in [*tiles, *cells]
        if not MEANS.search(shown) and listed(api, href) != int(shown)
    }
    assert not wrong


def test_the_list_says_what_it_is_narrowed_to_and_keeps_it(history: World) -> None:
    text = (
        history.client("leader")
        .get("/desk/tickets?open=true&returned=true&line=county&line=city")
        .get_data(as_text=True)
    )
    assert "被退回过" in text
    assert '<input type="hidden" name="returned" value="true">' in text
