# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A thousand hosts by three hundred checks: still one page, small, quick to open, and to be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from ansible_collections.muster.fleet.plugins.plugin_utils.report import html
from ansible_collections.muster.fleet.tests.unit.report import sample

from .conftest import Open

HOSTS, COPIES = 1000, 3
MOST_BYTES = 5_000_000
WANTED_S = 2.0
# Machines that run tests are slow and busy, and time on the wall says more of them than of the page: what was measured
# is told, and the limit is on the time that the page's thread ran.
MOST_BUSY_S = 4.0
TRIES = 3
# To the second frame after loading, when it has been laid out and drawn.
DRAWN = (
    """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""
)


@pytest.fixture(scope="module")
def large() -> dict[str, Any]:
    """The run."""
    return sample.fleet_of(HOSTS, COPIES)


@pytest.fixture(scope="module")
def page_text(large: dict[str, Any]) -> str:
    """Its page."""
    return html.render(large)


def test_it_is_small_and_opens_quickly(
    large: dict[str, Any], page_text: str, opened: Open, figure: Callable[[str], None]
) -> None:
    assert len(large["hosts"]) == HOSTS
    assert len(large["catalogue"]) >= 300
    size = len(page_text.encode())
    tries = [opening(opened, page_text) for _try in range(TRIES)]
    took, busy = min(took for took, _busy in tries), min(busy for _took, busy in tries)
    figure(
        f"{HOSTS} hosts by {len(large['catalogue'])} checks: {size / 1e6:.2f} MB (at most {MOST_BYTES / 1e6:.0f}), "
        f"drawn after {took:.2f} s, of which it ran {busy:.2f} s; best of {TRIES} (wanted: {WANTED_S:g} s)"
    )
    assert size < MOST_BYTES
    assert busy < MOST_BUSY_S


def opening(opened: Open, text: str) -> tuple[float, float]:
    """Return how long a page took until it was drawn, and how long its thread ran for that, in seconds."""
    page = opened("<title>empty</title>").page
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    path = Path(page.url.removeprefix("file://"))
    path.write_text(text, encoding="utf-8")
    page.reload()
    took = page.evaluate(DRAWN) / 1000
    metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return took, metrics["TaskDuration"]


def test_it_is_filtered_at_once(large: dict[str, Any], page_text: str, opened: Open, figure: Any) -> None:
    page = opened(page_text).page
    began = time.perf_counter()
    page.locator("select[name=verdict]").select_option("not_ready")
    page.evaluate(DRAWN)
    took = time.perf_counter() - began
    figure(f"filtered and drawn after {took:.2f} s")
    wanted = large["counts"]["not_ready"]
    assert page.locator("#filter output").inner_text() == f"{wanted} of {HOSTS} hosts"


def test_it_can_be_read(large: dict[str, Any], page_text: str, opened: Open, shots: Path) -> None:
    page = opened(page_text, height=1200).page
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280
    assert page.locator(".unit").count() == page.locator(".line[data-host]").count() == HOSTS
    line = page.locator(".line[data-host] svg").first.bounding_box()
    assert line is not None
    assert line["height"] >= 8, "a row of the map cannot be told from the next"
    expect(page.locator(".rack").first).to_be_visible()
    page.screenshot(path=str(shots / "large.png"))
    page.locator("#racks").evaluate("racks => racks.scrollIntoView()")
    page.screenshot(path=str(shots / "large-racks.png"))
    page.locator("#map").evaluate("map => map.scrollIntoView()")
    page.screenshot(path=str(shots / "large-map.png"))
