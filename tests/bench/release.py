#!/usr/bin/env python3
"""What a deploy costs, against the same steps as a chain of tasks, and how long a client is without an answer.

    python tests/bench/release.py --rounds 3

On the rack in a box (root on Debian 12). Controller and nodes share this machine's processors: trust the controller's
CPU time, and wall times only as ratios of one run. The chain needs community.docker, which is installed (with the PyPI
package ``ansible``, some 500 MB) into ``.build/bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "release"))

import ansible.release  # noqa: E402
from fleet import SETTINGS, stand_in  # noqa: E402
from rack import Node, Rack, Unavailable  # noqa: E402

CHAIN = CHECKOUT / ".build" / "bench" / f"ansible-{sys.version_info[0]}.{sys.version_info[1]}"
PORTS = {"release": 8080, "chain": 8081}
ROW = "{:<10} {:>6} {:>9} {:>9} {:>12} {:>10}"


class Run(NamedTuple):
    """One deploy by one variant on ``hosts`` hosts; seconds."""

    variant: str
    hosts: int
    wall_s: float
    cpu_s: float
    tasks_most: int
    tasks_mean: float


class Probe(threading.Thread):
    """A client that asks every 10 ms; the longest time between two answers is what its user would have seen."""

    def __init__(self, node: Node, port: int) -> None:
        super().__init__(daemon=True)
        self._node, self._port, self._over = node, port, threading.Event()
        self._answered = self._longest_s = 0.0

    def run(self) -> None:
        """Ask, until :meth:`over`."""
        self._answered = time.monotonic()
        while not self._over.is_set():
            asked = time.monotonic()
            if self._node.http("/version", self._port, timeout_s=0.2):
                now = time.monotonic()
                self._longest_s, self._answered = max(self._longest_s, now - self._answered), now
            time.sleep(max(0.0, asked + 0.01 - time.monotonic()))

    def over(self) -> float:
        """Wait for one more answer, so that the last gap has its end; stop asking, return the longest in seconds."""
        since = time.monotonic()
        while self._answered < since:
            time.sleep(0.01)
        self._over.set()
        self.join()
        return self._longest_s


class Bench:
    """Machines that run both variants of the same service, side by side."""

    def __init__(self, rack: Rack, folder: Path) -> None:
        self.rack, self.folder = rack, folder
        self.nodes = rack.start("bench-1", "bench-2", "bench-3")
        self.image = f"{rack.registries[0].host}/annotation-queue"
        rack.registries[0].push_queue("annotation-queue", rack.busybox)
        for node in self.nodes:
            node.sh("mkdir -p /srv/release /srv/chain")

    def command(self, variant: str, hosts: int, tag: str) -> list[str]:
        """Return the command that deploys; both gates ask over HTTP and look at restarts, and nobody settles."""
        inventory = self.rack.write_inventory(self.folder / "hosts", *(node.name for node in self.nodes[:hosts]))
        service = stand_in(self.image, "release", PORTS["release"])
        service["gate"].pop("advancing")
        service |= {"gate": {**service["gate"], "running_s": 0}, "watch_s": 0, "env": {"MODE": "good"}}
        asked = {"deploy_services": {"release": service}, "deploy_service": "release", "deploy_tag": tag}
        asked |= {"muster_hosts": "rack", "deploy_canary": "100%"}
        if variant == "release":
            program, playbook = Path(sys.executable).parent, "muster.fleet.deploy"
        else:
            program, playbook = CHAIN / "bin", str(HERE / "release_tasks.yml")
            asked = {"image": self.image, "tag": tag}
        return [str(program / "ansible-playbook"), playbook, "-i", str(inventory), "-e", json.dumps(asked)]

    def run(self, variant: str, hosts: int, tag: str) -> Run:
        """Deploy once and measure it."""
        result, output = self.folder / "result.json", self.folder / "output.txt"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MUSTER_"))}
        own = {
            **SETTINGS,
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{self.folder}/cp",
        }
        if variant == "chain":
            own.pop("ANSIBLE_COLLECTIONS_PATH")
        with output.open("w") as stream:
            measure = [sys.executable, str(HERE / "measure.py"), str(result), *self.command(variant, hosts, tag)]
            subprocess.run(measure, check=True, cwd=self.folder, env={**kept, **own}, stdout=stream, stderr=stream)
        figures, said = json.loads(result.read_text()), output.read_text()
        runs = [node.http("/version", PORTS[variant]) for node in self.nodes[:hosts]]
        if figures["rc"] != 0 or runs != [tag] * hosts:
            raise SystemExit(f"bench: {variant}: exit code {figures['rc']}, {runs} answer\n{said[-3000:]}")
        tasks = [int(done) for done in re.findall(r"^bench-\d\s+: ok=(\d+)", said, re.MULTILINE)]
        return Run(variant, hosts, figures["wall_s"], figures["cpu_s"], max(tasks), statistics.mean(tasks))

    def downtime(self, variant: str, tag: str) -> float:
        """Deploy to one machine and return how long a client was without an answer, in seconds."""
        probe = Probe(self.nodes[0], PORTS[variant])
        probe.start()
        self.run(variant, 1, tag)
        return probe.over()

    def bare(self) -> float:
        """Return how long that is with nothing but a stop of one container and a start of the next, already made."""
        node, image = self.nodes[0], self.image
        made = f"docker create --name next -p 8082:8080 {image}:v2; docker rm -f now next; "
        made += f"docker run -d --name now -p 8082:8080 {image}:v1; docker create --name next -p 8082:8080 {image}:v2"
        node.sh(made, check=False)
        while not node.http("/version", 8082):
            time.sleep(0.05)
        probe = Probe(node, 8082)
        probe.start()
        node.sh("docker stop now && docker start next")
        while node.http("/version", 8082) != "v2":
            time.sleep(0.05)
        return probe.over()


def install_chain() -> None:
    """Install what the chain of tasks needs: the same ansible-core, and community.docker out of the package ansible."""
    if not (CHAIN / ".done").exists():
        subprocess.run([sys.executable, "-m", "venv", str(CHAIN)], check=True)
        packages = [f"ansible-core=={ansible.release.__version__}", "ansible"]
        subprocess.run([str(CHAIN / "bin" / "pip"), "install", "--quiet", *packages], check=True)
        (CHAIN / ".done").touch()


def measured(bench: Bench, rounds: int, sizes: list[int]) -> None:
    """Print the table, the ratios and last the lines that a machine reads."""
    print(ROW.format("variant", "hosts", "wall", "cpu", "tasks, most", "mean"))
    runs: dict[tuple[str, int], list[Run]] = {}
    for hosts in sizes:
        for turn in range(rounds + 1):
            for variant in PORTS:
                run = bench.run(variant, hosts, ("v1", "v2")[turn % 2])
                if turn:  # the first one has nothing to replace, and images to pull
                    runs.setdefault((variant, hosts), []).append(run)
                    cells = [f"{run.wall_s:.1f} s", f"{run.cpu_s:.1f} s", str(run.tasks_most), f"{run.tasks_mean:.1f}"]
                    print(ROW.format(variant, hosts, *cells), flush=True)
    gaps: dict[str, list[float]] = {"release": [], "chain": [], "bare": []}
    for turn in range(rounds):
        for variant in PORTS:
            gaps[variant].append(bench.downtime(variant, ("v1", "v2")[(rounds + 1 + turn) % 2]))
        gaps["bare"].append(bench.bare())
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\nmedians of {rounds} rounds; {os.cpu_count()} processors for controller and nodes, load average {load}")
    for hosts in sizes:
        median = {
            variant: [statistics.median(column) for column in list(zip(*runs[variant, hosts], strict=True))[2:]]
            for variant in PORTS
        }
        (wall, cpu, most, mean), (chain_wall, chain_cpu, chain_most, _) = median["release"], median["chain"]
        print(
            f"bench: release/chain {hosts} hosts: wall {wall / chain_wall:.2f} controller-cpu {cpu / chain_cpu:.2f},"
            f" tasks a host: mean {mean:.1f} most {most:.0f} against {chain_most:.0f}"
        )
    gap = {name: statistics.median(values) for name, values in gaps.items()}
    shown = ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in gap.items())
    print(f"without an answer, asked every 10 ms: {shown} (bare is the service's own stop and start)")
    print(f"bench: downtime beyond the service's own: release {1000 * (gap['release'] - gap['bare']):.0f} ms,"
          f" chain {1000 * (gap['chain'] - gap['bare']):.0f} ms")  # fmt: skip


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="What a deploy costs.")
    parser.add_argument("--rounds", type=int, default=3, help="how often the variants take turns")
    parser.add_argument("--hosts", default="3,1", help="numbers of hosts, three at most, parted by commas")
    options = parser.parse_args()
    folder = CHECKOUT / ".build" / "bench" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    install_chain()
    rack = Rack()
    try:
        rack.enter()
    except Unavailable as reason:
        raise SystemExit(f"bench: NOT RUN, Docker cannot run here: {reason}") from reason
    try:
        measured(Bench(rack, folder), options.rounds, [int(size) for size in options.hosts.split(",")])
    finally:
        rack.leave()


if __name__ == "__main__":
    main()
