# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets reach the container, and nothing else: looked for in all that a deploy prints, writes, starts and leaves."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest
from fleet import Fleet
from rack import Node
from rack.rack import LOGIN

SECRET, OTHER = "Tr0ub4dor-amqp-7731", "Tr0ub4dor-amqp-8842"
ARGV = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null; echo; done"
EVERY_S = 0.05


class Watch(threading.Thread):
    """Collects the command lines of all processes of this machine and of a node, twenty times a second."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.lines: set[str] = set()
        self._over = threading.Event()
        script = f"rm -f /run/over; while [ ! -e /run/over ]; do {ARGV}; sleep {EVERY_S}; done | sort -u"
        self._node, self._script, self._remote = node, script, ""

    def run(self) -> None:
        """Look, until :meth:`over`."""
        away = threading.Thread(target=self._there)
        away.start()
        while not self._over.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.lines.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(EVERY_S)
        away.join()

    def _there(self) -> None:
        self._remote = self._node.sh(self._script, timeout_s=300)

    def over(self) -> str:
        """Stop looking and return all that was seen."""
        self._over.set()
        self._node.sh("touch /run/over")
        self.join()
        return self._remote + "\n".join(self.lines)


@pytest.fixture
def secretive(fleet: Fleet) -> Fleet:
    """A service with a secret in its environment, one in a file, and a registry that wants a password."""
    del fleet.nodes[1:]
    locked = fleet.rack.registries[1]
    locked.push_queue("annotation-queue", fleet.rack.busybox, v1="good", v2="good")
    fleet.service["image"] = f"{locked.host}/annotation-queue"
    fleet.template("env.j2", "AMQP_PASSWORD={{ amqp_password }}\n")
    fleet.template("config.yaml.j2", "password: {{ amqp_password }}\n")
    dest = f"/srv/{fleet.name}/config.yaml"
    fleet.service |= {
        "env_template": "env.j2",
        "config": [{"template": "config.yaml.j2", "dest": dest, "mode": "0600"}],
    }
    login = {"deploy_registry_username": LOGIN[0], "deploy_registry_password": LOGIN[1]}
    fleet.variables = {"amqp_password": SECRET, **login}
    return fleet


def holders(fleet: Fleet, node: Node, secret: str) -> list[str]:
    """Return the files on a node that hold a secret: logs, state, engine, left-overs."""
    found = node.sh(f"grep -rlsa --exclude-dir=overlay2 -e {secret} /var /root /tmp /etc /srv /run/log", check=False)
    return sorted(found.split())


def test_secrets_go_to_the_container_alone(secretive: Fleet) -> None:
    fleet, (node,) = secretive, secretive.nodes
    watch = Watch(node)
    watch.start()
    try:
        first = fleet.deploy("v1", options=["-vvv", "--diff"])
        fleet.variables["amqp_password"] = OTHER
        second = fleet.deploy("v2", options=["-vvv", "--diff"])
        back = fleet.rollback(options=["-vvv", "--diff"])
    finally:
        seen = watch.over()
    for outcome in (first, second, back):
        outcome.good()
    assert f"AMQP_PASSWORD={SECRET}" in node.sh(f"docker inspect {fleet.name}")  # it did get there
    assert "muster" in seen  # the watch saw the deploy
    assert "docker" in seen
    for secret in (SECRET, OTHER, LOGIN[1]):
        for text in (first.output, second.output, back.output, seen):
            assert secret not in text
        assert secret not in node.sh(
            "journalctl --no-pager; docker inspect -f '{{json .Config.Labels}}' $(docker ps -aq)"
        )
        told = subprocess.run(
            ["grep", "-rl", secret, fleet.folder / "reports"], capture_output=True, text=True, check=False
        )
        assert told.stdout == ""
    releases = fleet.path("releases/")
    allowed = (releases, "/var/lib/docker/containers/", "/var/lib/containerd/", fleet.service["config"][0]["dest"])
    for secret in (SECRET, OTHER):
        assert [file for file in holders(fleet, node, secret) if not file.startswith(allowed)] == []
    assert holders(fleet, node, LOGIN[1]) == []
    modes = node.sh(f"stat -c %a {releases}* {releases} {fleet.path('history.json')}").split()
    assert set(modes) <= {"600", "700"}
