# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site is asked once per run: what it names is judged, the rest is unknown; without a site nothing is asked."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, evidence, site, site_rows
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.attested_rows import Papers
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.report import html, markdown

AT = "2026-11-18T06:00:00Z"
META = {"run_id": "r", "started": AT, "finished": AT, "collection_version": "1"}
DEFINITION = {"id": "site.a", "title": "OSes are made from images", "covers": ["piqc:3.1"], "phase": 3,
              "severity": "major", "reads": "the record", "max_age_days": 30, "why": "w", "fix": "f"}  # fmt: skip
GOOD = {"kind": "file", "name": "a.md", "present": True, "age_days": 3.0, "sha256": "0", "matches": None, "error": None}
STATED = len([entry for entry in site.definitions() if entry["kind"] == "attestation"])
ASKED = len([entry for entry in site.definitions() if entry["kind"] == "evidence"])


def row(declared=None, **more):
    item = None if declared is None else GOOD | more
    facts = {"source": "/site", "items": {} if item is None else {"site.a": item}}
    return site_rows.rows([DEFINITION], {} if declared is None else {"site.a": declared}, facts, AT)[0]


def test_evidence_that_is_there_and_recent_passes():
    found = row({"file": "a.md"})
    assert found["message"] == "piqc:3.1 (OSes are made from images): evidence is there"
    assert (found["status"], found["reason"], found["hosts"], found["phase"]) == ("pass", None, [], 3)
    assert (found["observed"], found["expected"], found["source"]) == ("3 days old", "at most 30 days old", "file a.md")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"error": "Permission denied", "present": False}, "file a.md: Permission denied"),
        ({"present": False}, "file a.md is empty"),
        ({"age_days": None}, "its age is not known"),
        ({"age_days": 31.0}, "file a.md is 31 days old, at most 30 are allowed"),
        ({"age_days": 31.0, "matches": False}, "31 days old"),
        ({"error": "its date was not found in it", "age_days": None}, "its date was not found in it"),
    ],
)
def test_evidence_that_says_nothing_is_unknown(more, said):
    found = row({"file": "a.md"}, **more)
    assert found["status"] == "unknown"
    assert said in found["reason"]
    assert said in found["message"]


def test_evidence_that_nobody_named_is_unknown():
    found = row()
    assert (found["status"], found["reason"], found["source"]) == ("unknown", "evidence.yml names none", None)


def test_evidence_that_does_not_match_fails():
    found = row({"file": "a.md"}, matches=False)
    assert (found["status"], found["reason"]) == ("fail", None)
    assert found["message"].endswith("evidence does not say what it must: file a.md does not match")


def test_a_user_may_ask_for_younger_evidence_and_the_row_says_whose_limit_it_is():
    found = row({"file": "a.md", "max_age_days": 2})
    assert (found["status"], found["threshold_from"]) == ("unknown", "/site/evidence.yml")
    assert row({"file": "a.md", "max_age_days": 5})["status"] == "pass"


def test_without_a_site_nothing_is_judged_and_the_run_says_so():
    found = site_rows.judged(None, AT)
    people = {"source": None, "items": STATED, "valid": 0}
    asked = {"source": None, "items": ASKED, "asked": 0, "attestations": people}
    assert found == {"fleet": [], "fleet_checks": {}, "site": asked}
    run = runs.assemble([], [], META | found)
    said = f"site: {ASKED + STATED} items that only a site can show were not asked (report_site_dir)"
    assert said in runs.closing_lines(run)
    assert said in html.render(run)
    assert said.partition(" (")[0] in markdown.render(run)


def test_a_site_answers_for_every_definition(tmp_path):
    (tmp_path / "record.md").write_text("image sha256:abc on all nodes")
    (tmp_path / "evidence.yml").write_text("piqc:3.1: {file: record.md, match: 'sha256:[0-9a-f]+'}\n")
    found = site_rows.judged(str(tmp_path), AT)
    statuses = {entry["id"]: entry["status"] for entry in found["fleet"]}
    assert len(statuses) == ASKED + STATED
    assert [name for name, status in statuses.items() if status == "pass"] == ["site.provisioning.record"]
    assert set(statuses.values()) == {"pass", "unknown"}
    run = runs.assemble([], [], META | found)
    assert run["catalogue"].keys() == statuses.keys()
    people = {"source": f"{tmp_path}/attestations", "items": STATED, "valid": 0}
    assert run["site"] == {"source": str(tmp_path), "items": ASKED, "asked": 1, "attestations": people}
    said = (
        f"site: 1 of {ASKED} items have evidence named in {tmp_path}; 0 of {STATED} are attested in {people['source']}"
    )
    assert said in runs.closing_lines(run)


def test_what_a_site_lives_without_is_waived_by_name(tmp_path):
    (tmp_path / "evidence.yml").write_text("")
    (tmp_path / "waivers.yml").write_text(
        "- {check: site.orchestrator.ha, owner: a, reason: one rack, expires: 2027-01-01}\n"
        "- {check: site.quota.burst, owner: a, reason: later, expires: 2026-01-01}\n"
    )
    found = {entry["id"]: entry for entry in site_rows.judged(str(tmp_path), AT)["fleet"]}
    assert found["site.orchestrator.ha"]["status"] == "waived"
    assert found["site.quota.burst"]["status"] == "unknown"
    assert "has expired" in found["site.quota.burst"]["reason"]


def test_a_site_without_its_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"evidence\.yml"):
        site_rows.judged(str(tmp_path), AT)


@pytest.mark.parametrize("name", ["example-site", "lab-site"])
def test_sites_that_are_shipped_as_examples_can_be_read(checkout, name):
    directory = checkout / "inventories" / name
    definitions = [entry for entry in site.definitions() if entry["kind"] == "evidence"]
    assert evidence.declared(directory / site_rows.FILE, definitions)
    if (directory / site_rows.WAIVERS).exists():
        assert catalogue.waivers(directory / site_rows.WAIVERS, [entry["id"] for entry in definitions])


def test_simulated_site_shows_what_it_names(checkout):
    place = checkout / "inventories" / "lab-site"
    papers = Papers(place / "attestations", place / "allowed_signers", site="simulated-rack")
    found = site_rows.judged(str(place), AT, papers)
    assert {entry["status"] for entry in found["fleet"] if entry["source"]} == {"pass"}
    assert found["site"]["attestations"]["valid"] == 1
