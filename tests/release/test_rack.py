# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rack itself: a test on it means something only if its machines and images are what they claim to be."""

from __future__ import annotations

import time

import pytest
from rack import Node, Rack


@pytest.fixture(scope="module")
def images(rack: Rack) -> str:
    """The repository of the stand-in queue's images."""
    rack.registries[0].push_queue("rack-queue", rack.busybox)
    return f"{rack.registries[0].host}/rack-queue"


@pytest.fixture
def node(nodes: list[Node]) -> Node:
    """One machine, left without containers."""
    yield nodes[0]
    nodes[0].sh("docker ps -aq | xargs -r docker rm -fv; podman rm -af -t 0")


def test_machine_has_its_own_systemd_and_engine(nodes: list[Node]) -> None:
    said = [node.sh("systemctl is-system-running; docker info -f '{{.Driver}}'; hostname").split() for node in nodes]
    assert said == [["running", "overlay2", node.name] for node in nodes]


def started(node: Node, engine: str, image: str) -> str:
    """Start a release, give it a second, return its state, restart count, the end of its offset and its health."""
    node.sh(f"{engine} run -d --name queue --restart on-failure -p 8080:8080 {image}")
    time.sleep(2)
    probe = "busybox wget -q -O - http://127.0.0.1:8080/cgi-bin/health 2>&1"
    offset = f"{engine} exec queue /bin/busybox cat /data/offset.yaml"
    return node.sh(
        f"{offset}; sleep 0.5; {offset}; {probe}; {engine} inspect -f '{{{{.RestartCount}}}}' queue", check=False
    )


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_good_release_answers_and_advances(node: Node, images: str, engine: str) -> None:
    first, second, health, restarts = started(node, engine, f"{images}:v1").splitlines()
    assert int(second.split()[1]) > int(first.split()[1])
    assert (health, restarts) == ("ok v1", "0")


def test_bad_releases_are_bad_in_the_way_they_claim(node: Node, images: str) -> None:
    assert int(started(node, "docker", f"{images}:v3").split()[-1]) > 0
    node.sh("docker rm -f queue")
    assert "500" in started(node, "docker", f"{images}:v4")
    node.sh("docker rm -f queue")
    assert started(node, "docker", f"{images}:v6").count("No such file") == 2
    node.sh("docker rm -f queue")
    started(node, "docker", f"{images}:v5")
    assert node.sh("docker stop -t 1 queue; docker inspect -f '{{.State.ExitCode}}' queue").split() == ["queue", "137"]
    node.sh("docker rm -f queue")
    started(node, "docker", f"{images}:v2")
    assert node.sh("docker stop -t 5 queue; docker inspect -f '{{.State.ExitCode}}' queue").split() == ["queue", "0"]


def test_locked_registry_wants_its_login(node: Node, rack: Rack) -> None:
    registry = rack.registries[1]
    registry.push_queue("locked-queue", rack.busybox, v1="good")
    image = f"{registry.host}/locked-queue:v1"
    assert "no basic auth credentials" in node.sh(f"docker pull {image}", check=False)
    user, password = registry.login or ("", "")
    node.sh(f"docker login -u {user} --password-stdin {registry.host}", stdin=password)
    assert "Downloaded" in node.sh(f"docker pull {image}; docker logout {registry.host}")
