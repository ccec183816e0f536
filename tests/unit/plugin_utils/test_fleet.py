# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Comparing hosts: one cause is one row, a value that is missing is told, what cannot be compared accuses nobody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import fleet
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet import cables
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet.catalogue import checked
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet.scope import reach

HEAD = {
    "id": "fleet.test", "title": "t", "what": "thing", "phase": 3, "severity": "major", "covers": [], "source": "s",
    "why": "w", "fix": "f",
}  # fmt: skip
PEERS = {**HEAD, "compare": "same_as_peers", "subject": "host.thing"}
TROUBLE = {"id": "x.y", "status": "fail", "severity": "critical", "message": "m"}


def check(**more: Any) -> dict[str, Any]:
    return checked({**PEERS, **more}, "here:1")


def rows(law: dict[str, Any], values: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Judge hosts named rack-class-number by one value each; ``troubled`` names those with grave findings."""
    records, members = {}, []
    for name, value in values.items():
        rack, klass, unused = name.split("-")
        results = [TROUBLE] if name in more.get("troubled", ()) else []
        records[name] = {"name": name, "rack": rack, "class": klass, "results": results}
        facts = value if isinstance(value, dict) else {"host": {"thing": value}}
        members.append(fleet.member(records[name], facts, [law]))
    return fleet.judge([law], members, fleet.Ground(records, "now"))


def found(judged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in judged if row["status"] in ("fail", "unknown")]


class TestSchema:
    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"subjct": "a.b"}, "unknown key 'subjct'"),
            ({"why": ""}, "why is missing"),
            ({"severity": "bad"}, "severity 'bad' is none of"),
            ({"phase": 13}, "phase 13 is not"),
            ({"phase": True}, "phase True is not"),
            ({"compare": "alike"}, "compare 'alike' is none of same_as_peers"),
            ({"compare": ["unique"]}, r"compare \['unique'\] is none of same_as_peers"),
            ({"compare": "outlier", "options": {"floor": float("inf")}}, "option floor is a number above 0"),
            ({"compare": "unique", "options": {"ignore": [".*"]}}, "option ignore is a list of regular expressions"),
            ({"subject": "a b["}, "not a path"),
            ({"by": "class"}, "by is a list"),
            ({"where": {"a": {"same": True}}}, "where: unknown operator 'same'"),
            ({"options": {"min_hosts": 2}}, "option min_hosts is a number from 3, not 2"),
            ({"options": {"min": 3}}, "unknown option 'min' of same_as_peers; known are min_hosts"),
            ({"options": [3]}, "options is a mapping"),
            ({"compare": "outlier"}, "option floor is missing"),
            ({"compare": "outlier", "options": {"floor": 0}}, "option floor is a number above 0"),
            ({"compare": "unique", "options": {"ignore": ["("]}}, "option ignore is a list of regular expressions"),
            ({"compare": "correlated", "options": {"scope": "rack"}}, "correlated has no subject"),
            ({"covers": ["piqc"]}, "covers is a list of seed items"),
            ({"id": "Fleet"}, "id is lower-case"),
            ({"id": "gpu.count"}, "the first of them fleet"),
        ],
    )
    def test_what_is_wrong_is_said_with_file_and_line(self, more: dict[str, Any], problem: str) -> None:
        with pytest.raises(BadInput, match=problem) as error:
            check(**more)
        assert str(error.value).startswith("here:1: ")

    def test_a_comparison_needs_a_subject(self) -> None:
        with pytest.raises(BadInput, match="same_as_peers has a subject"):
            checked({**HEAD, "compare": "same_as_peers"}, "here:1")

    def test_an_id_twice_in_one_directory_is_an_error_in_another_a_replacement(self, tmp_path: Path) -> None:
        text = "- {id: fleet.b, title: t, what: w, phase: 1, severity: %s, compare: unique, covers: [], "
        text += "subject: host.kernel.release, source: s, why: w, fix: f}\n"
        for place, severities in (("one", ["minor"]), ("two", ["major"]), ("three", ["major", "minor"])):
            (tmp_path / place).mkdir()
            (tmp_path / place / "a.yml").write_text("".join(text % severity for severity in severities))
        (merged,) = fleet.checks([tmp_path / "one", tmp_path / "two"])
        assert merged["severity"] == "major"
        with pytest.raises(BadInput, match=r"a\.yml:2: fleet\.b: the id is taken at .*a\.yml:1"):
            fleet.checks([tmp_path / "three"])

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"subject": "host.kernel.relase"}, "subject host.kernel.relase"),
            ({"subject": "gpu.devices[*].serial", "by": ["modle"]}, "by: modle"),
            ({"subject": "gpu.devices[*].serial", "where": {"modle": "x"}}, "where: modle"),
        ],
    )
    def test_a_path_that_no_collector_gives_is_refused(
        self, tmp_path: Path, more: dict[str, Any], problem: str
    ) -> None:
        (tmp_path / "a.yml").write_text(yaml.safe_dump([{**PEERS, **more}]))
        with pytest.raises(BadInput, match=rf"a\.yml:1: fleet\.test: {problem}"):
            fleet.checks([tmp_path])

    def test_an_override_changes_only_what_it_says_and_names_a_check_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "a.yml").write_text("- {override: fleet.peers.kernel, severity: minor}\n")
        shipped = {check["id"]: check for check in fleet.checks()}
        merged = {check["id"]: check for check in fleet.checks([fleet.FLEET, tmp_path])}
        assert merged == shipped | {"fleet.peers.kernel": shipped["fleet.peers.kernel"] | {"severity": "minor"}}
        (tmp_path / "a.yml").write_text("- {override: fleet.peers.colonel, severity: minor}\n")
        with pytest.raises(BadInput, match=r"a\.yml:1: override: there is no check 'fleet.peers.colonel'; did"):
            fleet.checks([fleet.FLEET, tmp_path])


class TestPeers:
    def test_a_rack_of_odd_hosts_is_one_row(self) -> None:
        values = {f"{rack}-c-{n}": "new" if rack == "r3" else "old" for rack in ("r1", "r2", "r3") for n in range(20)}
        (row,) = found(rows(check(), values))
        assert (row["scope"], row["item"], row["items"], len(row["hosts"])) == ("rack", "r3", 20, 20)
        assert row["message"].startswith("rack r3: 20 of 20 hosts (0 of 40 elsewhere): r3-c-0, r3-c-1")
        assert row["message"].endswith(
            "and 14 more: thing is new, expected old (40 of 60 hosts) as its peers of class c"
        )

    def test_no_majority_accuses_the_whole_class(self) -> None:
        judged = found(rows(check(), {"a-c-1": "x", "a-c-2": "x", "a-c-3": "y", "a-c-4": "y"}))
        assert {row["status"] for row in judged} == {"fail"}
        assert sorted(host for row in judged for host in row["hosts"]) == ["a-c-1", "a-c-2", "a-c-3", "a-c-4"]
        assert "expected one value, not 2" in judged[0]["message"]

    def test_classes_are_not_compared_with_each_other(self) -> None:
        values = {f"a-{klass}-{n}": klass for klass in "xy" for n in range(3)}
        assert [row["status"] for row in rows(check(), values)] == ["pass"]

    def test_too_few_hosts_accuse_nobody(self) -> None:
        (row,) = rows(check(), {"a-c-1": "x", "a-c-2": "y"})
        assert row["status"] == "not_applicable"
        assert row["message"] == "not applicable: 3 hosts are needed to compare, there are fewer of c (2)"
        assert row["hosts"] == ["a-c-1", "a-c-2"]


class TestMissing:
    def test_a_host_that_shows_nothing_is_named(self) -> None:
        (row,) = found(rows(check(), {"a-c-1": "x", "a-c-2": "x", "a-c-3": "x", "a-c-4": "N/A"}))
        assert (row["status"], row["severity"], row["hosts"]) == ("unknown", "major", ["a-c-4"])
        assert row["message"] == "a-c-4: thing is unknown: host.thing has no value"

    def test_a_host_whose_own_findings_explain_it_is_told_of_only(self) -> None:
        values = {"a-c-1": "x", "a-c-2": "x", "a-c-3": "x", "a-c-4": None}
        (row,) = found(rows(check(), values, troubled=["a-c-4"]))
        assert (row["severity"], row["hosts"]) == ("info", ["a-c-4"])

    def test_what_a_class_never_shows_is_no_finding(self) -> None:
        values = {"a-x-1": "v", "a-x-2": "v", "a-x-3": "v", "a-y-1": None, "a-y-2": None, "a-y-3": None}
        assert found(rows(check(), values)) == []

    def test_what_nobody_shows_is_not_applicable(self) -> None:
        (row,) = rows(check(), {"a-x-1": None, "a-y-2": None})
        assert (row["status"], row["message"]) == ("not_applicable", "not applicable: no host shows any (x, y)")

    def test_an_item_without_a_value_is_named(self) -> None:
        law = check(subject="gpu.devices[*].vbios")

        def gpus(second: str | None) -> dict[str, Any]:
            return {"gpu": {"devices": [{"label": "GPU 0", "vbios": "1"}, {"label": "GPU 1", "vbios": second}]}}

        (row,) = found(rows(law, {"a-c-1": gpus("1"), "a-c-2": gpus("1"), "a-c-3": gpus(None)}))
        assert row["message"].startswith("a-c-3 (GPU 1): thing is unknown")


class TestOutliers:
    LAW = {"compare": "outlier", "options": {"floor": 5}}

    def judge(self, values: list[Any], **options: Any) -> list[dict[str, Any]]:
        law = check(compare="outlier", options={"floor": 5, **options})
        return found(rows(law, {f"a-c-{n}": value for n, value in enumerate(values)}))

    def test_equal_values_do_not_make_every_other_one_an_outlier(self) -> None:
        assert self.judge([40, 40, 40, 40, 40, 44]) == []
        assert len(self.judge([40, 40, 40, 40, 40, 46])) == 1

    def test_a_wide_spread_is_no_outlier(self) -> None:
        assert self.judge([20, 30, 40, 50, 60, 70]) == []

    def test_direction(self) -> None:
        assert self.judge([40, 40, 40, 40, 40, 10], direction="high") == []
        assert len(self.judge([40, 40, 40, 40, 40, 10], direction="low")) == 1

    def test_what_is_not_a_number_is_unknown(self) -> None:
        (row,) = self.judge([40, 40, 40, 40, 40, "hot"])
        assert (row["status"], row["hosts"]) == ("unknown", ["a-c-5"])

    def test_message_tells_value_and_median(self) -> None:
        (row,) = self.judge([40, 41, 39, 40, 40, 90])
        expected = "near 40, the median of 6 hosts of class c"
        assert row["message"] == f"a-c-5 (90): thing is 90, far above the median; expected {expected}"


class TestUnique:
    def test_hosts_that_share_several_are_one_row(self) -> None:
        law = check(compare="unique", subject="gpu.devices[*].serial", by=[])
        same = {"gpu": {"devices": [{"label": "GPU 0", "serial": "s0"}, {"label": "GPU 1", "serial": "s1"}]}}
        (row,) = found(rows(law, {"a-c-1": same, "a-c-2": same, "b-d-3": {"gpu": {"devices": [{"serial": "s2"}]}}}))
        assert row["hosts"] == ["a-c-1", "a-c-2"]
        assert "thing s0 and 1 more is on 2 hosts, expected on one" in row["message"]

    @pytest.mark.parametrize(
        "blank", ["To Be Filled By O.E.M.", "0000:0000", "FFFFFFFF", "00:00:00:00", "Default string"]
    )
    def test_placeholders_are_no_identity(self, blank: str) -> None:
        assert found(rows(check(compare="unique", by=[]), {"a-c-1": blank, "a-c-2": blank})) == []

    def test_case_does_not_matter(self) -> None:
        assert len(found(rows(check(compare="unique", by=[]), {"a-c-1": "AB1", "a-c-2": "ab1"}))) == 1


class TestReach:
    def members(self, names: str) -> list[fleet.Member]:
        return [fleet.Member(name, name.split("-")[1], name.split("-")[0], False, {}) for name in names.split()]

    @pytest.mark.parametrize(
        ("hit", "others", "expected"),
        [
            ("a-x-1", "a-x-2 b-x-3", ("node", "a-x-1")),
            ("a-x-1 b-x-2", "a-x-3 b-x-4 a-x-5 b-x-6", ("hosts", "")),
            ("a-x-1 a-x-2 a-x-3", "b-x-4 b-x-5", ("rack", "a")),
            ("a-x-1 a-x-2 a-x-3", "a-y-4 a-y-5 b-y-6", ("class", "x")),
            ("a-x-1 a-y-2 a-x-3", "b-x-4 b-y-5", ("rack", "a")),
            ("a-x-1 a-x-2 b-x-3 b-x-4", "b-x-5 b-y-6", ("class", "x")),
            ("a-x-1 a-y-2 b-x-3 b-y-4", "b-x-5", ("fleet", "")),
        ],
    )
    def test_reach(self, hit: str, others: str, expected: tuple[str, str]) -> None:
        assert tuple(reach(hit.split(), self.members(f"{hit} {others}"))) == expected


def test_a_check_that_breaks_costs_its_answer_and_not_the_run() -> None:
    law = check()
    broken = fleet.Member("a", "c", "r", False, {})
    (row,) = fleet.judge([law], [broken], fleet.Ground({}, "now"))
    assert row["status"] == "unknown"
    assert "the check itself failed: KeyError" in row["message"]


def test_a_thousand_hosts_with_one_fault_are_one_finding() -> None:
    law = next(entry for entry in fleet.checks() if entry["id"] == "fleet.cause.class")
    results = [{"id": f"x.y{n}", "status": "fail", "severity": "major", "message": "m"} for n in range(5)]
    records = {f"n{n}": {"name": f"n{n}", "rack": f"r{n % 50}", "class": "c", "results": results} for n in range(1000)}
    (row,) = fleet.judge([law], [], fleet.Ground(records, "now"))
    assert (row["status"], row["severity"], row["items"]) == ("fail", "major", 1000)
    assert row["explains"] == [f"x.y{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("n1:\n  eth0:\n    switch: a\n    port: null\n", "own.yml:4: n1: eth0: port is a text, this is None"),
        ("n1:\n  eth0: {switch: a,\n    port: }\n", "own.yml:3: n1: eth0: port is a text, this is None"),
        ("n1:\n  eth0: {switch: a, port: ''}\n", "own.yml:2: n1: eth0: port is a text, this is ''"),
        ("n1:\n  eth0: {switch: a, port: [1]}\n", "own.yml:2: n1: eth0: port is a text, this is [1]"),
        ("n1:\n  eth0: {ib_switch: a, port: yes}\n", "own.yml:2: n1: eth0: port is a text, this is True"),
        ("n1:\n  eth0: {switch: [a], port: 1}\n", "own.yml:2: n1: eth0: switch is a text, this is ['a']"),
    ],
)
def test_a_cable_that_ends_nowhere_is_refused_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "own.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        cables.plan(path)
    assert complaint in str(error.value)


def test_a_cable_plan_may_leave_out_the_port_and_number_it(tmp_path: Path) -> None:
    path = tmp_path / "own.yml"
    path.write_text("n1: {eth0: {switch: a}, eth1: {switch: b, port: 7}}\n", encoding="utf-8")
    assert cables.plan(path) == {"n1": {"eth0": {"switch": "a"}, "eth1": {"switch": "b", "port": "7"}}}
