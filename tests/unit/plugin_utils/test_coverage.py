# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What counts as answered: a check with a collector, a definition of evidence, an attestation; and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, coverage, site
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

KNOWN = coverage.seeds()
CHECKS = catalogue.checks()
DEFINITIONS = site.definitions()
BOXES = (9, 11, 7, 11, 9, 9, 9, 9, 9, 11, 11, 9, 6)  # of the bring-up checklist, phase by phase
ITEM = {"title": "t", "section": "s"}


def check(*covers, subject="gpu.devices[*].ecc.enabled", **more):
    return {"id": "x.y", "subject": subject, "expect": {"eq": True}, "covers": list(covers), **more}


def cover(items, checks=(), definitions=()):
    seed = {name: {**ITEM, "id": name, "answer": answer} for name, answer in items.items()}
    return coverage.cover({"piqc": seed}, checks, definitions)[0]


def test_every_box_of_the_bring_up_checklist_is_listed():
    counted = Counter(name.split(":")[1].split(".")[0] for name in KNOWN["piqc"])
    assert [counted[str(phase)] for phase in range(13)] == list(BOXES)
    assert [f"piqc:{phase}.{box}" for phase, most in enumerate(BOXES) for box in range(1, most + 1)] == list(
        KNOWN["piqc"]
    )
    assert Counter(item["answer"] for item in KNOWN["piqc"].values()) == {
        "automatic": 77, "evidence": 33, "attestation": 7, "comment": 3,
    }  # fmt: skip


def test_every_item_of_the_post_deployment_checklist_is_listed():
    assert len(KNOWN["themisdb"]) == 281
    assert list(KNOWN) == list(coverage.ORDER)


@pytest.mark.parametrize("seed", KNOWN)
def test_items_of_a_section_are_counted_without_a_gap(seed):
    sections: dict[str, list[int]] = {}
    for name in KNOWN[seed]:
        section, number = name.rsplit(".", 1)
        sections.setdefault(section, []).append(int(number))
    assert {section: numbers for section, numbers in sections.items() if numbers != [*range(1, len(numbers) + 1)]} == {}


def test_only_items_of_a_checklist_are_covered():
    assert coverage.strangers([*CHECKS, *DEFINITIONS], KNOWN) == []


def test_a_covered_item_that_no_checklist_has_is_refused():
    assert coverage.strangers([check("piqc:0.1", "piqc:0.99")], KNOWN) == ["x.y: piqc:0.99"]


def test_what_only_a_bmc_can_answer_stays_open():
    piqc = coverage.cover(KNOWN, CHECKS, DEFINITIONS)[0]
    wanting = [name for name, item in KNOWN["piqc"].items() if item.get("needs") == "bmc"]
    assert piqc.open() == wanting


def test_a_check_answers_an_item_that_can_be_answered_automatically():
    assert cover({"piqc:0.1": "automatic"}, [check("piqc:0.1")]).answers == {"piqc:0.1": "automatic"}


@pytest.mark.parametrize("answer", ["evidence", "attestation", "comment"])
def test_a_check_alone_does_not_answer_what_wants_a_document_or_a_person(answer):
    assert cover({"piqc:0.1": answer}, [check("piqc:0.1")]).answers == {"piqc:0.1": None}


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "bmc.power_supplies[*].state"},
        {"applies": {"fact": "bmc.present", "eq": True}},
        {"applies": [{"profile": "gpu.vendor", "eq": "amd"}, {"fact": "bmc.present", "eq": True}]},
        {"expect": {"eq": "fact.bmc.serial"}},
    ],
)
def test_a_check_whose_facts_nobody_collects_answers_nothing(more):
    assert cover({"piqc:0.1": "automatic"}, [check("piqc:0.1", **more)]).answers == {"piqc:0.1": None}


def test_evidence_comes_before_attestation_and_a_check_before_both():
    shown, said = ({"id": kind, "kind": kind, "covers": ["piqc:0.1"]} for kind in ("evidence", "attestation"))
    item = {"piqc:0.1": "automatic"}
    assert cover(item, [], [said, shown]).answers == {"piqc:0.1": "evidence"}
    assert cover(item, [], [said]).answers == {"piqc:0.1": "attestation"}
    assert cover(item, [check("piqc:0.1")], [said, shown]).answers == {"piqc:0.1": "automatic"}


def test_line_names_what_is_open():
    found = cover({"piqc:0.1": "automatic", "piqc:0.2": "comment", "piqc:1.1": "evidence", "piqc:1.2": "evidence"},
                  [check("piqc:0.1")])  # fmt: skip
    assert coverage.line(found) == (
        "coverage: piqc 1/4 (automatic 1, evidence 0, attestation 0; open: piqc:0.2, piqc:1.*)"
    )
    assert coverage.line(cover({"piqc:0.1": "automatic"}, [check("piqc:0.1")])) == (
        "coverage: piqc 1/1 (automatic 1, evidence 0, attestation 0)"
    )


def test_a_check_without_one_of_its_cases_is_not_counted(tmp_path):
    (tmp_path / "gpu.yml").write_text("x.y: {pass: {}, fail: {facts: {}}, unknown: {facts: {}}}\n")
    assert coverage.proven([check()], tmp_path) == 0
    (tmp_path / "gpu.yml").write_text("x.y: {pass: {facts: {}}, fail: {facts: {}}, unknown: {facts: {}}}\n")
    assert coverage.proven([check()], tmp_path) == 1


def test_figures_are_printed(checkout):
    lines = coverage.lines(checkout / "tests" / "unit" / "checks")
    assert [line.split()[1] for line in lines[:-2]] == list(coverage.ORDER)
    items = len(coverage.of_deploy()[0])
    assert lines[-2] == f"items of a deploy: {items} (with pass, fail and unknown cases: {items})"
    assert lines[-1] == f"checks: {len(CHECKS)} (with pass, fail and unknown cases: {len(CHECKS)})"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: x:0.1, title: t, section: s}", "an item has answer"),
        ("- {id: y:0.1, title: t, section: s, answer: evidence}", "does not belong to x"),
        ("- {id: x:0.1, title: t, section: s, answer: maybe}", "'maybe' is none of"),
        ("- {id: x:0.1, title: t, section: s, answer: evidence, needs: luck}", "needs: bmc"),
        ("- {id: x:0.1, title: t, section: s, answer: evidence}\n" * 2, "stands twice"),
    ],
)
def test_a_list_that_says_too_little_is_refused(tmp_path, text, said):
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(BadInput, match=said):
        coverage.seeds(tmp_path)


def test_item_that_no_shipped_profile_asks_for_is_told_apart():
    """A box is answered only where the profile names what answers it."""
    pinned = next(check for check in CHECKS if check["id"] == "rdma.firmware.pinned")
    known = {"piqc": {"piqc:2.5": KNOWN["piqc"]["piqc:2.5"]}}
    nobody = coverage.asked_by([pinned], [catalogue.profile("generic")])
    assert nobody == set()
    (found,) = coverage.cover(known, [pinned], [], nobody)
    assert (found.answers, found.named) == ({"piqc:2.5": "automatic"}, {"piqc:2.5"})
    assert "1 of the automatic ones only where a site's profile names what answers them" in coverage.line(found)
    site = {"name": "s", "values": {"nic": {"fabric": {"firmware_versions": ["28.43.2026"]}}}, "sources": {}}
    assert coverage.cover(known, [pinned], [], coverage.asked_by([pinned], [site]))[0].named == frozenset()


def test_a_minimum_is_no_pin():
    """What only touches on a box does not answer it."""
    answered = {item: {check["id"] for check in CHECKS if item in check["covers"]} for item in ("piqc:5.1", "piqc:2.5")}
    assert answered == {"piqc:5.1": {"gpu.driver.version"}, "piqc:2.5": {"rdma.firmware.pinned"}}
