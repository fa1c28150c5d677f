"""Impact against a slow oracle that enumerates, step by step, what the definition says (C-02)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.impact import Graph, Need, Why, chain, impact

ITEMS = st.integers(0, 9)
NEEDS = st.lists(
    st.builds(Need, needer=ITEMS, needed=ITEMS, group=st.sampled_from([None, "a", "b"])).filter(
        lambda need: need.needer != need.needed
    ),
    max_size=30,
)
SOME = st.frozensets(ITEMS, max_size=3)


def oracle(
    root: int, needs: list[Need], depth: int, declared: frozenset[int], excluded: frozenset[int], down: frozenset[int]
) -> dict[int, tuple[int, str]]:
    """Round by round, over all items and all needs: who fails now that what failed before has failed?"""
    failed = {root: (0, "root")}
    for step in range(1, depth + 1):
        broken = {item for item, (_step, why) in failed.items() if why != "excluded"}
        fresh: dict[int, tuple[int, str]] = {}
        for item in range(10):
            if item in failed:
                continue
            if step == 1 and item in declared and item not in excluded:
                fresh[item] = (step, "declared")
                continue
            mine = {need for need in needs if need.needer == item}
            vital = any(need.group is None and need.needed in broken for need in mine)
            grouped = False
            for group in {need.group for need in mine} - {None}:
                members = {need.needed for need in mine if need.group == group}
                gone = broken | (down - excluded)
                grouped |= members <= gone and bool(members & broken)
            if vital or grouped:
                fresh[item] = (step, "excluded" if item in excluded else "computed")
        failed |= fresh
    del failed[root]
    return failed


@given(needs=NEEDS, root=ITEMS, depth=st.integers(0, 10), declared=SOME, excluded=SOME, down=SOME)
@settings(max_examples=600, deadline=None)
def test_C_02_impact_is_what_the_slow_oracle_says(
    needs: list[Need], root: int, depth: int, declared: frozenset[int], excluded: frozenset[int], down: frozenset[int]
) -> None:
    excluded -= {root}
    hits = impact(root, Graph.of(needs), depth=depth, declared=declared, excluded=excluded, down=down)
    assert {item: (hit.depth, str(hit.why)) for item, hit in hits.items()} == oracle(
        root, needs, depth, declared, excluded, down
    )
    for item, hit in hits.items():
        way = chain(root, item, hits)
        assert way[0] == root
        assert len(way) == hit.depth + 1


def test_C_02_stand_ins_fail_only_together() -> None:
    graph = Graph.of([Need(3, 1, "lines"), Need(3, 2, "lines"), Need(4, 3)])
    assert impact(1, graph, depth=9) == {}
    assert set(impact(1, graph, depth=9, down={2})) == {3, 4}
    common = Graph.of([Need(1, 0), Need(2, 0), Need(3, 1, "lines"), Need(3, 2, "lines")])
    assert {item: hit.depth for item, hit in impact(0, common, depth=9).items()} == {1: 1, 2: 1, 3: 2}


def test_C_02_groups_of_the_same_name_at_different_items_are_different_groups() -> None:
    graph = Graph.of([Need(3, 1, "g"), Need(4, 2, "g")])
    assert set(impact(1, graph, depth=9)) == {3}


def test_C_02_depth_limits_the_list() -> None:
    graph = Graph.of([Need(n + 1, n) for n in range(9)])
    assert set(impact(0, graph, depth=3)) == {1, 2, 3}


def test_C_02_marks_declared_and_excluded() -> None:
    graph = Graph.of([Need(1, 0), Need(2, 1), Need(4, 3)])
    hits = impact(0, graph, depth=9, declared={3}, excluded={1})
    assert {item: hit.why for item, hit in hits.items()} == {
        1: Why.EXCLUDED, 3: Why.DECLARED, 4: Why.COMPUTED,
    }  # fmt: skip
    assert impact(2, graph, depth=9, excluded={1}) == {}
