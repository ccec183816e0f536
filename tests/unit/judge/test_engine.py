"""Judging fails closed: whatever is missing is unknown, and every message says what was expected and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.judge.settled import settled

AT = "2026-11-18T06:30:00Z"


def check(**changes):
    base = {
        "id": "gpu.pcie.width", "title": "Every GPU runs at its full PCIe width", "what": "PCIe width", "phase": 5,
        "severity": "critical", "subject": "gpu.devices[*].pcie.width", "expect": {"eq": "profile.gpu.pcie_width"},
        "covers": [], "source": "profile", "why": "w", "fix": "f",
    }  # fmt: skip
    return {**base, **changes}


def gpus(*widths, **more):
    devices = [{"label": f"GPU {n}", "pcie": {"width": width}} for n, width in enumerate(widths)]
    return {"gpu": {"source": "nvml", "devices": devices, "errors": [], **more}}


def ground(facts, **values):
    return Ground(facts, {"name": "hgx_h100", "values": values or {"gpu": {"pcie_width": 16}}, "sources": {}}, AT)


def statuses(rows):
    return [(row["status"], row["item"], row["items"]) for row in rows]


def test_passing_items_fold_and_failing_ones_keep_their_row():
    rows = judge_check(check(), ground(gpus(16, 16, 8)))
    assert statuses(rows) == [("pass", None, 2), ("fail", "GPU 2", 1)]
    assert rows[1]["message"] == "GPU 2: PCIe width is 8, expected 16 (profile hgx_h100)"
    assert (rows[1]["source"], rows[1]["observed"], rows[1]["threshold_from"], rows[1]["at"]) == (
        "nvml", 8, "profile hgx_h100", AT)  # fmt: skip


@pytest.mark.parametrize("nothing", [None, "", "N/A", "[N/A]", "[Not Supported]", float("nan"), "Unknown Error"])
def test_a_value_that_says_nothing_is_unknown(nothing):
    (row,) = judge_check(check(), ground(gpus(nothing)))
    assert row["status"] == "unknown"


@pytest.mark.parametrize(
    "facts", [{}, {"gpu": {}}, {"gpu": {"devices": None}}, {"gpu": {"devices": []}}, {"gpu": {"devices": "x"}}]
)
def test_missing_facts_are_unknown(facts):
    (row,) = judge_check(check(), ground(facts))
    assert row["status"] == "unknown"


def test_an_expectation_the_profile_does_not_state_is_unknown():
    (row,) = judge_check(check(), ground(gpus(16), gpu={"vendor": "nvidia"}))
    assert row["status"] == "unknown"
    assert "profile hgx_h100 states no gpu.pcie_width" in row["message"]


def test_values_that_cannot_be_compared_are_unknown():
    (row,) = judge_check(check(expect={"ge": 8}), ground(gpus("wide")))
    assert row["status"] == "unknown"
    (row,) = judge_check(check(expect={"eq": 1}), ground(gpus(True)))
    assert row["status"] == "unknown"


def test_the_reason_names_what_the_collector_could_not_do():
    facts = {"gpu": {"devices": None, "errors": [{"source": "nvidia-smi", "reason": "absent: nvidia-smi: not found"}]}}
    (row,) = judge_check(check(), ground(facts))
    assert "nvidia-smi: absent: nvidia-smi: not found" in row["message"]


def test_applies():
    applies = {"profile": "gpu.vendor", "eq": "nvidia"}
    assert (
        statuses(judge_check(check(applies=applies), ground(gpus(16), gpu={"vendor": "amd"})))[0][0] == "not_applicable"
    )
    assert statuses(judge_check(check(applies=applies), ground(gpus(16), gpu={})))[0][0] == "unknown"
    assert (
        statuses(judge_check(check(applies={"fact": "gpu.vendor", "eq": "amd"}), ground(gpus(16))))[0][0] == "unknown"
    )
    (row,) = judge_check(check(applies={"profile": "gpu.pcie_width", "defined": True}), ground(gpus(16), gpu={}))
    assert (row["status"], row["reason"]) == ("not_applicable", "profile hgx_h100 states no gpu.pcie_width")


@pytest.mark.parametrize(
    ("applies", "ruled_out"),
    [
        ({"profile": "gpu.vendor", "eq": "nvidia"}, True),
        ([{"profile": "gpu.count", "defined": True}, {"fact": "gpu.vendor", "eq": "amd"}], True),
        ({"profile": "gpu.vendor", "eq": "amd"}, False),
        ({"profile": "gpu.vendor", "in": ["nvidia", "fact.gpu.vendor"]}, False),
        ([{"fact": "gpu.vendor", "eq": "amd"}, {"profile": "gpu.count", "defined": True}], False),
        ({"profile": "gpu.count", "eq": 8}, False),
    ],
)
def test_a_profile_rules_out_only_what_no_fact_can_change(applies, ruled_out):
    one, profile = check(applies=applies), ground({}, gpu={"vendor": "amd"}).profile
    row = settled(one, profile)
    assert (row is not None) == ruled_out
    for facts in ({}, gpus(16), gpus(16, vendor="amd"), gpus(None, vendor="nvidia")):
        here = Ground(facts, profile, AT)
        assert judge_check({**one, **({"settled": row} if row else {})}, here) == judge_check(one, here)


def test_where_chooses_items_and_what_cannot_be_chosen_is_unknown():
    facts = {"gpu": {"devices": [
        {"label": "a", "kind": "x", "pcie": {"width": 8}},
        {"label": "b", "kind": "y", "pcie": {"width": 16}},
        {"label": "c", "pcie": {"width": 16}},
    ]}}  # fmt: skip
    rows = judge_check(check(where={"kind": "y"}), ground(facts))
    assert statuses(rows) == [("pass", "b", 1), ("unknown", "c", 1)]
    (row,) = judge_check(
        check(where={"kind": {"in": ["z"]}}), ground({"gpu": {"devices": facts["gpu"]["devices"][:2]}})
    )
    assert row["status"] == "unknown"


def test_collective_operators():
    same = check(expect={"same": True})
    assert statuses(judge_check(same, ground(gpus(8, 8)))) == [("pass", None, 2)]
    (row,) = judge_check(same, ground(gpus(8, 8, 16)))
    assert row["message"] == "PCIe width is 8: GPU 0, GPU 1; 16: GPU 2, expected the same everywhere (profile)"
    assert judge_check(same, ground(gpus(8, None)))[0]["status"] == "unknown"
    assert judge_check(check(expect={"unique": True}), ground(gpus(1, 1)))[0]["status"] == "fail"


def test_references_by_item_and_by_key():
    facts = {"host": {"sysctl": {"vm.swappiness": "60"}}}
    by_key = check(subject="host.sysctl[*]", expect={"eq": "profile.host.sysctl[@]"}, what="value")
    (row,) = judge_check(by_key, ground(facts, host={"sysctl": {"vm.swappiness": "10"}}))
    assert row["message"] == "vm.swappiness: value is 60, expected 10 (profile hgx_h100)"
    beside = check(subject="gpu.devices[*].pcie.width", expect={"eq": "item.width_max"})
    facts = {"gpu": {"devices": [{"label": "a", "pcie": {"width": 8, "width_max": 16}}]}}
    assert judge_check(beside, ground(facts))[0]["status"] == "fail"


def test_a_check_that_breaks_is_unknown_and_the_run_goes_on():
    broken = check(using="no-such-function")
    assert judge_check(broken, ground(gpus(16)))[0]["status"] == "unknown"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "unknown"),
        ([("critical", "pass")], "ready"),
        ([("critical", "not_applicable")], "unknown"),
        ([("critical", "pass"), ("minor", "fail")], "degraded"),
        ([("critical", "pass"), ("minor", "unknown")], "degraded"),
        ([("critical", "pass"), ("info", "fail")], "ready"),
        ([("major", "unknown"), ("minor", "fail")], "unknown"),
        ([("major", "unknown"), ("critical", "fail")], "not_ready"),
        ([("major", "waived")], "ready"),
    ],
)
def test_verdict(rows, expected):
    from ansible_collections.muster.fleet.plugins.module_utils.judge.results import verdict

    assert verdict([{"severity": severity, "status": status} for severity, status in rows]) == expected


def test_gates_leave_later_phases_unreached():
    early = check(id="a.b", phase=2, expect={"eq": 99})
    judged = judge([early, check()], ground(gpus(16)), gated=True)
    assert (judged["phases"]["2"], judged["phases"]["5"], judged["verdict"]) == (
        "not_ready",
        "not_reached",
        "not_ready",
    )
    assert {row["id"] for row in judged["results"]} == {"a.b"}
    assert judge([early, check()], ground(gpus(16)))["phases"]["5"] == "ready"


def waiver(**changes):
    return {"check": "gpu.pcie.width", "hosts": ["gpu-*"], "item": None, "owner": "jo", "reason": "riser ordered",
            "expires": "2026-12-01", **changes}  # fmt: skip


def test_waivers_hold_until_they_expire():
    def status(**changes):
        rows = judge([check()], ground(gpus(16, 8)), [waiver(**changes)], "gpu-1", today="2026-11-23")["results"]
        return rows[-1]["status"], rows[-1]["reason"]

    assert status() == ("waived", "waived by jo until 2026-12-01: riser ordered")
    assert status(expires="2026-11-22") == ("fail", "a waiver by jo until 2026-11-22: riser ordered, has expired")
    assert status(hosts=["mi-*"])[0] == "fail"
    assert status(item="GPU 0")[0] == "fail"
    assert status(item="GPU 1")[0] == "waived"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["N/A", "{{ 1 }}", "<script>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["devices", "pcie", "width", "label", "source"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(anything)
def test_no_fact_breaks_the_judge_or_makes_it_pass(facts):
    rows = judge_check(check(), ground({"gpu": facts}))
    assert rows
    for row in rows:
        if row["status"] == "pass":
            assert row["observed"] == 16
