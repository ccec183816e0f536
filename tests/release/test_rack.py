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


OFFSET = "{} exec queue /bin/busybox cat /data/offset.yaml"
RESTARTS = "docker inspect -f '{{.RestartCount}}' queue"
EXIT_CODE = "docker inspect -f '{{.State.ExitCode}}' queue"


def start(node: Node, image: str, engine: str = "docker") -> None:
    """Start an image of the stand-in queue in place of the one before, and give it two seconds."""
    node.sh(
        f"{engine} rm -f queue >/dev/null 2>&1; {engine} run -d --name queue --restart on-failure -p 8080:8080 {image}"
    )
    time.sleep(2)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_good_release_answers_and_advances(node: Node, images: str, engine: str) -> None:
    start(node, f"{images}:v1", engine)
    read = OFFSET.format(engine)
    first, second = node.sh(f"{read}; sleep 0.5; {read}").splitlines()
    assert int(second.split()[1]) > int(first.split()[1])
    health = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/cgi-bin/health').read().decode())"
    assert node.sh("python3 -", stdin=health).strip() == "ok v1"


def test_bad_releases_are_bad_in_the_way_they_claim(node: Node, images: str) -> None:
    start(node, f"{images}:v3")
    assert int(node.sh(RESTARTS)) > 0
    start(node, f"{images}:v4")
    assert (node.http("/version"), node.http("/cgi-bin/health")) == ("v4", "HTTP 500")
    start(node, f"{images}:v6")
    assert "No such file" in node.sh(OFFSET.format("docker"), check=False)
    assert node.http("/cgi-bin/health") == "ok v6"


def test_only_the_deaf_release_has_to_be_killed(node: Node, images: str) -> None:
    for version, code in (("v5", "137"), ("v2", "0")):
        start(node, f"{images}:{version}")
        node.sh("docker stop -t 1 queue")
        assert node.sh(EXIT_CODE).strip() == code


def test_locked_registry_wants_its_login(node: Node, rack: Rack) -> None:
    registry = rack.registries[1]
    registry.push_queue("locked-queue", rack.busybox, v1="good")
    image = f"{registry.host}/locked-queue:v1"
    assert "no basic auth credentials" in node.sh(f"docker pull {image}", check=False)
    user, password = registry.login or ("", "")
    node.sh(f"docker login -u {user} --password-stdin {registry.host}", stdin=password)
    assert "Downloaded" in node.sh(f"docker pull {image}; docker logout {registry.host}")
