# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person finds on the page and can do with it, by pointer, by keys and without script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.report import heatmap, html
from ansible_collections.muster.fleet.tests.unit.report import sample
from ansible_collections.muster.fleet.tests.unit.report.test_formats import hostile

from .conftest import Open

Run = dict[str, Any]
BROKEN = "gpu-a01-02"
FOUND = "GPU 3 (0000:4e:00.0): pcie width is 8, expected 16 (profile hgx_h100)"
PAGES = {
    "rack": lambda: html.render(sample.rack()),
    "hostile": lambda: html.render(hostile()),
    "nobody": lambda: html.render(runs.assemble([], [], sample.meta(), None)),
    "real": lambda: html.render(sample.fleet_of(6, 1, 30)),
}


def shown(page: Page) -> set[str]:
    """The hosts that the list shows."""
    names: list[str] = page.locator("details.host:visible > summary .title").all_inner_texts()
    return set(names)


def rows_of(run: Run, key: str, value: str) -> set[str]:
    """The hosts with a finding, or with a waiver, of which ``key`` is ``value``."""
    aside = ("pass", "not_applicable")
    return {
        name
        for name, host in run["hosts"].items()
        if any(row[key] == value for row in host["results"] if row["status"] not in aside)
    }


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(name: str, opened: Open) -> None:
    found = opened(PAGES[name]())
    assert found.asked == [found.page.url]
    assert found.complaints == []
    assert found.page.locator("h1").inner_text() != ""


@pytest.mark.parametrize("width", [1280, 390])
def test_the_verdict_comes_first(text: str, run: Run, opened: Open, width: int) -> None:
    page = opened(text, width, 700).page
    verdict = page.get_by_role("heading", level=1)
    expect(verdict).to_be_in_viewport()
    assert verdict.inner_text() == "Not ready"
    parts = page.locator("main h1, main h2").all()
    tops = [box["y"] for box in (part.bounding_box() for part in parts) if box]
    assert tops[0] == min(tops)
    expect(page.get_by_text("5 of 12 hosts passed muster.")).to_be_in_viewport()
    assert page.title().startswith("Not ready")
    counted = page.locator(".counts li").all_inner_texts()
    assert [int(entry.split()[0]) for entry in counted] == list(run["counts"].values())


@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_simulated_run_says_so_before_anything_else(text: str, opened: Open, media: Any) -> None:
    page = opened(text).page
    page.emulate_media(media=media)
    note = page.get_by_role("note")
    expect(note).to_be_in_viewport()
    assert note.inner_text().startswith("SIMULATED No real machine was asked.")
    box = note.bounding_box()
    assert box is not None
    assert box["y"] == 0
    assert "SIMULATED" in page.title()


def test_a_real_run_does_not(opened: Open) -> None:
    assert "simulated" not in opened(PAGES["real"]()).page.locator("body").inner_text().lower()


def test_hosts_stand_in_their_racks_from_the_top_slot_down(text: str, run: Run, opened: Open) -> None:
    page = opened(text).page
    for rack in page.locator(".rack").all():
        name = rack.locator("h3").inner_text().strip()
        slots = [int(slot) for slot in rack.locator(".slot").all_inner_texts()]
        members = {host: entry["slot"] for host, entry in run["hosts"].items() if entry["rack"] == name}
        assert rack.locator(".name").all_inner_texts() == sorted(members, key=lambda host: -members[host])
        assert slots == sorted(members.values(), reverse=True)
        tops = [box["y"] for box in (unit.bounding_box() for unit in rack.locator(".unit").all()) if box]
        assert tops == sorted(tops)
    assert page.locator(".unit").count() == len(run["hosts"])


def test_each_verdict_has_a_colour_and_a_mark_of_its_own(text: str, run: Run, opened: Open) -> None:
    page = opened(text).page
    looks: dict[str, set[tuple[str, str]]] = {}
    for unit in page.locator(".unit").all():
        colour = unit.evaluate("unit => getComputedStyle(unit).borderLeftColor")
        mark = unit.locator("use").get_attribute("href") or ""
        looks.setdefault(run["hosts"][unit.locator(".name").inner_text()]["verdict"], set()).add((colour, mark))
    assert set(looks) == {"ready", "degraded", "not_ready", "unknown"}
    assert all(len(look) == 1 for look in looks.values())
    assert len({colour for look in looks.values() for colour, _mark in look}) == 4
    assert len({mark for look in looks.values() for _colour, mark in look}) == 4


def test_the_drill_down_tells_observed_expected_source_and_fix(text: str, opened: Open) -> None:
    page = opened(text).page
    card = page.locator(f"#host-{BROKEN}")
    expect(card.locator(".rows")).to_be_hidden()
    page.locator(".unit", has_text=BROKEN).get_by_role("link").click()
    expect(card.locator("> summary")).to_be_in_viewport()
    row = card.locator("tr.s-fail", has_text=FOUND)
    expect(row).to_be_visible()
    assert row.locator(".val").all_inner_texts() == ["8", "16"]
    assert "nvml" in row.locator(".ev").inner_text()
    assert "against profile hgx_h100" in row.locator(".ev").inner_text()
    assert row.locator(".fix").inner_text().startswith("Do Compare pcie width with the profile")
    assert "critical" in row.locator(".res").inner_text()


def test_passed_checks_are_listed_when_asked_for(text: str, run: Run, opened: Open) -> None:
    page = opened(text).page
    card = page.locator(f"#host-{BROKEN}")
    card.locator("> summary").click()
    counts = heatmap.build(run)["rows"][BROKEN]["counts"]
    card.get_by_text(f"{counts['pass']} checks passed").click()
    listed = card.locator("[data-list=p] li").all_inner_texts()
    titles = {entry["title"] for entry in run["catalogue"].values()}
    assert len([line for line in listed if line in titles]) == counts["pass"]


def test_what_needs_doing_is_ordered_and_leads_to_the_hosts(text: str, opened: Open) -> None:
    page = opened(text).page
    severities = [("critical", "major", "minor", "info").index(word)
                  for word in page.locator(".entry .tags .sev").all_inner_texts()]  # fmt: skip
    assert severities == sorted(severities)
    entry = page.locator(".entry", has_text=FOUND)
    assert entry.locator(".fix").inner_text().startswith("Do ")
    entry.get_by_role("link", name=BROKEN).click()
    expect(page.locator(f"#host-{BROKEN} .rows")).to_be_visible()


class TestFilter:
    """Each filter shows exactly the hosts that the run says, and says how many."""

    @pytest.mark.parametrize(
        ("key", "value"),
        [("rack", "a02"), ("class", "hgx_h100"), ("class", "cpu_only"), ("verdict", "unknown"), ("verdict", "ready")],
    )
    def test_by_place_class_and_verdict(self, text: str, run: Run, opened: Open, key: str, value: str) -> None:
        page = opened(text).page
        page.locator(f"select[name={key}]").select_option(value)
        wanted = {name for name, host in run["hosts"].items() if host[key] == value}
        assert shown(page) == wanted != set()
        assert page.locator("#filter output").inner_text() == f"{len(wanted)} of {len(run['hosts'])} hosts"
        faded = page.locator(".unit.off .name").all_inner_texts()
        assert set(faded) == set(run["hosts"]) - wanted

    @pytest.mark.parametrize(
        ("key", "value"),
        [("severity", "critical"), ("severity", "minor"), ("status", "fail"), ("status", "unknown"),
         ("status", "waived")],
    )  # fmt: skip
    def test_by_severity_and_status(self, text: str, run: Run, opened: Open, key: str, value: str) -> None:
        page = opened(text).page
        page.locator(f"select[name={key}]").select_option(value)
        assert shown(page) == rows_of(run, key, value) != set()
        page.locator(".open-all [data-open='1']").click()
        rows = page.locator(".rows tr[data-severity]:visible")
        assert rows.count() > 0
        assert set(rows.evaluate_all(f"rows => rows.map((row) => row.dataset.{key})")) == {value}
        entries = page.locator(".entry:visible")
        assert set(entries.evaluate_all(f"found => found.map((entry) => entry.dataset.{key})")) <= {value}

    def test_by_words_and_together_and_back(self, text: str, run: Run, opened: Open) -> None:
        page = opened(text).page
        page.get_by_role("searchbox").fill("numa_balancing")
        told = {name for name, host in run["hosts"].items() for row in host["results"] if "numa_b" in row["message"]}
        assert shown(page) == told != set()
        page.locator("select[name=verdict]").select_option("degraded")
        assert shown(page) == {name for name in told if run["hosts"][name]["verdict"] == "degraded"} != told
        page.get_by_role("searchbox").fill("nothing says this")
        expect(page.get_by_text("No host matches the filter.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("details.host:visible")).to_have_count(len(run["hosts"]))
        assert page.locator("#filter output").inner_text() == ""


class TestMap:
    """The map of hosts by checks says what each cell is."""

    def cell(self, page: Page, check: str) -> tuple[float, float]:
        """Where the cell of a check lies, of the broken host."""
        places = page.evaluate("() => JSON.parse(document.getElementById('columns').textContent)")
        x = next(column[2] for column in places if column[0] == check)
        svg = page.locator(f".line[data-host='host-{BROKEN}'] [role=img]")
        svg.scroll_into_view_if_needed()
        box = svg.bounding_box()
        assert box is not None
        width = float(page.locator("#cells").get_attribute("data-width") or 0)
        return box["x"] + (x + 5) * box["width"] / width, box["y"] + box["height"] / 2

    @pytest.mark.parametrize(("check", "word"), [("gpu.pcie.width", "fail"), ("gpu.count.driver", "pass")])
    def test_under_the_pointer(self, text: str, opened: Open, check: str, word: str) -> None:
        page = opened(text).page
        page.mouse.move(*self.cell(page, check))
        assert page.locator("#readout").inner_text().startswith(f"{BROKEN} · {word} · ")
        assert f"({check})" in page.locator("#readout").inner_text()

    def test_a_click_opens_the_host(self, text: str, opened: Open) -> None:
        page = opened(text).page
        page.mouse.click(*self.cell(page, "gpu.pcie.width"))
        expect(page.locator(f"#host-{BROKEN} .rows")).to_be_visible()

    def test_every_host_has_a_line_that_is_told_in_words(self, text: str, run: Run, opened: Open) -> None:
        page = opened(text).page
        said = page.locator(".map [role=img]").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
        assert {entry.split(":")[0] for entry in said} == set(run["hosts"])
        counts = heatmap.build(run)["rows"][BROKEN]["counts"]
        assert f"{BROKEN}: {counts['fail']} fail, {counts['unknown']} unknown, {counts['pass']} pass" in said


class TestKeyboard:
    """Everything can be done without a pointer, and one sees where one is."""

    def focused(self, page: Page) -> str:
        found: str = page.evaluate("() => document.activeElement.textContent.trim()")
        return found

    def test_the_first_stop_skips_to_what_needs_doing(self, text: str, opened: Open) -> None:
        page = opened(text).page
        page.keyboard.press("Tab")
        assert self.focused(page) == "Skip to what needs doing first"
        expect(page.locator(".skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#todo h2")).to_be_in_viewport()

    def test_a_host_is_reached_and_opened(self, text: str, opened: Open) -> None:
        page = opened(text).page
        for _stop in range(40):
            page.keyboard.press("Tab")
            if BROKEN in self.focused(page):
                break
        outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "the focus cannot be seen"
        page.keyboard.press("Enter")
        expect(page.locator(f"#host-{BROKEN} .rows")).to_be_visible()

    def test_a_card_opens_and_closes(self, text: str, opened: Open) -> None:
        page = opened(text).page
        summary = page.locator(f"#host-{BROKEN} > summary")
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.locator(f"#host-{BROKEN} .rows")).to_be_visible()
        page.keyboard.press("Space")
        expect(page.locator(f"#host-{BROKEN} .rows")).to_be_hidden()

    def test_arrows_move_over_the_map(self, text: str, run: Run, opened: Open) -> None:
        page = opened(text).page
        page.get_by_role("group", name="Map of hosts by checks").focus()
        page.keyboard.press("ArrowDown")
        first = page.locator("#readout").inner_text()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        second = page.locator("#readout").inner_text()
        assert first.split(" · ")[0] != second.split(" · ")[0]
        assert first.split(" · ")[-1] != second.split(" · ")[-1]
        page.keyboard.press("Enter")
        expect(page.locator(f"#host-{second.split(' · ')[0]}")).to_have_attribute("open", "")

    def test_a_filter_is_set(self, text: str, run: Run, opened: Open) -> None:
        page = opened(text).page
        page.locator("select[name=verdict]").focus()
        page.keyboard.type("Unk")
        assert shown(page) == {name for name, host in run["hosts"].items() if host["verdict"] == "unknown"}


def test_it_reads_well_without_script(text: str, run: Run, opened: Open) -> None:
    page = opened(text, java_script_enabled=False).page
    expect(page.locator("#filter")).to_be_hidden()
    assert page.locator("details.host").count() == len(run["hosts"])
    page.locator(f"#host-{BROKEN} > summary").click()
    expect(page.locator(f"#host-{BROKEN} tr", has_text=FOUND)).to_be_visible()


def test_a_link_to_a_host_opens_it(text: str, opened: Open) -> None:
    page = opened(text).page
    page.goto(f"{page.url}#host-{BROKEN}")
    page.reload()
    expect(page.locator(f"#host-{BROKEN} .rows")).to_be_visible()
