# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page in a real browser: Chromium without a window, without a network, and with nothing left over afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ansible_collections.muster.fleet.plugins.plugin_utils.report import html
from ansible_collections.muster.fleet.tests.unit.report import sample

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)
FIGURE = "figure"
OPEN_AT_ONCE = 2


class Opened:
    """A page that is open, and what it did: ``asked`` lists every request, ``complaints`` errors and dialogs."""

    def __init__(self, page: Page):
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.context.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        page.on("dialog", self._refuse)

    def _refuse(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium with a profile of its own, which is removed with it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip(f"no Chromium here ({', '.join(NAMES)}): the page was not looked at in a browser")
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        started.close()


@pytest.fixture(name="opened")
def opened_fixture(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Writes a page to a file and opens that; options are those of a browser context (``color_scheme``, ...)."""
    contexts: list[BrowserContext] = []

    def opened(text: str, width: int = 1280, height: int = 800, **options: Any) -> Opened:
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(text, encoding="utf-8")
        if len(contexts) >= OPEN_AT_ONCE:
            contexts[-OPEN_AT_ONCE].close()
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(60_000)  # the machines that run tests are busy
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.goto(path.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def run() -> dict[str, Any]:
    """The run of the sample rack."""
    return sample.rack()


@pytest.fixture(scope="session")
def text(run: dict[str, Any]) -> str:
    """Its page."""
    return html.render(run)


@pytest.fixture(scope="session")
def shots(checkout: Path) -> Path:
    """Where pictures of the page are left, to be looked at."""
    folder = checkout / ".build" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(name="figure")
def figure_fixture(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tells a figure that was measured, after the last test."""
    return lambda said: record_property(FIGURE, said)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was measured, whatever worker did it."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, said in report.user_properties:
            if name == FIGURE and report.when == "call":
                terminalreporter.write_line(f"page: {said}")
