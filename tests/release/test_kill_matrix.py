# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy loses its controller, or its SSH session, in each phase; the next run finds one release and puts it right.

One cell of the matrix is one service on a machine of its name, so that all cells are held, killed and looked at
together: a phase more in ``phases.py`` is a cell more here. What runs on the node goes on without its controller.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.muster.fleet.plugins.module_utils.release.phases import PHASES
from fleet import STATE_DIR, Fleet, stand_in
from rack import Node, Rack

HOLD = Path(__file__).parent / "rack" / "hold.py"
PLACE = "/usr/local/lib/python3.11/dist-packages"
CELLS = [f"{phase.name}-{moment}" for phase in PHASES if phase.journaled for moment in ("before", "after")]


class Matrix(Fleet):
    """A fleet of which each machine is a cell: three real machines under many names, each name with its service."""

    def home(self, cell: str) -> Node:
        """Return the real machine of a cell."""
        return self.nodes[CELLS.index(cell) % len(self.nodes)]

    def of(self, cell: str) -> Fleet:
        """Return the fleet that consists of a cell's machine and service alone."""
        service = stand_in(self.service["image"], cell, 8100 + CELLS.index(cell))
        service["env"] = {"INTERVAL": "1"}
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
            for cell in CELLS
        }
        folder = self.folder / "hosts"
        folder.mkdir(exist_ok=True)
        (folder / "hosts.yml").write_text(json.dumps(described))

    def hold(self, nodes: list[Node]) -> None:
        """Have each cell held in its phase by the next deploy."""
        for node in nodes:
            mine = [cell for cell in CELLS if self.home(cell) is node]
            files = "; ".join(f"echo {cell.replace('-', ' ')} >/run/hold/{cell}" for cell in mine)
            node.sh(f"rm -rf /run/hold /run/held; mkdir /run/hold; {files}")

    def wait_until_held(self, process: subprocess.Popen[str]) -> None:
        """Wait until every cell is where it is to be killed."""
        ends = time.monotonic() + 120
        while (held := sum(len(node.sh("ls /run/held 2>/dev/null", check=False).split()) for node in self.nodes)) < len(CELLS):
            assert process.poll() is None, f"{held} of {len(CELLS)} were held: {process.communicate()[0]}"
            assert time.monotonic() < ends, f"{held} of {len(CELLS)} were held"
            time.sleep(0.3)


@pytest.fixture
def matrix(rack: Rack, nodes: list[Node], images: dict[str, str], tmp_path: Path) -> Iterator[Matrix]:
    """Every cell with v1 of its service."""
    image = f"{rack.registries[0].host}/annotation-queue"
    matrix = Matrix(rack, tmp_path, nodes, "matrix", stand_in(image, "matrix", 0))
    for node in nodes:
        node.write(f"{PLACE}/rack_hold.py", HOLD.read_text())
        node.write(f"{PLACE}/rack_hold.pth", "import rack_hold\n")
        node.sh("mkdir -p " + " ".join(f"/srv/{cell}" for cell in CELLS))
    matrix.deploy("v1", deploy_canary="100%", options=["--forks", "12"]).good()
    yield matrix
    for node in nodes:
        node.sh(f"rm -rf /run/hold {PLACE}/rack_hold*; docker ps -aq | xargs -r docker rm -fv; rm -rf {STATE_DIR} /srv/*")


def controller(process: subprocess.Popen[str], nodes: list[Node]) -> None:
    """Kill the controller with everything it started."""
    del nodes
    os.killpg(process.pid, signal.SIGKILL)


def ssh_session(process: subprocess.Popen[str], nodes: list[Node]) -> None:
    """Kill the server's end of every SSH session; the controller sees machines that are gone."""
    del process
    for node in nodes:
        node.sh("kill -9 $(ps -eo pid,args | awk '/sshd: root@/ && !/awk/ {print $1}')")


@pytest.mark.parametrize("kill", [controller, ssh_session])
def test_killed_in_each_phase(matrix: Matrix, kill: Callable[[subprocess.Popen[str], list[Node]], None]) -> None:
    every = ["--forks", str(len(CELLS))]
    matrix.hold(matrix.nodes)
    process = matrix.start("deploy", options=every, deploy_tag="v2", deploy_canary="100%")
    matrix.wait_until_held(process)
    kill(process, matrix.nodes)
    for node in matrix.nodes:
        node.sh("rm -rf /run/hold")
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    for cell in CELLS:
        matrix.of(cell).settled(matrix.home(cell))
        assert len(matrix.of(cell).running(matrix.home(cell))) == 1, cell
    matrix.deploy("v2", deploy_canary="100%", options=["--forks", "12"]).good()
    assert {cell: matrix.of(cell).at_rest(matrix.home(cell)) for cell in CELLS} == dict.fromkeys(CELLS, "v2")
