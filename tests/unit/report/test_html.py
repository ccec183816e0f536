# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page: whole, self-contained, inert whatever it quotes, readable in both colour schemes, small for big fleets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.report import findings, heatmap, html, page
from ansible_collections.muster.fleet.tests.unit.report import sample
from ansible_collections.muster.fleet.tests.unit.report.test_formats import hostile

_VOID = {"meta", "link", "input", "br", "img", "use", "path", "hr"}


class Page(HTMLParser):
    """Parses a page, complains of tags that do not match, and keeps what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script":
            self.scripts.append(data)
        elif inside != "style":
            self.texts.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _tag, attrs in self.tags if name in attrs]


@cache
def rendered(name: str) -> str:
    made = {
        "rack": sample.rack,
        "hostile": hostile,
        "nobody": lambda: runs.assemble([], [], sample.meta(), None),
        "silent": lambda: runs.assemble([], ["a", "b"], sample.meta(inventory={}), None),
        "real": lambda: sample.fleet_of(6, 1, 0),
    }
    return html.render(made[name]())


@pytest.mark.parametrize("name", ["rack", "hostile", "nobody", "silent", "real"])
class TestEveryPage:
    """What holds for any run."""

    def test_it_is_whole(self, name: str) -> None:
        shown = Page(rendered(name))
        ids = shown.values("id")
        assert len(ids) == len(set(ids))
        assert rendered(name).startswith("<!doctype html>")

    def test_links_within_the_page_have_a_target(self, name: str) -> None:
        shown = Page(rendered(name))
        for href in shown.values("href"):
            assert href.startswith("#")
            assert href[1:] in shown.values("id")

    def test_nothing_is_fetched(self, name: str) -> None:
        shown = Page(rendered(name))
        assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _attrs in shown.tags}
        assert shown.values("src") == []
        assert "url(" not in rendered(name)
        assert "@import" not in rendered(name)

    def test_only_our_own_script_may_run(self, name: str) -> None:
        text = rendered(name)
        _data, script = (part.split("</script>")[0].split(">", 1)[1] for part in text.split("<script")[1:])
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in text
        assert "default-src 'none'" in text

    def test_no_attribute_is_a_handler(self, name: str) -> None:
        names = {key for _tag, attrs in Page(rendered(name)).tags for key in attrs}
        assert not [key for key in names if key.startswith("on")]

    def test_the_embedded_data_is_json(self, name: str) -> None:
        assert isinstance(json.loads(Page(rendered(name)).scripts[0]), list)


def test_what_a_machine_says_is_text() -> None:
    shown = Page(rendered("hostile"))
    assert "<script>alert(1)</script> {{ 7*7 }}" in shown.text()  # as text, neither run nor computed
    assert len([tag for tag, _attrs in shown.tags if tag == "script"]) == 2
    assert "alert(1)" not in shown.scripts[1]
    assert "\x1b" not in rendered("hostile")
    assert "\x00" not in rendered("hostile")
    rendered("hostile").encode()


def test_the_verdict_comes_first() -> None:
    shown = Page(rendered("rack"))
    text = shown.text()
    places = [text.index(part) for part in (
        "SIMULATED", "Not ready", "5 of 12 hosts passed muster.", "0 missed, 0 extra", "Racks",
        "What needs doing first", "Score per phase", "Hosts by checks", "What changed",
    )]  # fmt: skip
    title = next(index for index, part in enumerate(shown.texts) if "muster" in part)
    assert "Not ready" in shown.texts[title]  # the tab says it, too
    text = text[text.index("fleet Finished") :]
    assert text.index("Not ready") < text.index("What needs doing first")
    assert len(places) == 9


def test_a_real_run_does_not_say_simulated() -> None:
    assert "SIMULATED" not in Page(rendered("real")).text()
    assert "simulated" not in Page(rendered("real")).text().lower()


def test_a_mixed_run_says_how_many_are_simulated() -> None:
    checks = sample.catalogue()
    hosts = [sample.record("n-a01-01", checks), sample.record("n-a01-02", checks, simulated=False, planted=None)]
    text = Page(html.render(runs.assemble(hosts, ["n-a01-01", "n-a01-02"], sample.meta(inventory={}), None))).text()
    assert "SIMULATED 1 of 2 hosts are simulated" in text


def test_a_run_without_hosts_says_so() -> None:
    text = Page(rendered("nobody")).text()
    assert "Nothing was judged: no host matched." in text
    assert "No findings" not in text


def test_every_host_is_in_rack_map_and_drill_down() -> None:
    run = sample.rack()
    shown = Page(rendered("rack"))
    for name in run["hosts"]:
        assert f"host-{name}" in shown.values("id")
        assert shown.values("data-host").count(f"host-{name}") == 2


def test_a_finding_is_shown_with_all_its_evidence() -> None:
    text = Page(rendered("rack")).text()
    start = text.index("gpu-a01-02", text.index("Open all"))
    card = text[start : text.index("checks passed", start)]
    for part in ("GPU 3 (0000:4e:00.0): pcie width is 8, expected 16", "nvml", "against profile hgx_h100",
                 "2026-11-23T02:14:03Z", "Compare pcie width with the profile", "Fail", "critical"):  # fmt: skip
        assert part in card


def test_what_could_not_be_seen_is_listed() -> None:
    text = Page(rendered("rack")).text()
    assert "What could not be seen nvidia-smi -q -x did not answer within 20 s, process group killed" in text
    assert "waived" in text.lower()
    assert "until 2026-12-15, owner j.doe" in text
    assert "not reached" in text
    assert "1 host did not reach it" in text


def test_one_cause_is_told_once() -> None:
    todo = page.build(sample.rack())["todo"]
    causes = [entry for entry in todo if entry["checks"]]
    assert [entry["title"] for entry in causes] == [
        "33 checks could not be made: nvidia-smi did not answer within 20 s"
    ]
    assert len(causes[0]["checks"]) == 33
    pcie = next(entry for entry in todo if entry["id"] == "gpu.pcie.width")
    assert [group["hosts"] for group in pcie["told"]] == [[("gpu-a01-02", "host-gpu-a01-02")]]


def test_what_is_said_of_many_hosts_is_said_once() -> None:
    todo = page.build(sample.rack())["todo"]
    numa = next(entry for entry in todo if entry["id"] == "host.sysctl.numa_balancing")
    assert [(group["count"], len(group["hosts"])) for group in numa["told"]] == [(3, 3)]


def test_a_check_with_many_bad_items_is_introduced_once() -> None:
    checks = sample.catalogue()
    host, check = sample.record("n-a01-01", checks), "gpu.pcie.width"
    sample.put(host, [sample.bad(check, checks[check], f"GPU {number}", 8, 16) for number in (10, 9, 2)], "not_ready")
    run = runs.assemble([host], ["n-a01-01"], sample.meta(inventory={}), None)
    rows = page.build(run)["hosts"][0]["rows"]
    assert [(row["item"], row["again"]) for row in rows] == [("GPU 2", False), ("GPU 9", True), ("GPU 10", True)]
    text = Page(html.render(run)).text()
    card = text[text.index("Open all") :]
    assert card.count("Do Compare pcie width with the profile") == 1
    assert [f"GPU {number}: pcie width is 8" in card for number in (2, 9, 10)] == [True] * 3


def test_a_cause_within_a_reason_is_found() -> None:
    checks = sample.catalogue()
    host = sample.record("n-a01-01", checks)
    rows = [
        sample.silent(check, checks[check], None, f"{check} has no value (ethtool: not found (1))")
        for check in list(checks)[:4]
    ]
    sample.put(host, rows, "unknown")
    todo = page.build(runs.assemble([host], ["n-a01-01"], sample.meta(inventory={}), None))["todo"]
    assert [entry["title"] for entry in todo] == ["4 checks could not be made: ethtool: not found (1)"]


def test_what_a_site_does_not_show_for_one_reason_is_told_once() -> None:
    entry = {"severity": "major", "phase": 0}
    rows = [sample.row(f"site.{name}", entry, "unknown", reason="evidence.yml names none") for name in "abcd"]
    rows += [sample.row("site.e", entry, "fail", message="e does not match")]
    run = runs.assemble([], ["a"], sample.meta(inventory={}, fleet=rows), None)
    content = page.build(run)
    found = {entry["title"]: entry for entry in content["todo"]}
    assert list(found)[1:] == ["site.e", "4 items of the site are not shown: evidence.yml names none"]
    told = found["4 items of the site are not shown: evidence.yml names none"]
    assert (told["count"], len(told["checks"]), "attested" in told["fix"]) == (0, 4, True)
    assert content["fleet"] == [], "what names no host is not between hosts"
    assert "0 hosts" not in Page(html.render(run)).text()


def test_what_needs_doing_is_worst_first_and_names_silent_hosts() -> None:
    todo = page.build(sample.rack())["todo"]
    order = [("critical", "major", "minor", "info").index(entry["severity"]) for entry in todo]
    assert order == sorted(order)
    silent = next(entry for entry in todo if entry["title"] == "1 host could not be judged")
    assert [told["message"] for told in silent["told"]] == ["no result arrived"]


def test_the_map_holds_the_worst_status_of_every_check() -> None:
    run = sample.rack()
    heat = heatmap.build(run)
    ids = [column["id"] for column in heat["columns"]]
    for name, host in run["hosts"].items():
        code = re.sub(r"(\d+)(.)", lambda part: part[2] * int(part[1]), heat["rows"][name]["code"])
        assert len(code) == len(ids)
        for check, status in findings.worst_by_check(host["results"]).items():
            assert code[ids.index(check)] == {"not_applicable": "n"}.get(status, status[0])
    assert heat["rows"]["hl-a02-02"]["code"] == f"{len(ids)}-"


def test_the_strokes_of_the_map_cover_each_cell_once() -> None:
    heat = heatmap.build(sample.rack())
    for row in heat["rows"].values():
        drawn: list[int] = []
        for status, path in row["paths"]:
            for x, y, long in re.findall(r"M(\d+) ([\d.]+)h(\d+)", path):
                if not (status == "unknown" and y == "10.5"):
                    drawn += range(int(x), int(x) + int(long), heatmap.CELL)
        assert sorted(drawn) == [column["x"] for column in heat["columns"]]


def test_a_thousand_hosts_stay_small_and_quick() -> None:
    run = sample.fleet_of(1000, 3)
    assert len(run["catalogue"]) >= 300
    began = time.process_time()
    text = html.render(run)
    assert time.process_time() - began < 20
    assert len(text.encode()) < 5_000_000


def test_a_thousand_broken_hosts_stay_small_and_say_what_is_cut() -> None:
    text = html.render(sample.fleet_of(1000, 1, broken_percent=100))
    assert len(text.encode()) < 5_000_000
    assert "more results are in run.json" in text


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _schemes(checkout: Path) -> dict[str, dict[str, str]]:
    style = (checkout / "roles" / "report" / "templates" / "report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\n\s*\}", style, re.DOTALL)[:2]
    light, dark = (dict(re.findall(r"--([a-z_-]+): (#[0-9a-f]{6})", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str, checkout: Path) -> None:
    """WCAG 2.2 AA: text 4.5 to 1, marks and shapes that carry meaning 3 to 1."""
    colours: dict[str, str] = _schemes(checkout)[scheme]
    for ground in ("bg", "card", "soft"):
        for text in ("ink", "muted", "accent", "ready", "degraded", "not_ready", "unknown", "aside"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in ("bg", "card"):
        for shape in ("not_ready-fill", "unknown-fill"):
            assert _contrast(colours[shape], colours[ground]) >= 3, (shape, ground)


def test_everything_stands_without_script() -> None:
    text = re.sub(r"<script.*?</script>", "", rendered("rack"), flags=re.DOTALL)
    for hidden in re.findall(r"<(\w+)[^>]* hidden[ >]", text):
        assert hidden in ("form", "p")  # the filter and its buttons do nothing without it
    assert "GPU 3 (0000:4e:00.0): pcie width is 8, expected 16" in text


def values() -> list[Any]:
    return [None, True, 0, 1.5, "x", [], {"a": 1}]


@pytest.mark.parametrize("value", values())
def test_any_value_can_be_shown(value: Any) -> None:
    checks = sample.catalogue()
    host = sample.record("n-a01-01", checks)
    entry = checks["gpu.pcie.width"]
    sample.put(host, [sample.bad("gpu.pcie.width", entry, "GPU 3", value, value)], "not_ready")
    Page(html.render(runs.assemble([host], ["n-a01-01"], sample.meta(inventory={}), None)))
