# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever is wrong with what was asked for, or with the machine: it is said, and the service is not touched."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fleet import STATE_DIR, Fleet, away, stand_in
from rack import Node, Rack
from rack.images import layer
from rack.rack import LOGIN
from rack.registry import queue


@pytest.fixture(scope="module")
def standing(
    rack: Rack, nodes: list[Node], images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """One machine that runs v1 all through these tests."""
    node = nodes[0]
    node.sh("mkdir /srv/standing")
    service = stand_in(f"{rack.registries[0].host}/annotation-queue", "standing", 8080)
    fleet = Fleet(rack, tmp_path_factory.mktemp("standing"), [node], "standing", service)
    fleet.deploy("v1").good()
    yield fleet
    node.sh(f"docker ps -aq | xargs -r docker rm -fv; rm -rf {STATE_DIR} /srv/*")


@pytest.fixture
def untouched(standing: Fleet) -> Iterator[Fleet]:
    """The fleet, with a description of its own; afterwards it must be the same container, never stopped."""
    node = standing.nodes[0]
    seen = "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' standing"
    before = node.sh(seen)
    yield Fleet(standing.rack, standing.folder, [node], standing.name, copy.deepcopy(standing.service))
    assert node.sh(seen) == before
    assert standing.at_rest(node) == "v1"


def refused(fleet: Fleet, *words: str, tag: str = "v2", **variables: Any) -> None:
    """Deploy, and insist that the report names service, machine and the reason, and the machine shows no change."""
    outcome = fleet.deploy(tag, **variables).bad()
    node = fleet.nodes[0]
    messages = [row["message"] for row in outcome.host(node)["results"] if row["status"] in ("fail", "unknown")]
    told = [text for text in messages if fleet.name in text and node.name in text]
    assert told, messages
    for word in words:
        assert any(word in text for text in told), (word, messages)


@contextlib.contextmanager
def arranged(fleet: Fleet, script: str, undo: str) -> Iterator[None]:
    """Bring a machine into a state, for a while."""
    fleet.nodes[0].sh(script)
    try:
        yield
    finally:
        fleet.nodes[0].sh(undo)


@contextlib.contextmanager
def changed(fleet: Fleet, file: str, change: Callable[[str], str]) -> Iterator[None]:
    """Change a file of the service's state, for a while."""
    node, path = fleet.nodes[0], fleet.path(file)
    text = node.read(path)
    assert change(text) != text
    node.write(path, change(text), mode="600")
    try:
        yield
    finally:
        node.write(path, text, mode="600")


def no_such_tag(fleet: Fleet) -> None:
    refused(fleet, "v99", tag="v99")


def registry_is_down(fleet: Fleet) -> None:
    with away(fleet.rack.registries[0]):
        refused(fleet, fleet.rack.registries[0].host)


def bad_credentials(fleet: Fleet) -> None:
    locked = fleet.rack.registries[1]
    locked.push_queue("annotation-queue", fleet.rack.busybox, v2="good")
    fleet.service["image"] = f"{locked.host}/annotation-queue"
    fleet.variables = {"deploy_registry_username": LOGIN[0], "deploy_registry_password": "guessed"}
    refused(fleet, locked.host)


def wrong_architecture(fleet: Fleet) -> None:
    programs = layer({"bin/busybox": fleet.rack.busybox}, executable=("bin/busybox",))
    fleet.rack.registries[0].push("annotation-queue", "arm", queue(programs, "arm", "good", architecture="arm64"))
    refused(fleet, "arm64", tag="arm")


def variable_is_missing(fleet: Fleet) -> None:
    fleet.service["required_env"] = ["RABBITMQ_HOST"]
    refused(fleet, "RABBITMQ_HOST")


def template_has_an_error(fleet: Fleet) -> None:
    fleet.template("config.yaml.j2", "host: {{ rabbitmq_hsot }}\n")
    fleet.service["config"] = [{"template": "config.yaml.j2", "dest": "/srv/standing/config.yaml"}]
    refused(fleet, "config.yaml.j2", "rabbitmq_hsot")


def key_is_misspelt(fleet: Fleet) -> None:
    fleet.service["gate"]["restart"] = 0
    refused(fleet, "gate.restart")


def history_was_tampered_with(fleet: Fleet) -> None:
    with changed(fleet, "history.json", lambda text: text.replace('"v1"', '"v9"')):
        refused(fleet, "tampered")


def audit_was_tampered_with(fleet: Fleet) -> None:
    with changed(fleet, "audit.jsonl", lambda text: text.replace('"v1"', '"v9"')):
        refused(fleet, "tampered")


def audit_was_cut_off(fleet: Fleet) -> None:
    with changed(fleet, "audit.jsonl", lambda text: "\n".join(text.splitlines()[:-1]) + "\n"):
        refused(fleet, "audit.jsonl")


def disk_of_the_state_is_full(fleet: Fleet) -> None:
    small = (
        f"cp -a {STATE_DIR} /run/state && mount -t tmpfs -o size=1m state {STATE_DIR} && cp -a /run/state/. {STATE_DIR}"
    )
    with arranged(
        fleet, f"{small}; dd if=/dev/zero of={STATE_DIR}/full bs=4k 2>/dev/null || true", f"umount {STATE_DIR}"
    ):
        refused(fleet, "space")


def state_cannot_be_written(fleet: Fleet) -> None:
    readonly = f"mount --bind {STATE_DIR} {STATE_DIR} && mount -o remount,bind,ro {STATE_DIR}"
    with arranged(fleet, readonly, f"umount {STATE_DIR}"):
        refused(fleet, "Read-only file system")


CASES = [
    no_such_tag,
    registry_is_down,
    bad_credentials,
    wrong_architecture,
    variable_is_missing,
    template_has_an_error,
    key_is_misspelt,
    history_was_tampered_with,
    audit_was_tampered_with,
    audit_was_cut_off,
    disk_of_the_state_is_full,
    state_cannot_be_written,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_refused_before_anything_stops(untouched: Fleet, case: Callable[[Fleet], None]) -> None:
    case(untouched)
