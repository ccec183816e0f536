# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of the catalogue says of every check what it reads, expects and covers."""

from __future__ import annotations

from ansible_collections.muster.fleet.plugins.action.catalogue import _listed
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, catalogue_page, coverage, site

CHECK = {
    "id": "gpu.count.driver", "title": "All | known", "severity": "major", "phase": 5, "source": "x",
    "subject": "gpu.driver_count", "expect": {"eq": "fact.gpu.pci_count", "ge": 1}, "covers": ["piqc:5.8"],
    "applies": [{"profile": "gpu.vendor", "eq": "amd"}, {"fact": "gpu.state", "eq": "ok"}],
}  # fmt: skip
READS = "gpu.driver_count, gpu.state, gpu.pci_count"
CHECKS = catalogue.checks()
DEFINITIONS = site.definitions()
ITEMS, SHOWN = coverage.of_deploy()
COVERED = coverage.cover(coverage.seeds(), [*CHECKS, *ITEMS], [*DEFINITIONS, *SHOWN])


def test_facts_are_those_of_subject_conditions_and_comparison():
    assert coverage.facts_read(CHECK) == READS.split(", ")
    function = {"using": "majority", "with": {"subject": "nic.ports[*].mtu", "limit": "profile.nic.mtu"}}
    assert coverage.facts_read(function) == ["nic.ports[*].mtu"]


def test_expectation_names_operators_and_operands():
    assert catalogue_page.expectation(CHECK) == "eq fact.gpu.pci_count and ge 1"
    assert catalogue_page.expectation({"expect": {"empty": True}}) == "empty true"
    assert catalogue_page.expectation({"using": "majority"}) == "function majority"


def test_console_tells_a_check_in_two_lines():
    assert catalogue_page.lines([CHECK]) == [
        "gpu.count.driver (major, phase 5) All | known",
        f"    reads {READS}; eq fact.gpu.pci_count and ge 1 (from x); covers piqc:5.8",
    ]


def test_every_check_reads_facts():
    assert [check["id"] for check in CHECKS if not coverage.facts_read(check)] == []


def test_page_lists_every_check_and_definition_once():
    page = catalogue_page.markdown(CHECKS, DEFINITIONS, COVERED)
    for entry in [*CHECKS, *DEFINITIONS]:
        assert page.count(f"\n| `{entry['id']}` |") == 1, entry["id"]
    assert "| piqc | " in page


def test_a_table_keeps_its_columns_whatever_a_title_holds():
    page = catalogue_page.markdown([CHECK | {"title": "a | b\nc"}], [], [])
    assert "| a \\| b c |" in page


def test_page_is_written_when_it_says_something_new(tmp_path):
    options = {"check_dirs": [], "dest": str(tmp_path / "docs" / "catalogue.md")}
    assert _listed(options, dry=True)["changed"]
    assert not (tmp_path / "docs").exists()
    assert _listed(options, dry=False)["changed"]
    found = _listed(options, dry=False)
    assert not found["changed"]
    assert found["checks"] == len(CHECKS)
    assert found["coverage"] == [coverage.line(entry) for entry in COVERED]


def test_own_checks_are_listed_too(tmp_path):
    own = CHECKS[0] | {"id": "own.check", "covers": []}
    (tmp_path / "own.yml").write_text(f"- {own}\n")
    page = tmp_path / "page.md"
    _listed({"check_dirs": [str(tmp_path)], "dest": str(page)}, dry=False)
    assert "| `own.check` |" in page.read_text()
