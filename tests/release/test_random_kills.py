# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kill -9 at random moments of time of what needs a booted machine: a systemd unit, and a container of Podman.

The stories and their protocol are those of ``node/random_kills.py``.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from node import random_kills
from rack import Node, Rack
from test_node_kinds import Machine, app, machine, pod, runs

__all__ = ["app", "machine", "pod"]  # fixtures
# The reader of the result is a process of its own, as sshd is: when it dies, the connection is lost.
RUN = """
mkfifo -m 600 /run/kill-$$
(echo $BASHPID >/run/reader; exec cat) </run/kill-$$ &
python3 /opt/muster/runner.py /opt/muster/plugins </run/request >/run/kill-$$ 2>/run/errors &
echo $! >/run/runner; wait $!; code=$?; wait; rm -f /run/kill-$$; exit $code
"""


class OnMachine:
    """A service on a machine of the rack."""

    deaths: tuple[str, ...] = ("module", "connection")
    options: dict[str, Any] = {}

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def request(self, what: str, tag: str) -> dict[str, Any]:
        """Return the options of a run."""
        base = {"name": self.machine.name, "service": self.machine.service, "state": "present", "tag": tag, "to": 1}
        base |= {"of_run": None, "env": {}, "files": [], "registry": None, "run_id": "r", "who": "tester", "why": ""}
        base |= {"socket": None, "state_dir": "/var/lib/muster/release", "lease_s": 900, **self.options}
        if what in ("rollback", "recovered"):
            base |= {"state": {"rollback": "rolled_back"}.get(what, what), "service": None, "tag": None}
        return base

    def start(self, what: str, tag: str) -> subprocess.Popen[str]:
        """Start a run on the machine."""
        request = json.dumps({"params": self.request(what, tag), "engine_s": 2})
        node = self.machine.node
        node.write("/run/request", request, mode="600")
        node.sh("rm -f /run/runner /run/reader")
        socket = f"unix://{node.daemon.runtime / 'docker.sock'}"
        words = ["docker", "-H", socket, "exec", node.name, "bash", "-c", RUN]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for its end and return its result."""
        said, _ = process.communicate(timeout=180)
        return dict(json.loads(said)) if said.startswith("{") else {}

    def kill(self, dies: str, process: subprocess.Popen[str]) -> None:
        """Kill the module, or who reads its result, by the number that each wrote down."""
        del process
        file = {"module": "/run/runner", "connection": "/run/reader"}[dies]
        self.machine.node.sh(f"kill -9 $(cat {file})", check=False)

    def engine(self) -> None:
        """There is none to kill."""

    def again(self) -> None:
        """Nothing was taken away."""

    def history(self) -> dict[str, Any]:
        """Return the history file."""
        path = f"/var/lib/muster/release/{self.machine.name}"
        assert self.machine.node.sh(f"ls {path} | grep -E 'journal|lease.json' || true") == ""
        return dict(json.loads(self.machine.node.read(f"{path}/history.json")))

    def current(self) -> str | None:
        """Return the tag of the history's current release."""
        history = self.history()
        return next((one["tag"] for one in history["releases"] if one["id"] == history["current"]), None)


class Unit(OnMachine):
    """A systemd unit."""

    def holds(self) -> str | None:
        """Assert that one release runs, and that link and history say the same."""
        current, node = self.current(), self.machine.node
        if current is None:
            assert node.sh("systemctl show app.service -p MainPID --value").strip() == "0"
            return None
        assert runs(node) == current
        assert node.sh("pgrep -fc '^/bin/sh /opt/app/' || true").strip() == "1"
        return current


class Pod(OnMachine):
    """A container of Podman."""

    deaths = ("module", "connection", "engine")
    options = {"socket": "/run/podman/podman.sock"}

    def engine(self) -> None:
        """Kill Podman's service; its socket starts it again."""
        self.machine.node.sh("systemctl kill -s KILL podman.service", check=False)

    def again(self) -> None:
        """Let the socket be there."""
        self.machine.node.sh("systemctl reset-failed podman.service podman.socket; systemctl start podman.socket")

    def holds(self) -> str | None:
        """Assert that one container runs, under the service's name, and that the history says the same."""
        current, node = self.current(), self.machine.node
        names = node.sh("podman ps --format '{{.Names}}'").split()
        assert names == (["queue"] if current else [])
        if current:
            assert node.sh("podman exec queue /bin/busybox cat /VERSION").strip() == current
        return current


def _survives(subject: OnMachine, kind: str, tags: tuple[str, str], bad: str, capsys: Any) -> None:
    took = 0.0
    for tag in (*tags, tags[0]):
        began = time.monotonic()
        told = random_kills.finished(subject, "deploy", tag)
        assert told["outcome"] == "deployed", told
        took = time.monotonic() - began
    kills = random_kills.story(subject, random_kills.SEED, random_kills.COUNT, tags, bad, took + 0.3)
    with capsys.disabled():
        print("\n" + random_kills.table(kind, random_kills.SEED, kills))


def test_unit(app: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    _survives(Unit(app), "systemd unit", ("1.0", "1.1"), "2.0", capsys)


def test_podman(pod: Machine, machine: Node, rack: Rack, capsys: pytest.CaptureFixture[str]) -> None:
    del machine, rack
    _survives(Pod(pod), "container of Podman", ("v1", "v2"), "v4", capsys)
