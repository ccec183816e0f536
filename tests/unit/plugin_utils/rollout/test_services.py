# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All services are checked, one is found, and what depends on it comes in order."""

from __future__ import annotations

import re

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import services


def parsed(**entries):
    return services.parsed({name: {"image": "r.example.com/x", **entry} for name, entry in entries.items()})


def test_everything_wrong_with_every_service_is_said():
    known, problems = parsed(a={"imagee": 1}, b={"watch_s": "x", "kee": 1}, c={})
    assert list(known) == ["c"]
    assert [text.split(":")[0] for text in problems] == ["service a", "service b", "service b"]


@pytest.mark.parametrize("said", [{"b": {"depends_on": ["a"]}}, {"a": {"dependants": ["b"]}}])
def test_dependants_are_found_from_either_side(said):
    known, problems = parsed(**{"a": {}, "b": {}, **said})
    assert (problems, services.dependants(known, "a"), services.dependants(known, "b")) == ([], ["b"], [])


def test_dependants_of_dependants_come_after_them_and_each_once():
    known, unused = parsed(a={}, z={"depends_on": ["a"]}, b={"depends_on": ["z", "a"]}, other={})
    assert services.dependants(known, "a") == ["z", "b"]


def test_a_circle_is_named():
    unused, problems = parsed(a={"depends_on": ["c"]}, b={"depends_on": ["a"]}, c={"depends_on": ["b"]})
    (problem,) = problems
    assert problem.startswith("services depend on each other in a circle: ")
    assert problem.count(">") == 3


def test_a_dependency_that_is_not_there_is_named():
    assert "service a: depends_on: there is no service b" in parsed(a={"depends_on": ["b"]})[1][0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("annotatoin", "there is no service 'annotatoin'; did you mean annotation? (deploy_services has annotation)"),
        ("", "deploy_service names none (deploy_services has annotation)"),
    ],
)
def test_an_unknown_service_is_told_with_what_there_is(name, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        services.found(["annotation"], name)


def test_no_service_at_all():
    with pytest.raises(BadInput, match="deploy_services is empty"):
        services.found([], "x")
