"""Subjects and operators: a closed vocabulary."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.judge.operators import OPERATORS, say, say_expected, version
from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import items, look, tokens


def test_tokens():
    assert tokens("gpu.devices[*].pcie.width") == ("gpu", "devices", "*", "pcie", "width")
    assert tokens("host.sysctl[kernel.numa_balancing]") == ("host", "sysctl", "kernel.numa_balancing")
    for wrong in ("", "a[", "a]b"):
        with pytest.raises(ValueError, match="not a path"):
            tokens(wrong)


def test_nested_lists_carry_both_labels_and_the_nearest_source():
    facts = {
        "gpu": {
            "source": "nvml",
            "devices": [{"label": "GPU 0", "links": [{"label": "link 1", "up": True, "source": "sysfs"}]}],
        }
    }
    (item,) = items(facts, "gpu.devices[*].links[*].up")
    assert (item.label, item.value, item.source) == ("GPU 0 link 1", True, "sysfs")


def test_mappings_are_walked_by_key():
    assert [(i.label, i.value) for i in items({"a": {"x": 1, "y": 2}}, "a[*]")] == [("x", 1), ("y", 2)]
    assert look({"a": {"b.c": 3}}, "a[b.c]") == 3
    assert look({"a": 1}, "a.b.c") is None


@pytest.mark.parametrize(
    ("operator", "observed", "operand", "holds"),
    [
        ("eq", 1, 1.0, True),
        ("eq", "a", "b", False),
        ("ne", 1, 2, True),
        ("lt", 1, 2, True),
        ("le", 2, 2, True),
        ("gt", 1, 2, False),
        ("ge", 2, 2, True),
        ("between", 5, [1, 9], True),
        ("between", 10, [1, 9], False),
        ("within_percent", 95, [100, 5], True),
        ("within_percent", 94, [100, 5], False),
        ("in", 1, [1, 2], True),
        ("not_in", 1, [1, 2], False),
        ("contains", ["a"], "a", True),
        ("contains", "abc", "b", True),
        ("lacks", ["a"], "a", False),
        ("contains_all", ["a", "b"], ["a", "b"], True),
        ("subset_of", ["a"], ["a", "b"], True),
        ("subset_of", ["c"], ["a"], False),
        ("matches", "abc", "^a", True),
        ("not_matches", "abc", "^a", False),
        ("version_eq", "1.02", "1.2", True),
        ("version_ge", "580.105.08", "580.95", True),
        ("version_ge", "28.41.1000", "28.43", False),
        ("empty", [], True, True),
        ("empty", [1], True, False),
        ("empty", [1], False, True),
        ("count", [1, 2], 2, True),
        ("count_ge", [1], 2, False),
        ("older_than_s", 10, 5, True),
        ("newer_than_s", 10, 5, False),
        ("same", [1, 1], True, True),
        ("same", [1, 2], True, False),
        ("unique", [1, 1], True, False),
        ("unique", [1, 2], True, True),
    ],
)
def test_operators(operator, observed, operand, holds):
    assert OPERATORS[operator].holds(observed, operand) is holds
    assert say_expected(operator, operand)


def test_every_operator_is_tested():
    tested = {mark.args[1][n][0] for mark in test_operators.pytestmark for n in range(len(mark.args[1]))}
    assert tested == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "observed", "operand"),
    [
        ("eq", "1", 1),
        ("eq", True, 1),
        ("lt", "a", 1),
        ("lt", True, 2),
        ("in", 1, "abc"),
        ("empty", "", True),
        ("count", 5, 1),
        ("version_ge", "N/A", "1"),
        ("version_ge", 5, "1"),
        ("matches", 5, "a"),
        ("contains", 5, 1),
        ("between", 1, [2]),
    ],
)
def test_what_cannot_be_compared_is_not_judged(operator, observed, operand):
    with pytest.raises((TypeError, ValueError)):
        OPERATORS[operator].holds(observed, operand)


def test_versions_compare_by_number():
    assert version("1.10") > version("1.9")
    assert version("v580.105.08") > version("v580.95.05")


def test_values_are_said_plainly():
    assert (say(True), say([1, 2]), say([]), say(1.50), say({"a": 1})) == ("yes", "1, 2", "nothing", "1.5", "a=1")
