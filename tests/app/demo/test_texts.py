"""The demo's words: enough of them, all different, all of a known service."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from app.demo.catalogue import services, teams
from app.demo.people import people
from app.demo.texts import CATEGORIES, SECTIONS, articles, symptoms
from app.demo.tickets import tickets
from app.demo.units import units
from core.calendar import DEFAULT_CALENDAR

NOW = dt.datetime(2026, 6, 18, 3, 0, tzinfo=dt.UTC)


def test_at_least_150_distinct_symptoms_with_solutions() -> None:
    everything = [symptom for category in CATEGORIES for symptom in symptoms(category)]
    assert len({symptom.title for symptom in everything}) == len(everything) >= 150
    assert len({symptom.solution for symptom in everything}) >= 150
    known = {service.code for service in services()}
    assert {symptom.service for symptom in everything} <= known
    for symptom in everything:
        symptom.description.format(unit="", place="")


def test_starter_articles_have_all_sections() -> None:
    found = articles()
    assert len(found) >= 40
    assert len({article.title for article in found}) == len(found)
    known = {service.code for service in services()}
    for article in found:
        assert set(article.services) <= known
        assert article.category in CATEGORIES
        positions = [article.body.index(f"## {section}\n") for section in SECTIONS]
        assert positions == sorted(positions), article.slug
        assert len(article.body) > 150, article.slug


def test_tickets_are_repeatable_in_time_and_on_known_teams() -> None:
    everybody = list(people("small"))
    first, again = (list(tickets(400, everybody, NOW, DEFAULT_CALENDAR)) for _ in range(2))
    assert first == again
    known = {team.code for team in teams(units("small"))}
    logins = {person.login for person in everybody}
    for ticket in first:
        assert ticket.opened_at <= NOW
        assert ticket.reporter in logins
        assert {leg.team for leg in ticket.legs} <= known
        assert bool(ticket.legs) == (ticket.outcome != "new")
    assert len(Counter(ticket.symptom for ticket in first)) > 100
    assert {ticket.outcome for ticket in first} >= {"closed", "active", "new"}


def test_no_minute_has_a_crowd_whenever_the_demo_is_loaded() -> None:
    """Early on a Monday most of the day's hours lie ahead: what would be later than now is not heaped up at now."""
    for now in (dt.datetime(2026, 11, 22, 22, 30, tzinfo=dt.UTC), NOW):
        told = list(tickets(3000, list(people("small")), now, DEFAULT_CALENDAR))
        assert all(ticket.opened_at <= now for ticket in told)
        minutes = Counter(ticket.opened_at.replace(second=0, microsecond=0) for ticket in told)
        assert max(minutes.values()) <= 6, minutes.most_common(3)
