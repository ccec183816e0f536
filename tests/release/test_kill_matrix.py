# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy loses its controller, or its SSH session, in each phase; the next run finds one release and puts it right.

One cell of the matrix is one service on a machine of its name, so that all cells are held, killed and looked at
together: a phase more in ``phases.py`` is two cells more here. What kills the module and the engine in each phase is in
``node/test_kills.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet import STATE_DIR, Fleet, Seen, kill_all, look, stand_in
from rack import Node, Rack

from ansible_collections.muster.fleet.plugins.module_utils.release.phases import PHASES

HOLD = Path(__file__).parent / "rack" / "hold.py"
PLACE = "/usr/local/lib/python3.11/dist-packages"
MOMENTS = ("before", "after")
PLACES = [phase.name for phase in PHASES if phase.journaled]
CELLS = [f"{phase}-{moment}" for phase in PLACES for moment in MOMENTS]
EVERY = os.environ.get("MUSTER_EVERY_CELL")  # each cell by both kinds of death; else they take turns, cell by cell
FROZEN = ["guard-before", "prepare-after", "watch-before"]  # a stop may take longer than the lease: it is longer then
TURNS = [PLACES.index(cell.split("-")[0]) + MOMENTS.index(cell.split("-")[1]) for cell in CELLS]
BY_CONTROLLER, BY_SSH = (
    [c for c, turn in zip(CELLS, TURNS, strict=True) if EVERY or turn % 2 == own] for own in (0, 1)
)


class Matrix(Fleet):
    """A fleet of which each machine is a cell: three real machines under many names, each name with its service."""

    cells: list[str]

    def home(self, cell: str) -> Node:
        """Return the real machine of a cell."""
        return self.nodes[self.cells.index(cell) % len(self.nodes)]

    def of(self, cell: str) -> Fleet:
        """Return the fleet that consists of a cell's machine and service alone."""
        service = stand_in(self.service["image"], cell, 8100 + CELLS.index(cell))
        service["env"] = {"INTERVAL": "5"}
        service["gate"].pop("advancing")
        return Fleet(self.rack, self.folder, [self.home(cell)], cell, service)

    def write_inventory(self, *nodes: Node) -> None:
        """Write an inventory with a machine for each cell."""
        del nodes
        described = self.rack.inventory(*(node.name for node in self.nodes))
        real = described["all"]["children"]["rack"]["hosts"]
        described["all"]["children"]["rack"]["hosts"] = {
            cell: {
                **real[self.home(cell).name],
                "deploy_service": cell,
                "deploy_services": {cell: self.of(cell).service},
            }
            for cell in self.cells
        }
        folder = self.folder / "hosts"
        folder.mkdir(exist_ok=True)
        (folder / "hosts.yml").write_text(json.dumps(described))

    def held(self, tag: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a deploy, and return when each cell is held in its phase."""
        for node in self.nodes:
            files = [
                f"echo {cell.replace('-', ' ')} >/run/hold/{cell}" for cell in self.cells if self.home(cell) is node
            ]
            node.sh("; ".join(["rm -rf /run/hold /run/held; mkdir /run/hold", *files]))
        options = ["--forks", str(len(self.cells))]
        process = self.start("deploy", options=options, deploy_tag=tag, deploy_canary="100%", **variables)
        ends = time.monotonic() + 120
        while any(self.sh("ls /run/hold")):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < ends, self.sh("head /run/hold/*")
            time.sleep(0.3)
        return process

    def let_go(self) -> None:
        """Let what is held on the machines go on, and wait until it has come to its end."""
        wait = "for pid in $pids; do while [ -e /proc/$pid ]; do sleep 0.1; done; done"
        self.sh(f"pids=$(cat /run/held/*); rm -rf /run/held; {wait}")

    def sh(self, script: str) -> list[str]:
        """Run a script on each real machine."""
        return [node.sh(script) for node in self.nodes]

    def next_run(self, tag: str) -> None:
        """Deploy once more, undisturbed, and insist that this is what runs then."""
        self.deploy(tag, options=["--forks", "8"], deploy_canary="100%").good()
        for seen in self.seen_in().values():
            seen.at_rest()
        assert self.versions() == dict.fromkeys(self.cells, tag)

    def versions(self) -> dict[str, str]:
        """Return the version that answers in each cell."""
        return {cell: self.of(cell).version(self.home(cell)) for cell in self.cells}

    def seen_in(self) -> dict[str, Seen]:
        """Return what there is in each cell."""
        return {cell: seen for node in self.nodes for cell, seen in look(node).items()}


@pytest.fixture
def matrix(
    rack: Rack, nodes: list[Node], images: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Matrix]:
    """The cells that the test asks for, each with v1 of its service."""
    image = f"{rack.registries[0].host}/annotation-queue"
    matrix = Matrix(rack, tmp_path, nodes, "matrix", stand_in(image, "matrix", 0))
    matrix.cells = request.param
    for node in nodes:
        node.write(f"{PLACE}/rack_hold.py", HOLD.read_text())
        node.write(f"{PLACE}/rack_hold.pth", "import rack_hold\n")
        node.sh("mkdir -p " + " ".join(f"/srv/{cell}" for cell in matrix.cells))
    matrix.next_run("v1")
    yield matrix
    for node in nodes:
        node.sh(f"rm -rf /run/hold /run/held {PLACE}/rack_hold*; docker ps -aq | xargs -r docker rm -fv")
        node.sh(f"rm -rf {STATE_DIR} /srv/*")


def controller(process: subprocess.Popen[str], nodes: list[Node]) -> None:
    """Kill the controller with everything it started."""
    del nodes
    kill_all(process)


def ssh_session(process: subprocess.Popen[str], nodes: list[Node]) -> None:
    """Kill the server's end of every SSH session; the controller sees machines that are gone."""
    del process
    for node in nodes:
        node.sh("kill -9 $(ps -eo pid,args | awk '/sshd: root@/ && !/awk/ {print $1}')")


@pytest.mark.parametrize(
    ("matrix", "kill"),
    [(BY_CONTROLLER, controller), (BY_SSH, ssh_session)],
    indirect=["matrix"],
    ids=["controller", "ssh"],
)
def test_killed_in_each_phase(matrix: Matrix, kill: Callable[[subprocess.Popen[str], list[Node]], None]) -> None:
    """What was started on the nodes goes on without its controller and comes to an end; then the next run."""
    process = matrix.held("v2")
    kill(process, matrix.nodes)
    matrix.let_go()
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    assert {cell: len(seen.running) for cell, seen in matrix.seen_in().items()} == dict.fromkeys(matrix.cells, 1)
    matrix.next_run("v2")


@pytest.mark.parametrize("matrix", [FROZEN], indirect=True, ids=["frozen"])
def test_overtaken_when_the_lease_expires(matrix: Matrix) -> None:
    """Held for longer than its lease, without a controller: the next run takes over, and who is let go does no harm."""
    process = matrix.held("v2", deploy_lease_s=3)
    controller(process, matrix.nodes)
    process.communicate(timeout=30)
    time.sleep(4)
    matrix.next_run("v2")
    matrix.let_go()
    assert {cell: len(seen.running) for cell, seen in matrix.seen_in().items()} == dict.fromkeys(matrix.cells, 1)
    stories = [matrix.home(cell).read(matrix.of(cell).path("audit.jsonl")) for cell in matrix.cells]
    assert matrix.versions() == dict.fromkeys(matrix.cells, "v2"), stories
    matrix.next_run("v2")  # a journal that one of them was just about to write may be there, and is put right
