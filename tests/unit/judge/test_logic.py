# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Three-valued logic of the judge: what is partly unknown is decided only by what is known of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.judge import operators
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check

PROFILE: dict[str, Any] = {"name": "p", "values": {"n": {"none": [], "some": ["a"], "empty": {}}}, "sources": {}}
HEAD = {"id": "a.b", "title": "T", "what": "w", "phase": 3, "severity": "major", "covers": [], "source": "s"}
STATES = (True, False, None)


def statuses(subject: str, expect: Any, facts: Any, **more: Any) -> list[str]:
    check = {**HEAD, "subject": subject, "expect": expect, **more}
    return [row["status"] for row in judge_check(check, Ground({"d": facts}, PROFILE, "2026-11-30T00:00:00Z"))]


def every(states: tuple[bool | None, ...]) -> bool | None:
    return False if False in states else None if None in states else True


WORD = {True: "pass", False: "fail", None: "unknown"}


class TestList:
    """An operator on a list whose parts are known or not: compared with what it says for every way to know them."""

    CASES = [
        ("contains", "a"),
        ("lacks", "a"),
        ("contains_all", ["a", "b"]),
        ("subset_of", ["a", "b"]),
    ]

    @pytest.mark.parametrize(("operator", "operand"), CASES)
    @pytest.mark.parametrize("length", [1, 2, 3])
    @pytest.mark.parametrize("blank", [None, "N/A", ""])
    def test_is_unknown_unless_no_value_could_change_it(
        self, operator: str, operand: Any, length: int, blank: Any
    ) -> None:
        holds = operators.OPERATORS[operator].holds
        for observed in itertools.product(["a", "b", "x", blank], repeat=length):
            ways = itertools.product(*[["a", "b", "x"] if part == blank else [part] for part in observed])
            possible = {holds(list(way), operand) for way in ways}
            expected = WORD[possible.pop()] if len(possible) == 1 else "unknown"
            seen = statuses("d.value", {operator: operand}, {"value": list(observed)})
            # a blank may stand for a value that nobody listed here: certain only where the known parts decide
            assert seen[0] in (expected, "unknown"), observed
            assert seen == [expected] or blank in observed, observed
            assert not (seen == ["pass"] and expected != "pass"), observed


class TestTogether:
    @pytest.mark.parametrize("values", list(itertools.product(["a", "b", None], repeat=3)))
    def test_same_is_decided_by_two_that_differ(self, values: tuple[str | None, ...]) -> None:
        known = {value for value in values if value}
        expected = "fail" if len(known) > 1 else "unknown" if None in values else "pass"
        assert statuses("d[*].v", {"same": True}, [{"v": value} for value in values]) == [expected]

    @pytest.mark.parametrize("values", list(itertools.product(["a", "b", "c", None], repeat=3)))
    def test_unique_is_decided_by_two_alike(self, values: tuple[str | None, ...]) -> None:
        known = [value for value in values if value]
        expected = "fail" if len(set(known)) < len(known) else "unknown" if None in values else "pass"
        assert statuses("d[*].v", {"unique": True}, [{"v": value} for value in values]) == [expected]

    @pytest.mark.parametrize(
        "nothing",
        [0, "0", "0x0", "00000000-0000-0000-0000-000000000000", "00:00", "0.0.0", "FFFFFFFF", "N/A", "", None],
    )
    def test_all_that_are_wrong_alike_are_not_the_same(self, nothing: Any) -> None:
        assert statuses("d[*].v", {"same": True}, [{"v": nothing}] * 4) == ["unknown"]

    @pytest.mark.parametrize("value", [1, False, "1.0", "a0", "FF"])
    def test_a_value_that_says_something_is(self, value: Any) -> None:
        assert statuses("d[*].v", {"same": True}, [{"v": value}] * 4) == ["pass"]

    def test_nothing_there_is_unknown(self) -> None:
        assert statuses("d[*].v", {"same": True}, []) == ["unknown"]


class TestSeveralOperators:
    @pytest.mark.parametrize("value", [0, 1, 5, None])
    @pytest.mark.parametrize("other", [0, 1, 5, None])
    def test_one_that_does_not_hold_decides(self, value: int | None, other: int | None) -> None:
        first = None if value is None else value >= 1
        second = None if None in (value, other) else value == other
        seen = statuses("d[*].v", {"ge": 1, "eq": "item.o"}, [{"v": value, "o": other}])
        assert seen == [WORD[every((first, second))]]


class TestWhere:
    @pytest.mark.parametrize(("one", "two"), list(itertools.product(STATES, repeat=2)))
    def test_one_part_that_does_not_hold_leaves_the_item_out(self, one: bool | None, two: bool | None) -> None:
        facts = [{"v": 1, "a": one, "b": two}, {"v": 1, "a": True, "b": True}]
        meant = every((one, two))
        expected = ["pass"] if meant in (True, False) else ["pass", "unknown"]
        for where in ({"a": True, "b": True}, {"b": True, "a": True}):
            assert sorted(statuses("d[*].v", {"eq": 1}, facts, where=where)) == expected

    def test_what_cannot_be_compared_is_not_left_out(self) -> None:
        assert statuses("d[*].v", {"eq": 1}, [{"v": 1, "a": "x"}], where={"a": {"ge": 3}}) == ["unknown"]


class TestApplies:
    @pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=3)))
    def test_one_condition_that_does_not_hold_decides(self, states: tuple[bool | None, ...]) -> None:
        facts = {"v": 1, **{f"c{n}": state for n, state in enumerate(states)}}
        conditions = [{"fact": f"d.c{n}", "eq": True} for n in range(len(states))]
        expected = {True: "pass", False: "not_applicable", None: "unknown"}[every(states)]
        assert statuses("d.v", {"eq": 1}, facts, applies=conditions) == [expected]

    def test_condition_that_cannot_be_compared_is_unknown(self) -> None:
        assert statuses("d.v", {"eq": 1}, {"v": 1, "c": "x"}, applies={"fact": "d.c", "gt": 0}) == ["unknown"]
        assert statuses("d.v", {"eq": 1}, {"v": 1, "c": 1}, applies={"fact": "d.c", "eq": "fact.d.z"}) == ["unknown"]


class TestNothingNamed:
    @pytest.mark.parametrize("operator", operators.HOLD_OF_NOTHING)
    @pytest.mark.parametrize("observed", ["a", ["a"], []], ids=str)
    def test_list_that_names_nothing_is_not_asked_for(self, operator: str, observed: Any) -> None:
        assert statuses("d.v", {operator: "profile.n.none"}, {"v": observed}) == ["not_applicable"]

    def test_list_that_names_nothing_is_not_stated(self) -> None:
        where = {"profile": "n.none", "defined": True}
        assert statuses("d.v", {"eq": 1}, {"v": 1}, applies=where) == ["not_applicable"]
        assert statuses("d.v", {"eq": 1}, {"v": 1}, applies={**where, "profile": "n.some"}) == ["pass"]
        assert statuses("d.v", {"eq": 1}, {"v": 1}, applies={**where, "profile": "n.empty"}) == ["pass"]

    @pytest.mark.parametrize("name", sorted(operators.OPERATORS))
    def test_operator_that_holds_of_everything_for_nothing_is_known(self, name: str) -> None:
        """Whoever adds an operator that an empty list fulfils has to say that it asks for nothing."""
        fulfilled = []
        for value in (["a"], "a", 1, True, {"a": 1}):
            try:
                fulfilled.append(operators.OPERATORS[name].holds(value, []))
            except (TypeError, ValueError, IndexError):
                fulfilled.append(False)
        if not operators.OPERATORS[name].collective:
            assert (name in operators.HOLD_OF_NOTHING) == any(fulfilled)
