# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What needs a booted machine: a service that is a systemd unit, and one that is a container of Podman."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cells import CELLS, kill, leads_back, outcome
from rack import Node, Rack

CHECKOUT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).parent / "node" / "runner.py"
SECRET = "s3cr3t-never-told-0815"
PROGRAM = """#!/bin/sh
trap '{trap}' TERM
echo "{name} with $LEVEL"
{work}
while :; do sleep 0.1; done
"""
UNIT = """[Service]
ExecStart=/opt/app/current/app
EnvironmentFile=/opt/app/environment
Restart=always
RestartSec=0.1
TimeoutStopSec=60
[Install]
WantedBy=multi-user.target
"""
GATE = {"timeout_s": 8, "running_s": 1}


class Machine:
    """The release engine on a machine of the rack, called as Ansible calls it: as root, with the system's Python."""

    def __init__(self, node: Node, name: str, service: dict[str, Any]) -> None:
        self.node, self.name, self.service = node, name, service

    def run(self, tag: str | None = None, kill: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Run the module; return nothing when it was killed."""
        base = {"name": self.name, "service": self.service, "state": "present", "tag": tag, "to": 1, "of_run": None}
        base |= {"env": {}, "files": [], "registry": None, "run_id": "r", "who": "tester", "why": "", "socket": None}
        check = options.pop("check", False)
        params = {**base, "state_dir": "/var/lib/muster/release", "lease_s": 900, **options}
        request = json.dumps({"params": params, "kill": kill or {}, "check": check})
        said = self.node.sh("python3 /opt/muster/runner.py /opt/muster/plugins", stdin=request, check=not kill)
        return dict(json.loads(said)) if said.startswith("{") else {}

    def back(self, **options: Any) -> dict[str, Any]:
        """Roll back."""
        return self.run(state="rolled_back", service=None, **options)


@pytest.fixture(scope="module")
def machine(rack: Rack, worker_id: str) -> Iterator[Node]:
    """A machine with the release engine on it."""
    node = rack.start(f"{worker_id}-kinds")[0]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(CHECKOUT / "plugins" / "module_utils", "plugins/module_utils")
        tar.add(RUNNER, "runner.py")
    node.sh("mkdir -p /opt/muster")
    file = rack.daemon.home / f"{node.name}.tar"
    file.write_bytes(packed.getvalue())
    rack.daemon.docker("cp", file, f"{node.name}:/opt/muster/code.tar")
    file.unlink()
    node.sh("cd /opt/muster && tar xf code.tar")
    yield node
    node.remove()


# --- a systemd unit -------------------------------------------------------------------------------------


def version(node: Node, name: str, work: str = ":", trap: str = "exit 0") -> None:
    """Put the folder of a version on the machine."""
    node.write(f"/opt/app/releases/{name}/app", PROGRAM.format(name=name, work=work, trap=trap), mode="755")


@pytest.fixture
def app(machine: Node) -> Iterator[Machine]:
    """A unit that was never deployed, with versions that are good, crash, and do not hear."""
    machine.sh("systemctl stop app.service; rm -rf /opt/app /var/lib/muster", check=False)
    version(machine, "1.0")
    version(machine, "1.1")
    version(machine, "2.0", work="exit 3")
    version(machine, "3.0", trap=":")
    machine.write("/etc/systemd/system/app.service", UNIT)
    machine.sh("systemctl daemon-reload")
    service = {
        "kind": "systemd_unit",
        "unit": {"name": "app.service", "root": "/opt/app"},
        "env": {"LEVEL": "info", "TOKEN": SECRET},
        "gate": GATE,
        "watch_s": 0,
        "stop": {"grace_s": 2},
        "accelerators": "ignore",
        "postflight": {"error_patterns": []},
    }
    yield Machine(machine, "app", service)
    machine.sh("systemctl stop app.service", check=False)


def runs(node: Node) -> str:
    """Return the version that runs: what the process was started from."""
    pid = node.sh("systemctl show app.service -p MainPID --value").strip()
    assert pid != "0", node.sh("systemctl status app.service --no-pager", check=False)
    command = node.sh(f"tr '\\0' ' ' </proc/{pid}/cmdline")
    assert "/opt/app/current/app" in command
    return node.sh("readlink -f /opt/app/current").strip().rpartition("/")[2]


def test_unit_deployed_back_and_reverted(app: Machine) -> None:
    first = app.run("1.0")
    assert (first["outcome"], runs(app.node)) == ("deployed", "1.0"), first["msg"]
    assert app.run("1.0")["outcome"] == "unchanged"
    assert app.run("1.1")["outcome"] == "deployed"
    crash = app.run("2.0")
    assert (crash["outcome"], runs(app.node)) == ("reverted", "1.1"), crash["msg"]
    assert "restart" in crash["msg"] or "running" in crash["msg"]
    back = app.back()
    assert (back["outcome"], runs(app.node)) == ("rolled_back", "1.0"), back["msg"]
    assert app.run("9.9")["msg"].startswith("service app: there is no version 9.9")
    assert SECRET not in json.dumps([first, crash, back])
    assert app.node.sh("stat -c %a /opt/app/environment").strip() == "600"


def test_unit_that_does_not_hear_is_stopped_by_force(app: Machine) -> None:
    assert app.run("3.0")["outcome"] == "deployed"
    told = app.run("1.0")
    assert (told["outcome"], runs(app.node)) == ("deployed", "1.0"), told["msg"]
    assert told["warnings"] == ["stopped by force: exit code 137, grace of 2 s exceeded"]


def test_version_that_was_changed_is_no_way_back(app: Machine) -> None:
    app.run("1.0")
    app.run("1.1")
    version(app.node, "1.0", work="true")
    told = app.back()
    assert (told["outcome"], runs(app.node)) == ("refused", "1.1")
    assert "is not what it was" in told["msg"]


def test_unit_from_an_archive(app: Machine) -> None:
    app.service["unit"]["artifact"] = "/srv/app-{tag}.tgz"
    app.node.sh("cd /opt/app/releases && for v in 1.0 1.1; do tar czf /srv/app-$v.tgz -C $v app; done; rm -r 1.0 1.1")
    assert app.run("1.0")["outcome"] == "deployed"
    assert runs(app.node).startswith("1.0-")
    app.node.sh("cp /srv/app-1.1.tgz /srv/app-1.0.tgz && touch /srv/app-1.0.tgz && tar xzf /srv/app-1.0.tgz -C /tmp")
    app.node.sh("echo '# rebuilt' >>/tmp/app && tar czf /srv/app-1.0.tgz -C /tmp app")
    rebuilt = app.run("1.0")
    assert rebuilt["outcome"] == "deployed", "the same version with another content is another release"
    assert app.back()["outcome"] == "rolled_back"


def children(app: Machine) -> None:
    """Let version 1.0 start a process that is not its own to end, and the unit leave it be when it stops."""
    version(app.node, "1.0", work="sleep 100003 &")
    app.node.sh("sed -i '/^ExecStart/a KillMode=process' /etc/systemd/system/app.service && systemctl daemon-reload")
    app.service["stop"] = {"grace_s": 2}


def test_child_of_the_old_version_is_named_and_leads_back(app: Machine) -> None:
    children(app)
    assert app.run("1.0")["outcome"] == "deployed"
    told = app.run("1.1")
    assert (told["outcome"], runs(app.node)) == ("reverted", "1.0"), told["msg"]
    assert "still there after the stop: process " in told["msg"]
    assert "(sleep)" in told["msg"]
    app.node.sh("pkill -f '^sleep 100003'", check=False)


def test_child_of_the_bad_version_does_not_hold_up_a_rollback(app: Machine) -> None:
    assert app.run("1.1")["outcome"] == "deployed"
    children(app)
    assert app.run("1.0")["outcome"] == "deployed"
    told = app.back()
    assert (told["outcome"], runs(app.node)) == ("rolled_back", "1.1"), told["msg"]
    assert any("(sleep)" in text for text in told["warnings"])
    app.node.sh("pkill -f '^sleep 100003'", check=False)


def test_unit_that_stands_still_is_not_unchanged(app: Machine) -> None:
    app.service["gate"] = {"timeout_s": 2, "running_s": 0.5}
    assert app.run("1.0")["outcome"] == "deployed"
    app.node.sh("kill -STOP $(systemctl show app.service -p MainPID --value)")
    told = app.run("1.0")
    assert (told["outcome"], "stopped by a signal" in told["msg"]) == ("failed", True), told["msg"]
    app.node.sh("kill -CONT $(systemctl show app.service -p MainPID --value)")
    assert app.run("1.0")["outcome"] == "unchanged"
    app.node.sh("kill -KILL $(systemctl show app.service -p MainPID --value); sleep 1")
    told = app.run("1.0")
    assert (told["outcome"], "1 restarts" in told["msg"]) == ("failed", True), told["msg"]
    assert app.run(state="restarted", service=None)["outcome"] == "restarted"


SERVER = "exec python3 -m http.server --bind 127.0.0.1 8099"


def test_unit_at_whose_port_another_answers(app: Machine) -> None:
    app.service["gate"] = {**GATE, "http": {"url": "http://127.0.0.1:8099/"}}
    app.node.sh(f"systemd-run --unit stranger sh -c '{SERVER}' && sleep 1.5")
    told = app.run("1.0")
    assert told["outcome"] == "refused", told["msg"]
    assert "127.0.0.1:8099 is taken by process" in told["msg"]
    app.node.sh("systemctl stop stranger")
    version(app.node, "1.1", work=SERVER)
    good = app.run("1.1")
    assert good["outcome"] == "deployed", good["msg"]
    row = next(row for row in good["checks"] if row["id"] == "release.post.listener")
    assert (row["status"], row["observed"]) == ("pass", "the service")
    assert app.run("1.1")["outcome"] == "unchanged"


def test_archive_that_is_still_written_is_refused(app: Machine) -> None:
    app.service["unit"]["artifact"] = "/srv/growing-{tag}.tar"
    app.node.sh("tar cf /srv/growing-1.0.tar -C /opt/app/releases/1.0 app")
    app.node.sh(
        "systemd-run --unit writer sh -c 'while :; do echo x; sleep 0.2; done >>/srv/growing-1.0.tar'; sleep 0.5"
    )
    told = app.run("1.0")
    app.node.sh("systemctl stop writer; rm /srv/growing-1.0.tar")
    assert told["outcome"] == "refused", told["msg"]
    assert "is still being written: process" in told["msg"]


@pytest.mark.parametrize("cell", CELLS)
def test_unit_killed_in_a_phase(app: Machine, cell: str) -> None:
    app.run("1.0")
    assert app.run("2.0" if leads_back(cell) else "1.1", kill=kill(cell)) == {}, "it was not killed"
    recovered = app.run(state="recovered", service=None)
    assert recovered["outcome"] == outcome(cell), recovered["msg"]
    assert runs(app.node) == recovered["release"]["tag"]
    after = app.run("1.1")
    assert after["outcome"] in ("deployed", "unchanged"), after["msg"]
    assert runs(app.node) == "1.1"


# --- a container of Podman ------------------------------------------------------------------------------


@pytest.fixture
def pod(machine: Node, rack: Rack) -> Iterator[Machine]:
    """The stand-in queue as a container of Podman."""
    registry = rack.registries[0]
    registry.push_queue("pod-queue", rack.busybox)
    machine.sh("systemctl start podman.socket; podman rm -fa; rm -rf /var/lib/muster /srv/pod; mkdir -p /srv/pod")
    url = "http://127.0.0.1:8081/cgi-bin/health"
    service = {
        "image": f"{registry.host}/pod-queue",
        "network": "host",
        "env": {"PORT": "8081", "TOKEN": SECRET},
        "mounts": [{"source": "/srv/pod", "target": "/data"}],
        "gate": {
            **GATE,
            "http": {"url": url},
            "advancing": {"file": "/srv/pod/offset.yaml", "key": "offset", "within_s": 5},
        },
        "watch_s": 0,
        "stop": {"grace_s": 3},
        "accelerators": "ignore",
    }
    yield Machine(machine, "queue", service)
    machine.sh("podman rm -fa")


def pods(machine: Machine, tag: str) -> None:
    """Assert that exactly this version runs."""
    names = machine.node.sh("podman ps --format '{{.Names}}'").split()
    assert names == ["queue"]
    assert machine.node.sh("podman exec queue /bin/busybox cat /VERSION").strip() == tag


def on_podman(machine: Machine, tag: str | None = None, **options: Any) -> dict[str, Any]:
    return machine.run(tag, socket="/run/podman/podman.sock", **options)


def test_podman_deployed_back_and_reverted(pod: Machine) -> None:
    first = on_podman(pod, "v1")
    assert first["outcome"] == "deployed", first["msg"]
    assert on_podman(pod, "v1")["outcome"] == "unchanged"
    second = on_podman(pod, "v2")
    assert second["outcome"] == "deployed", second["msg"]
    pods(pod, "v2")
    for bad in ("v3", "v4"):
        told = on_podman(pod, bad)
        assert told["outcome"] == "reverted", told["msg"]
        pods(pod, "v2")
    back = on_podman(pod, state="rolled_back", service=None)
    assert back["outcome"] == "rolled_back", back["msg"]
    pods(pod, "v1")
    assert "v99: there is no such tag (asked " in on_podman(pod, "v99")["msg"]


def test_podman_is_judged_as_docker_is(pod: Machine) -> None:
    pod.service["gate"]["timeout_s"] = 2
    assert on_podman(pod, "v1")["outcome"] == "deployed"
    pod.node.sh("podman exec queue /bin/busybox sh -c 'echo x >/state.db'")
    told = on_podman(pod, "v2", check=True)
    assert any("/state.db" in text for text in told["warnings"]), told["warnings"]
    row = next(row for row in on_podman(pod, "v1")["checks"] if row["id"] == "release.post.listener")
    assert row["status"] == "pass"
    mounts, pod.service["mounts"] = pod.service["mounts"], []
    told = on_podman(pod, "v2")
    assert (told["outcome"], "/data would stay behind" in told["msg"]) == ("refused", True), told["msg"]
    pod.service["mounts"] = mounts
    pod.node.sh("kill -STOP $(podman inspect queue -f '{{.State.Pid}}')")
    told = on_podman(pod, "v1")
    assert (told["outcome"], "stopped by a signal" in told["msg"]) == ("failed", True), told["msg"]
    pod.node.sh("kill -CONT $(podman inspect queue -f '{{.State.Pid}}')")


def test_docker_does_not_take_over_what_podman_runs(pod: Machine) -> None:
    """Also the other way round, and where the engine that a service has is away for a while."""
    assert on_podman(pod, "v1")["outcome"] == "deployed"
    assert pod.run("v2", check=True)["outcome"] == "deployed", "nobody has to say which engine it was"
    pod.node.sh("systemctl stop podman.socket podman.service")
    told = pod.run("v2")
    assert told["outcome"] == "refused", told["msg"]
    assert "it was deployed with Podman at /run/podman/podman.sock" in told["msg"]
    assert "Start that engine" in told["msg"]
    assert pod.node.sh("docker ps -aq").split() == []
    pod.node.sh("systemctl start podman.socket")
    assert pod.run("v2")["outcome"] == "deployed"
    pods(pod, "v2")


@pytest.mark.parametrize("cell", CELLS)
def test_podman_killed_in_a_phase(pod: Machine, cell: str) -> None:
    on_podman(pod, "v1")
    assert on_podman(pod, "v4" if leads_back(cell) else "v2", kill=kill(cell)) == {}, "it was not killed"
    recovered = on_podman(pod, state="recovered", service=None)
    assert recovered["outcome"] == outcome(cell), recovered["msg"]
    pods(pod, recovered["release"]["tag"])
    after = on_podman(pod, "v2")
    assert after["outcome"] in ("deployed", "unchanged"), after["msg"]
    pods(pod, "v2")
