# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A consumer of a real stream goes on at the very next offset after a deploy, a crash, a bad release and a rollback."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest
from fleet import Fleet
from rack import Node, Rack
from rack.broker import Broker, consumer

STREAM, PASSWORD = "annotations", "Str3am-Passw0rd-9f1c"
MESSAGES, PAUSE_S = 100_000, 0.02  # they come all through the test


@pytest.fixture(scope="module")
def broker(rack: Rack) -> Broker:
    """RabbitMQ, with messages that keep coming."""
    broker = rack.broker(PASSWORD)
    broker.publish(STREAM, 50)
    broker.publish(STREAM, MESSAGES, PAUSE_S, wait=False)
    return broker


@pytest.fixture
def queue(fleet: Fleet, broker: Broker) -> Fleet:
    """The consumer as a service on one machine; v3 connects to nothing and consumes nothing."""
    registry = fleet.rack.registries[0]
    for tag, mode in (("v1", "good"), ("v2", "good"), ("v3", "stuck")):
        registry.push("consumer", tag, consumer(fleet.rack.daemon, tag, mode))
    del fleet.nodes[1:]
    fleet.variables = {"amqp_url": broker.url}
    fleet.template("env.j2", f"AMQP_URL={{{{ amqp_url }}}}\nSTREAM={STREAM}\n")
    advancing = {"file": f"/srv/{fleet.name}/offset.yaml", "key": "offset", "within_s": 8}
    fleet.service = {
        "image": f"{registry.host}/consumer",
        "env_template": "env.j2",
        "required_env": ["AMQP_URL", "STREAM"],
        "mounts": [{"source": f"/srv/{fleet.name}", "target": "/data"}],
        "gate": {"timeout_s": 12, "running_s": 1, "advancing": advancing},
        "watch_s": 1,
    }
    return fleet


def ledger(queue: Fleet) -> list[dict[str, Any]]:
    """Return what the consumers wrote down, in order."""
    lines = queue.nodes[0].read(f"/srv/{queue.name}/ledger.jsonl").splitlines()
    return [json.loads(line) for line in lines]


def lives(entries: list[dict[str, Any]]) -> list[str]:
    """Insist that no message was lost, and none consumed twice below a committed offset; return who lived, in order."""
    committed, expected = -1, 0
    lived = []
    for entry in entries:
        event, offset = entry["event"], entry["offset"]
        if event == "started":
            assert offset == committed + 1, entry
            expected = offset
            lived.append(entry["version"])
        elif event == "consumed":
            assert offset == expected, entry
            expected += 1
        else:
            assert offset == expected - 1, entry
            committed = offset
    return lived


def committed(queue: Fleet, node: Node) -> int:
    """Return the offset up to which the consumer is done."""
    return int(node.read(f"/srv/{queue.name}/offset.yaml").split()[1])


def test_no_message_is_lost_or_consumed_twice(queue: Fleet, broker: Broker) -> None:
    (node,) = queue.nodes
    queue.deploy("v1").good()
    queue.deploy("v2").good()
    crash = "kill -9 $(docker inspect -f '{{.State.Pid}}' " + queue.name + ")"
    node.sh(crash)
    time.sleep(2)
    outcome = queue.deploy("v3").bad()
    assert "offset" in outcome.said(node)
    queue.rollback().good()
    queue.seen(node).at_rest()
    entries = ledger(queue)
    assert lives(entries) == ["v1", "v2", "v2", "v2", "v1"]  # started, deployed, crashed, led back from v3, rolled back
    twice = {
        offset
        for offset, times in Counter(e["offset"] for e in entries if e["event"] == "consumed").items()
        if times > 1
    }
    assert len(twice) < 10  # what the crash left uncommitted; a stop and a deploy leave nothing


def test_lag_is_the_last_offset_less_the_committed_one(queue: Fleet, broker: Broker) -> None:
    """What a stream calls its messages are those that it keeps: they are there although each was consumed."""
    (node,) = queue.nodes
    broker.stop_publishing()
    queue.service["gate"].pop("advancing")
    queue.deploy("v1").good()
    ends = time.monotonic() + 30
    while (lag := broker.last_offset(STREAM) - committed(queue, node)) >= 10 and time.monotonic() < ends:
        time.sleep(0.5)
    assert 0 <= lag < 10  # it commits every ten messages
    assert broker.retained(STREAM) == broker.last_offset(STREAM) + 1 > 50
    node.sh(f"docker stop {queue.name}")  # with grace: it commits what it has
    assert committed(queue, node) == broker.last_offset(STREAM)
    broker.publish(STREAM, 25)
    assert broker.last_offset(STREAM) - committed(queue, node) == 25
