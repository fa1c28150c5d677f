"""The demo's equipment hangs together: every name exists once, every relation has its ends, and cuts hurt as they should."""

from __future__ import annotations

from collections import Counter

import pytest

from app.demo.catalogue import services
from app.demo.estate import DemoItem, DemoRelation, estate
from app.demo.units import Scale, units
from cmdb.impact import Graph, Need, impact
from cmdb.models import RelationKind


def split(scale: Scale) -> tuple[list[DemoItem], list[DemoRelation]]:
    things = list(estate(scale))
    return [t for t in things if isinstance(t, DemoItem)], [t for t in things if isinstance(t, DemoRelation)]


@pytest.mark.parametrize("scale", ["small", "province"])
def test_names_are_unique_in_their_unit_and_relations_have_both_ends(scale: Scale) -> None:
    items, relations = split(scale)
    count = Counter(item.key for item in items)
    assert max(count.values()) == 1
    places = {unit.code for unit in units(scale)}
    assert {item.unit for item in items} <= places
    for relation in relations:
        assert relation.source in count, relation
        assert relation.target in count, relation
        assert relation.kind in list(RelationKind)
    assert len({(r.source, r.kind, r.target) for r in relations}) == len(relations)


def test_every_service_of_the_catalogue_is_an_item() -> None:
    items, _relations = split("province")
    codes = {item.service["code"] for item in items if item.service}
    assert codes == {service.code for service in services()}


def test_the_estate_is_the_same_every_time() -> None:
    assert list(estate("small")) == list(estate("small"))


def test_a_cut_county_is_cut_only_when_both_lines_are_gone() -> None:
    _items, relations = split("small")
    ids: dict[tuple[str, str], int] = {}
    needs = [
        Need(ids.setdefault(r.source, len(ids)), ids.setdefault(r.target, len(ids)), r.group)
        for r in relations
        if r.kind != "backed-up-by"
    ]
    graph = Graph.of(needs)
    main, spare = ids["610122", "西安至蓝田县主线路"], ids["610122", "西安至蓝田县备线路"]
    site = ids["610122", "蓝田县局机关"]
    assert site not in impact(main, graph, depth=20)
    assert site in impact(main, graph, depth=20, down={spare})
    assert ids["61", "核心征管"] not in impact(ids["61", "核心征管库节点 1"], graph, depth=20)
