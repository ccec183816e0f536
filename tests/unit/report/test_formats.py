# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The formats for machines and for comments: valid whatever a machine says, and never greener than the run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.report import json_file, junit, markdown, prometheus
from ansible_collections.muster.fleet.tests.unit.report import sample

RACK = sample.rack()
EVIL = '<script>alert(1)</script> {{ 7*7 }} `x` | "y" \\ ]]> \x00\x1b[31m \ud800 @all #1 \n# z *b* \uffff'


def hostile() -> dict[str, Any]:
    """A run in which everything that a machine or an inventory may choose is hostile."""
    check = {"title": EVIL, "severity": "critical", "phase": 5, "fix": EVIL, "why": EVIL, "source": EVIL, "what": EVIL}
    rows = [
        sample.row(EVIL + status, check, status, EVIL, observed=EVIL, expected=[EVIL], message=EVIL, reason=EVIL,
                   source=EVIL, threshold_from=EVIL, at=EVIL)
        for status in ("fail", "unknown", "waived", "not_applicable", "pass")
    ]  # fmt: skip
    host = sample.record(EVIL, {"a.b": check}) if "-" in EVIL else {}
    host |= {"name": EVIL, "rack": EVIL, "slot": EVIL, "class": EVIL, "profile": EVIL, "reason": EVIL, "reached": True,
             "verdict": "not_ready", "results": rows, "facts_summary": {EVIL: EVIL}, "phases": {EVIL: "not_reached"},
             "errors": [{"domain": EVIL, "source": EVIL, "reason": EVIL}],
             "catalogue": {row["id"]: check for row in rows}}  # fmt: skip
    meta = sample.meta(run_id=EVIL, started=EVIL, finished=EVIL, collection_version=EVIL, report=EVIL, inventory={})
    earlier = runs.assemble([host | {"verdict": "ready", "results": rows[:1]}], [EVIL], meta, None)
    return runs.assemble([host], [EVIL, EVIL + "2"], meta | {"fleet": [rows[0] | {"hosts": [EVIL]}]}, earlier)


RUNS = [RACK, hostile(), runs.assemble([], [], sample.meta(), None), sample.fleet_of(20, 1)]


@pytest.mark.parametrize("run", RUNS)
def test_json_comes_back_as_it_was(run: dict[str, Any]) -> None:
    assert json.loads(json_file.render(run)) == run
    json_file.render(run).encode("ascii")


class TestJUnit:
    """JUnit XML."""

    @pytest.mark.parametrize("run", RUNS)
    def test_it_is_xml_and_its_counts_add_up(self, run: dict[str, Any]) -> None:
        root = ET.fromstring(junit.render(run).encode())
        for suite in root:
            cases = suite.findall("testcase")
            assert int(suite.get("tests", "")) == len(cases) > 0
            for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                assert int(suite.get(key, "")) == len(suite.findall(f"testcase/{tag}"))
        assert int(root.get("errors", "")) == sum(int(suite.get("errors", "")) for suite in root)

    def test_a_check_is_one_case_with_its_outcome(self) -> None:
        root = ET.fromstring(junit.render(RACK).encode())
        suite = next(suite for suite in root if suite.get("name") == "gpu-a01-02")
        cases = {case.get("name", "").split(":")[0]: case for case in suite.findall("testcase")}
        assert len(cases) == len(suite.findall("testcase")) == len(sample.catalogue())
        failure = cases["gpu.pcie.width"].find("failure")
        assert failure is not None
        assert failure.get("message") == "GPU 3 (0000:4e:00.0): pcie width is 8, expected 16 (profile hgx_h100)"
        assert "fix: " in (failure.text or "")
        assert len(cases["gpu.count.pci"]) == 0

    def test_waived_and_not_applicable_are_skipped_with_the_reason(self) -> None:
        root = ET.fromstring(junit.render(RACK).encode())
        told = [skipped.get("message", "") for skipped in root.iter("skipped")]
        assert "waived: until 2026-12-15, owner j.doe: vendor holds 28.42 back for this board" in told
        assert "not applicable: profile cpu_only has no accelerators" in told
        assert "phase not reached" in told

    def test_what_could_not_be_seen_is_an_error(self) -> None:
        root = ET.fromstring(junit.render(RACK).encode())
        suites = {suite.get("name"): suite for suite in root}
        assert [error.get("message") for error in suites["hl-a02-02"].iter("error")] == ["no result arrived"]
        hung = len([check for check in sample.catalogue() if check.startswith("gpu.")])
        assert suites["gpu-a01-03"].get("errors") == str(hung)

    def test_properties_say_what_they_are(self) -> None:
        odd = dict(sample.records()[0], slot=1, simulated=True, rack=["r", 1])
        root = ET.fromstring(junit.render(runs.assemble([odd], [odd["name"]], sample.meta(), None)).encode())
        told = {entry.get("name"): entry.get("value") for entry in root.iter("property")}
        assert (told["slot"], told["simulated"], told["rack"]) == ("1", "yes", '["r", 1]')

    def test_a_run_without_hosts_is_not_green(self) -> None:
        assert ET.fromstring(junit.render(RUNS[2]).encode()).get("errors") == "1"


_SAMPLE = re.compile(r'^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?[0-9.e+]+)$')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    """Parse the exposition format as strictly as a scraper: HELP and TYPE before samples, nothing twice."""
    declared: set[str] = set()
    found, seen = [], set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line[7:].split()
            assert kind == "gauge"
            assert name not in declared
            declared.add(name)
        elif not line.startswith("# HELP "):
            match = _SAMPLE.match(line)
            assert match, line
            assert match[1] in declared
            assert line.rsplit(" ", 1)[0] not in seen
            seen.add(line.rsplit(" ", 1)[0])
            found.append((match[1], dict(_LABEL.findall(match[2])), float(match[3])))
    return found


class TestPrometheus:
    """Prometheus text exposition."""

    @pytest.mark.parametrize("run", RUNS)
    def test_it_is_well_formed_and_says_whether_it_is_simulated(self, run: dict[str, Any]) -> None:
        for _name, labels, _value in samples(prometheus.render(run)):
            assert labels["simulated"] in ("true", "false")

    def test_each_expected_host_has_one_verdict(self) -> None:
        verdicts: dict[str, list[str]] = {}
        for name, labels, value in samples(prometheus.render(RACK)):
            if name == "muster_host_verdict" and value == 1:
                verdicts.setdefault(labels["host"], []).append(labels["verdict"])
        assert verdicts == {name: [host["verdict"]] for name, host in RACK["hosts"].items()}

    def test_a_silent_host_is_not_ready(self) -> None:
        values = {(name, labels.get("host")): value for name, labels, value in samples(prometheus.render(RACK))}
        assert values["muster_host_ready", "hl-a02-02"] == 0
        assert values["muster_host_reached", "hl-a02-02"] == 0
        assert values["muster_host_ready", "gpu-a01-01"] == 1
        assert values["muster_run_timestamp_seconds", None] == 1795400049

    def test_findings_are_series_and_passes_are_counted(self) -> None:
        found = [labels for name, labels, _value in samples(prometheus.render(RACK)) if name == "muster_check_status"]
        assert {"fail", "unknown", "waived"} == {labels["status"] for labels in found}
        assert any(labels["check"] == "gpu.pcie.width" and labels["severity"] == "critical" for labels in found)

    @pytest.mark.parametrize("run", RUNS)
    def test_prometheus_itself_takes_it(self, run: dict[str, Any], promtool: str) -> None:
        done = promtool_check(promtool, prometheus.render(run))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_promtool_refuses_what_is_wrong(self, promtool: str) -> None:
        assert promtool_check(promtool, "# TYPE a gauge\na{b=1} 1\n").returncode != 0
        assert "no help text" in promtool_check(promtool, "# TYPE a gauge\na 1\n").stderr


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' own checker, which the test set-up unpacks where it can."""
    found = shutil.which("promtool")
    if not found:
        pytest.skip("no promtool here: muster.prom was only read by the parser of these tests")
    return found


def promtool_check(promtool: str, text: str) -> subprocess.CompletedProcess[str]:
    """Ask Prometheus' own checker about a text."""
    command = [promtool, "check", "metrics"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)


class TestMarkdown:
    """The summary for a comment."""

    def test_it_says_verdict_simulation_and_what_to_do(self) -> None:
        text = markdown.render(RACK)
        assert text.startswith("## ❌ Not ready: 12 hosts")
        assert "**SIMULATED.**" in text
        assert "0 missed, 0 extra" in text
        assert "| **all** | **4** | **1** | **5** | **2** |" in text
        assert "<summary>❔ hl-a02-02" in text.replace("\\", "")

    @pytest.mark.parametrize("run", [RACK, hostile()])
    def test_tables_and_details_stay_whole(self, run: dict[str, Any]) -> None:
        text = markdown.render(run)
        assert text.count("<details>") == text.count("</details>")
        assert "<script>" not in text
        widths: list[int] = []
        for line in text.splitlines():
            width = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert not width or not widths or widths[-1] in (0, width), line
            widths.append(width)

    def test_markup_of_a_machine_stays_text(self) -> None:
        assert markdown.escaped("a|b `c` <i> @all") == "a\\|b \\`c\\` &lt;i&gt; @\u200ball"

    def test_it_fits_into_a_comment(self) -> None:
        text = markdown.render(sample.fleet_of(300, 1, broken_percent=100))
        assert len(text) < 65_536
        assert "more hosts are in the full report" in text
