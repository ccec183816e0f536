#!/usr/bin/env python3
"""What a verification costs the controller, against ``ansible -m ping`` and against what everyone writes.

    python tests/bench/bench.py --hosts 20,100

Every variant starts with cold connections; variants take turns, rounds are repeated, medians are shown. All host
names lead to one sshd on this machine, so that nodes and controller share its processors: trust the controller's
CPU time, and wall times only as ratios of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rig import CHECKOUT, Rig

HERE = Path(__file__).resolve().parent
CHECKS_BY_TASK = 100
MACHINES_TRIED = 3  # before measuring: so many are compared with each other
ROW = "{:<28} {:>6} {:>9} {:>9} {:>13} {:>12} {:>12}"


class Run(NamedTuple):
    """One run of one variant over ``hosts`` hosts; seconds and bytes."""

    variant: str
    hosts: int
    wall_s: float
    cpu_s: float
    sent_bytes: int
    received_bytes: int


def commands(hosts: int, root: Path) -> dict[str, list[str]]:
    """Return the variants that take turns."""
    return {
        "ansible -m ping": ["ansible", "all", "-m", "ansible.builtin.ping", "-o"],
        "ansible -m setup": ["ansible", "all", "-m", "ansible.builtin.setup", "-o"],
        "verify": [
            "ansible-playbook",
            str(CHECKOUT / "playbooks" / "verify.yml"),
            "-e",
            f"muster_expected_hosts={hosts}",
        ],
        "one task per check": ["ansible-playbook", str(root / "tasks.yml")],
    }


def task_per_check() -> str:
    """Return the playbook that people write: a command and an assertion for each check."""
    tasks = []
    for number in range(CHECKS_BY_TASK):
        value = f"__value_{number}"
        tasks.append({"ansible.builtin.command": "cat /proc/loadavg", "register": value, "changed_when": False})
        tasks.append({"ansible.builtin.assert": {"that": [f"{value}.stdout | length > 0"], "quiet": True}})
    return json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}])


def run(rig: Rig, variant: str, hosts: int) -> Run:
    """Run a variant once, from cold connections, and check that it did what it is measured for.

    Machines that are refused all the same (one can be short of something for a moment) are told of: they cost more.
    """
    result, output = rig.root / "result.json", rig.root / "output.txt"
    command = commands(hosts, rig.root)[variant]
    rig.transferred()
    with output.open("w") as stream:
        measure = [sys.executable, str(HERE / "measure.py"), str(result), *command]
        subprocess.run(measure, check=True, cwd=rig.root, env=rig.environment, stdout=stream, stderr=stream)
    figures = json.loads(result.read_text())
    reached = answered(rig.root) if variant == "verify" else output.read_text().count("bench-") and hosts
    if reached != hosts or (figures["rc"] != 0 and variant != "verify"):
        raise SystemExit(
            f"bench: {variant}: {reached} of {hosts} hosts, exit code {figures['rc']}\n{output.read_text()[-3000:]}"
        )
    refused = output.read_text().count("fatal: [bench-")
    if refused:
        print(f"{variant}: {refused} of {hosts} hosts were refused, each at the cost of one more task")
    return Run(variant, hosts, figures["wall_s"], figures["cpu_s"], *rig.transferred())


def answered(root: Path) -> int:
    """Return how many hosts the newest report has facts of."""
    return len(list((root / "reports" / "latest" / "facts").glob("bench-*.json")))


def collector_milliseconds(root: Path) -> list[float]:
    """Return, for each host of the newest report, how long its slowest collector took."""
    took: list[float] = []
    for path in (root / "reports" / "latest" / "facts").glob("bench-*.json"):
        facts = json.loads(path.read_text())
        took.append(max(domain.get("took_ms", 0.0) for domain in facts.values() if isinstance(domain, dict)))
    return took


def alike(rig: Rig) -> bool:
    """Say whether the nodes' Python reads the bytecode of this one, which runs the controller."""
    show = "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"
    kinds = [subprocess.run([python, "-c", show], check=True, capture_output=True).stdout for python in
             (rig.python, sys.executable)]  # fmt: skip
    return kinds[0] == kinds[1]


def waived(rig: Rig, profile: str) -> Path:
    """Return a file of waivers for what this machine lacks: accelerators first of all, and being several machines.

    Machines that pass are the usual case, and the ones to measure: each that does not costs a task more, its failure.
    """
    rig.inventory(MACHINES_TRIED, verify_profile=profile)
    run(rig, "verify", MACHINES_TRIED)
    found = json.loads((rig.root / "reports" / "latest" / "run.json").read_text())
    rows = [row for host in found["hosts"].values() for row in host["results"]] + found["fleet"]
    names = sorted({row["id"] for row in rows if row["status"] in ("fail", "unknown")})
    usual = {"owner": "bench", "reason": "one machine, and no accelerator server", "expires": "2099-12-31"}
    path = rig.root / "waivers.yml"
    path.write_text(json.dumps([{"check": name, **usual} for name in names]))
    rig.inventory(MACHINES_TRIED, verify_profile=profile, verify_waivers=str(path))
    run(rig, "verify", MACHINES_TRIED)  # as in every night but the first: there is an accepted run to compare with
    return path


def rounds(rig: Rig, sizes: list[int], repeats: int, task_hosts: int, profile: str) -> Iterator[Run]:
    """Run everything: at each size the variants take turns, ``repeats`` times; the slow one once, on a few hosts."""
    waivers = waived(rig, profile)
    for hosts in sizes:
        rig.inventory(hosts, verify_profile=profile, verify_waivers=str(waivers))
        run(rig, "verify", hosts)  # not counted: machines that were seen before are the usual case
        for _ in range(repeats):
            for variant in ("ansible -m ping", "verify", "ansible -m setup"):
                yield run(rig, variant, hosts)
    if task_hosts:
        rig.inventory(task_hosts)
        (rig.root / "tasks.yml").write_text(task_per_check())
        yield run(rig, "one task per check", task_hosts)


def medians(runs: list[Run]) -> list[Run]:
    """Return one run for each variant and size: the median of every figure."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for each in runs:
        groups.setdefault((each.variant, each.hosts), []).append(each)
    return [
        Run(*key, *(statistics.median(column) for column in list(zip(*same, strict=True))[2:]))
        for key, same in groups.items()
    ]


def show(each: Run) -> None:
    """Print a row of the table."""
    per_host = [f"{1000 * each.cpu_s / each.hosts:.0f} ms"]
    per_host += [f"{size / each.hosts / 1000:.1f} kB" for size in (each.sent_bytes, each.received_bytes)]
    print(ROW.format(each.variant, each.hosts, f"{each.wall_s:.1f} s", f"{each.cpu_s:.1f} s", *per_host), flush=True)


def main() -> None:
    """Measure, print the table, the ratios and last the line that a machine reads."""
    parser = argparse.ArgumentParser(description="What a verification costs the controller.")
    parser.add_argument("--hosts", default="20,100", help="numbers of hosts, parted by commas")
    parser.add_argument("--rounds", type=int, default=2, help="how often the variants take turns")
    parser.add_argument("--forks", type=int, default=10)
    parser.add_argument("--profile", default="generic")
    parser.add_argument("--task-hosts", type=int, default=3, help="hosts for one task per check; 0 leaves it out")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.hosts.split(","))
    with Rig(options.forks) as rig:
        print(ROW.format("variant", "hosts", "wall", "cpu", "cpu per host", "up per host", "down per host"))
        runs = []
        for each in rounds(rig, sizes, options.rounds, options.task_hosts, options.profile):
            runs.append(each)
            show(each)
        took = collector_milliseconds(rig.root)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\nmedians of {options.rounds} rounds, {options.forks} forks, cold connections, pipelining")
    print(f"{os.cpu_count()} processors for controller and nodes together, load average {load}")
    print(f"the nodes' Python is {'' if alike(rig) else 'not '}of the controller's kind: verify sends ", end="")
    print("bytecode to those it knows" if alike(rig) else "source")
    by_key = {}
    for each in medians(runs):
        show(each)
        by_key[each.variant, each.hosts] = each
    if len(sizes) > 1:
        further(by_key, sizes[0], sizes[-1])
    summary(by_key, sizes[-1], options.task_hosts, took)


def further(by_key: dict[tuple[str, int], Run], few: int, many: int) -> None:
    """Print what one more host costs: the difference between two sizes, without the start of the run itself."""
    for variant in ("ansible -m ping", "verify", "ansible -m setup"):
        more = by_key[variant, many].cpu_s - by_key[variant, few].cpu_s
        print(f"each further host, {variant}: {1000 * more / (many - few):.0f} ms of controller CPU")


def summary(by_key: dict[tuple[str, int], Run], hosts: int, task_hosts: int, took: list[float]) -> None:
    """Print the ratios of the largest size; one task per check is extrapolated from its few hosts."""
    verify, ping = by_key["verify", hosts], by_key["ansible -m ping", hosts]
    setup = by_key["ansible -m setup", hosts]
    print(f"collectors on the node, all side by side: median {statistics.median(took):.0f} ms, most {max(took):.0f} ms")
    print(f"verify/setup controller-cpu {verify.cpu_s / setup.cpu_s:.2f} wall {verify.wall_s / setup.wall_s:.2f}")
    if task_hosts:
        tasks = by_key["one task per check", task_hosts]
        each = tasks.cpu_s / task_hosts
        print(
            f"one task per check: {each:.1f} s of controller CPU a host for {CHECKS_BY_TASK} checks (measured on "
            f"{task_hosts} hosts), {each / (verify.cpu_s / hosts):.0f} times a verification"
        )
    print(f"bench: verify/ping controller-cpu {verify.cpu_s / ping.cpu_s:.2f} wall {verify.wall_s / ping.wall_s:.2f}")


if __name__ == "__main__":
    main()
