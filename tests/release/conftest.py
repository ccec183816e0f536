# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real machines: the tests below run the installed collection over SSH against the rack in a box."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fleet import CONTROL, STATE_DIR, Fleet, stand_in
from rack import Node, Rack, Unavailable

CHECKOUT = Path(__file__).resolve().parents[2]
QUEUE, PORT = "annotation-queue", 8080
NOT_RUN = "not run here: "


@pytest.fixture(scope="session")
def rack() -> Iterator[Rack]:
    """The rack, on; skips every test that asks for it where Docker cannot run."""
    rack = Rack()
    try:
        rack.enter()
    except Unavailable as reason:
        pytest.skip(f"{NOT_RUN}Docker cannot run: {reason}")
    try:
        yield rack
    finally:
        rack.leave()
        shutil.rmtree(CONTROL, ignore_errors=True)


@pytest.fixture(scope="session")
def nodes(rack: Rack, worker_id: str) -> list[Node]:
    """Three machines of this test process, fresh at its start."""
    return rack.start(*(f"{worker_id}-{number}" for number in (1, 2, 3)))


@pytest.fixture(scope="session")
def images(rack: Rack) -> dict[str, str]:
    """The digests of the stand-in queue's images by tag."""
    return rack.registries[0].push_queue(QUEUE, rack.busybox)


@pytest.fixture
def fleet(rack: Rack, nodes: list[Node], images: dict[str, str], request: Any, tmp_path: Path) -> Iterator[Fleet]:
    """The stand-in queue as a service on three nodes, none of which has it yet; they are bare again afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    for node in nodes:
        node.sh(f"mkdir /srv/{name}")
    yield Fleet(rack, tmp_path, list(nodes), name, stand_in(f"{rack.registries[0].host}/{QUEUE}", name, PORT))
    for node in nodes:
        node.sh(f"docker ps -aq | xargs -r docker rm -fv; rm -rf {STATE_DIR} /srv/*")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not run, here and in the last lines of `make test`: a skipped test proves nothing."""
    told = CHECKOUT / ".build" / "not-run"
    told.unlink(missing_ok=True)
    skips = [str(each.longrepr[2]) for each in terminalreporter.stats.get("skipped", [])]
    reasons = Counter(skip.partition(NOT_RUN)[2] for skip in skips if NOT_RUN in skip)
    for reason, number in reasons.items():
        line = f"NOT RUN: {number} tests on real engines were skipped. {reason}"
        terminalreporter.write_line(line, red=True, bold=True)
        with told.open("a") as lines:
            lines.write(line + "\n")
