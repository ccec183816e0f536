# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real machines: the tests below run the installed collection over SSH against the rack in a box."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rack import Node, Rack, Unavailable

CHECKOUT = Path(__file__).resolve().parents[2]
NO_DOCKER = "no Docker here: "


@pytest.fixture(scope="session")
def rack() -> Iterator[Rack]:
    """The rack, on; skips every test that asks for it where Docker cannot run."""
    rack = Rack()
    try:
        rack.enter()
    except Unavailable as reason:
        pytest.skip(f"{NO_DOCKER}{reason}")
    try:
        yield rack
    finally:
        rack.leave()


@pytest.fixture(scope="session")
def nodes(rack: Rack, worker_id: str) -> list[Node]:
    """Three machines of this test process, fresh at its start."""
    return rack.start(*(f"{worker_id}-{number}" for number in (1, 2, 3)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not run, here and in the last lines of `make test`: a skipped test proves nothing."""
    told = CHECKOUT / ".build" / "not-run"
    told.unlink(missing_ok=True)
    skipped = [each for each in terminalreporter.stats.get("skipped", []) if NO_DOCKER in str(each.longrepr)]
    if skipped:
        reason = str(skipped[0].longrepr[2]).partition(NO_DOCKER)[2]
        line = f"NOT RUN: {len(skipped)} tests on real engines were skipped, Docker cannot run: {reason}"
        terminalreporter.write_line(line, red=True, bold=True)
        told.write_text(line + "\n")
