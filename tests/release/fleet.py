# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user has: an inventory with one service described as data, and the playbooks. And what really runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rack import Node, Rack, Registry

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CONTROL = f"/tmp/muster-ssh-{os.getpid()}"  # a socket's path may have 107 characters
TOO_LONG_S = 420  # on a machine that does much else at the same time
STATE_DIR = "/var/lib/muster/release"
SETTINGS = {
    "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build" / "collections"),
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_TIMEOUT": "4",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    "LC_ALL": "C.UTF-8",
}


def stand_in(image: str, name: str, port: int) -> dict[str, Any]:
    """Describe the stand-in queue as a service: how it runs, and when it is good."""
    return {
        "image": image,
        "ports": [f"{port}:8080"],
        "mounts": [{"source": f"/srv/{name}", "target": "/data"}],
        "stop": {"grace_s": 2},
        "gate": {
            "timeout_s": 6,
            "running_s": 0.5,
            "http": {"url": f"http://127.0.0.1:{port}/cgi-bin/health", "contains": "ok"},
            "advancing": {"file": f"/srv/{name}/offset.yaml", "key": "offset", "within_s": 3},
        },
        "watch_s": 0.5,
    }


@contextlib.contextmanager
def away(registry: Registry) -> Iterator[None]:
    """Take a registry away, for a while."""
    registry.stop()
    try:
        yield
    finally:
        registry.start()


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a program and everything that it started, also what has left its process group, as Ansible's workers do."""
    parents = {}
    for line in subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        pid, parent = line.split()
        parents.setdefault(int(parent), []).append(int(pid))
    family = [process.pid]
    for pid in family:
        family += parents.get(pid, [])
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@dataclass
class Outcome:
    """What became of a playbook: exit code, what it printed, and the run document that it wrote."""

    rc: int
    output: str
    run: dict[str, Any] = field(repr=False)

    def good(self) -> Outcome:
        """Insist that it went well."""
        assert self.rc == 0, self.output
        return self

    def bad(self) -> Outcome:
        """Insist that the exit code says that it did not go well."""
        assert self.rc != 0, self.output
        return self

    def host(self, node: Node) -> dict[str, Any]:
        """Return the record of a host."""
        record: dict[str, Any] = self.run["hosts"][node.name]
        return record

    def said(self, node: Node) -> str:
        """Return what the report says of a host, in one text."""
        return json.dumps(self.host(node))


# Runs on a node: every service that the state directory knows, beside what the engine has of it.
LOOK = """
import json, pathlib, subprocess
def docker(*words): return subprocess.run(["docker", *words], check=True, stdout=subprocess.PIPE, text=True).stdout
def read(file): return json.loads(file.read_text()) if file.exists() else None
ids = docker("ps", "-aq", "--filter", "label=muster.fleet.service").split()
there = json.loads(docker("inspect", *ids)) if ids else []
seen = {}
for folder in pathlib.Path("STATE_DIR").glob("*"):
    mine = [each for each in there if each["Config"]["Labels"]["muster.fleet.service"] == folder.name]
    running = [each["Image"] for each in mine if each["State"]["Running"]]
    names = [each["Name"].lstrip("/") for each in mine]
    seen[folder.name] = [running, names, *(read(folder / f"{name}.json") for name in ("journal", "history", "lease"))]
print(json.dumps(seen))
""".replace("STATE_DIR", STATE_DIR)


@dataclass
class Seen:
    """What there is of a service on a node: image ids that run, all its containers, and the files of its state."""

    running: list[str]
    containers: list[str]
    journal: dict[str, Any] | None
    history: dict[str, Any] | None
    lease: dict[str, Any] | None

    def at_rest(self) -> None:
        """Insist that exactly one release runs, that nobody works on it, and that the history says the same."""
        assert len(self.running) == 1, self
        assert self.journal is None, self
        assert self.lease is None, self
        assert self.history is not None, self
        current = next(each for each in self.history["releases"] if each["id"] == self.history["current"])
        assert current["verified"], self
        assert current["image_id"] == self.running[0], self


def look(node: Node) -> dict[str, Seen]:
    """Return what there is of each service on a node."""
    return {name: Seen(*parts) for name, parts in json.loads(node.sh("python3 -", stdin=LOOK)).items()}


@dataclass(repr=False)
class Fleet:
    """The user's folder, with the service ``name`` on ``nodes``."""

    rack: Rack
    folder: Path
    nodes: list[Node]
    name: str
    service: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)

    def deploy(self, tag: str, *nodes: Node, options: Sequence[str] = (), **variables: Any) -> Outcome:
        """Run the playbook that deploys, on ``nodes`` or on all."""
        return self.play("deploy", *nodes, options=options, deploy_tag=tag, **variables)

    def rollback(self, *nodes: Node, to: int = 1, options: Sequence[str] = (), **variables: Any) -> Outcome:
        """Run the playbook that goes back."""
        return self.play("rollback", *nodes, options=options, rollback_to=to, **variables)

    def play(self, playbook: str, *nodes: Node, options: Sequence[str] = (), **variables: Any) -> Outcome:
        """Run a playbook to its end."""
        process = self.start(playbook, *nodes, options=options, **variables)
        try:
            output, _ = process.communicate(timeout=TOO_LONG_S)
        except subprocess.TimeoutExpired:
            kill_all(process)
            output, _ = process.communicate()
            raise AssertionError(f"{playbook} was not done after {TOO_LONG_S} s: {output}") from None
        return self.outcome(process, output)

    def start(
        self, playbook: str, *nodes: Node, options: Sequence[str] = (), **variables: Any
    ) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own."""
        self.write_inventory(*nodes)
        hosts = str(self.folder / "hosts")
        command = [str(BIN / "ansible-playbook"), f"muster.fleet.{playbook}", "-i", hosts, *options]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MUSTER_"))}
        own = {
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": CONTROL,
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        return subprocess.Popen(
            [*command, "-e", json.dumps({"muster_hosts": "rack", **variables})],
            cwd=self.folder,
            env={**kept, **SETTINGS, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def write_inventory(self, *nodes: Node) -> None:
        """Write the inventory with the service as variables of its group."""
        self.rack.write_inventory(self.folder / "hosts", *(node.name for node in nodes or self.nodes))
        shared = {"deploy_services": {self.name: self.service}, "deploy_service": self.name, **self.variables}
        group = self.folder / "hosts" / "group_vars" / "rack.yml"
        group.parent.mkdir(exist_ok=True)
        group.write_text(json.dumps(shared))

    def template(self, name: str, text: str) -> None:
        """Write a template where the role looks for it: beside the inventory, or it would be taken for one."""
        file = self.folder / "hosts-services" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def outcome(self, process: subprocess.Popen[str], output: str) -> Outcome:
        """Return what became of a playbook that has ended."""
        file = self.folder / "reports" / "latest" / "run.json"
        run = json.loads(file.read_text()) if file.exists() else {}
        return Outcome(process.returncode, output, run)

    # --- what really is, asked of the engine and the disk, never of the product -------------------

    def version(self, node: Node) -> str:
        """Return the version that answers on the service's port, nothing if none does."""
        return node.http("/version", int(self.service["ports"][0].split(":")[0]))

    def path(self, file: str) -> str:
        """Return where a file of the service's state lies on a node."""
        return f"{STATE_DIR}/{self.name}/{file}"

    def seen(self, node: Node) -> Seen:
        """Return what there is of the service on a node."""
        return look(node).get(self.name, Seen([], [], None, None, None))

    def wait_for(self, node: Node, phase: str, within_s: float = 60) -> Seen:
        """Wait until a run has reached a phase on a node."""
        ends = time.monotonic() + within_s
        while ((seen := self.seen(node)).journal or {}).get("phase") != phase:
            assert time.monotonic() < ends, f"{node.name} never reached the phase {phase}"
            time.sleep(0.1)
        return seen

    def settled(self, node: Node, within_s: float = 60) -> Seen:
        """Wait until no run works on the service any more, also none whose controller is gone."""
        ends = time.monotonic() + within_s
        while (seen := self.seen(node)).lease or seen.journal:
            assert time.monotonic() < ends, f"{node.name} is still at work"
            time.sleep(0.2)
        return seen

    def at_rest(self, node: Node) -> str:
        """Return the version that runs, once it is sure that only one does and that the state says the same."""
        self.seen(node).at_rest()
        return self.version(node)
