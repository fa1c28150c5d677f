"""Ids of what the demo's matters refer to, read once and sent to every process that tells them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, TeamMember, Unit
from cmdb.models import Item, Lifecycle, Service
from kb.articles.models import Article
from kb.articles.states import State as ArticleState
from servicedesk.clocks.service import targets_version
from servicedesk.custody.rules import Line, line_of_level


@dataclass(frozen=True)
class Names:
    """What a matter names, by what the demo calls it."""

    people: dict[str, int]
    units: dict[str, int]
    teams: dict[str, tuple[int, Line]]
    members: dict[int, list[int]]
    services: dict[str, int]
    items: dict[tuple[str, str], list[int]]
    articles: dict[tuple[str, int], list[tuple[int, str]]]  # (category, service) → (id, number)
    targets: int


def read(session: Session) -> Names:
    """As they stand in the database."""
    members: dict[int, list[int]] = defaultdict(list)
    for team, person in session.execute(
        sa.select(TeamMember.team_id, TeamMember.person_id).order_by(TeamMember.person_id)
    ):
        members[team].append(person)
    levels = session.execute(sa.select(Team.code, Team.id, Unit.level).join(Unit, Unit.id == Team.unit_id))
    return Names(
        people={row[0]: row[1] for row in session.execute(sa.select(Person.login, Person.id))},
        units={row[0]: row[1] for row in session.execute(sa.select(Unit.code, Unit.id))},
        teams={code: (team, line_of_level(level)) for code, team, level in levels},
        members=dict(members),
        services={row[0]: row[1] for row in session.execute(sa.select(Service.code, Service.item_id)) if row[0]},
        items=_items(session),
        articles=_articles(session),
        targets=targets_version(session),
    )


def _items(session: Session) -> dict[tuple[str, str], list[int]]:
    items: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = session.execute(
        sa.select(Unit.code, Item.type_code, Item.id).join(Unit, Unit.id == Item.unit_id)
        .where(Item.lifecycle == Lifecycle.LIVE, Unit.level == "county").order_by(Item.id)
    )  # fmt: skip
    for code, kind, item in rows:
        items[code, kind].append(item)
    return dict(items)


def _articles(session: Session) -> dict[tuple[str, int], list[tuple[int, str]]]:
    found: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    published = sa.select(Article).where(Article.state == ArticleState.PUBLISHED).order_by(Article.id)
    for article in session.scalars(published):
        for service in article.services:
            found[article.category or "", service].append((article.id, article.number))
    return dict(found)
