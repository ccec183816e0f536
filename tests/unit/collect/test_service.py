"""Service facts of simulated nodes, of plain users, and of engines and managers that answer nonsense."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import service, service_ports, service_units
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked, Host
from ansible_collections.muster.fleet.plugins.module_utils.record import Recorder
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from builder import service as rendered
from builder import service_answers as answers
from builder.node import NODES, NOW, PROFILES
from builder.recording import Recording

UNIT = {"units": [{"name": "a.service|b.service", "role": "platform"}]}
SECRETS = ("must-not-be-kept", "API_TOKEN")


def node(klass="hgx_h100"):
    found = next(node for node in NODES if node.klass == klass)
    recording = Recording(found)
    rendered.render(found, recording)
    return recording


def collect(recording, klass="hgx_h100"):
    wanted = service.wanted(catalogue.profile(klass, [PROFILES])["values"])
    return service.collect(Replay([recording.document]), wanted)


def plant(name, klass="hgx_h100"):
    recording = node(klass)
    fault = next(fault for fault in rendered.FAULTS if fault.name == name)
    fault.apply(next(node for node in NODES if node.klass == klass), recording)
    return collect(recording, klass)


def machine(wanted, **parts):
    document = {"muster_recording": 1, "closed": True, "identity": {"uid": 0, "now": NOW}, **parts}
    return service.collect(Replay([document]), wanted)


def booted(shown, **files):
    """A machine with systemd that shows two units."""
    command = answers.SHOW + " a.service b.service"
    return machine(
        UNIT,
        files={"/run/systemd/system/x": "", "/proc/uptime": "1000.00 1.00\n", **files},
        commands={command: {"rc": 0, "stdout": shown}, answers.STATE: {"rc": 1, "stdout": "degraded\n"}},
    )


def said(facts):
    return " ".join(f"{error['source']}: {error['reason']}" for error in facts["errors"])


def unit(facts, name):
    return next(unit for unit in facts["units"] if unit["name"] == name)


def test_everything():
    facts = collect(node())
    assert facts["errors"] == []
    assert (facts["systemd"], facts["system_state"], facts["failed_units"]) == (True, "running", [])
    fabric = unit(facts, "nvidia-fabricmanager.service")
    assert (fabric["role"], fabric["active_state"], fabric["version"]) == ("accelerator", "active", "580.105.08")
    assert fabric["uptime_s"] == round(answers.UPTIME_S - 31.5)
    assert unit(facts, "containerd.service")["errors_last_hour"] == 2
    assert unit(facts, "ssh.service")["errors_last_hour"] == 0
    assert {unit["oom_kills"] for unit in facts["units"]} == {0}
    (container,) = facts["containers"]
    assert (container["status"], container["restart_count"], container["health"]) == ("running", 0, "healthy")
    assert container["image_tag"] == "4.4.1-4.5.2-ubuntu22.04"
    assert container["image_digest"].startswith("sha256:")
    assert container["uptime_s"] == 1050270
    assert facts["device_users"][0]["missing"] == []
    assert len(facts["device_users"][0]["host"]) == 8
    assert [port["listening"] for port in facts["ports"]] == [True, True, True]


def test_no_secret_leaves_the_engine():
    text = json.dumps(collect(node()))
    assert not [secret for secret in SECRETS if secret in text]


def test_crash_loop_shows_though_the_engine_says_running():
    (container,) = plant("container_crash_loop")["containers"]
    assert container["running"] is True
    assert (container["status"], container["restart_count"], container["uptime_s"]) == ("restarting", 17, None)


def test_devices_hidden_from_a_service():
    (user,) = plant("service_without_devices")["device_users"]
    assert user["missing"] == user["host"]
    assert user["inside"] == []


def test_host_without_devices_compares_nothing():
    recording = node()
    for name in answers.NODES["hgx_h100"]:
        recording.remove(f"/dev/{name}")
    facts = collect(recording)
    assert facts["device_users"][0]["missing"] is None, "an empty host must not make every service look well"
    assert "nothing to compare" in said(facts)


def test_alternatives_take_the_active_one_else_the_installed_one():
    shown = (
        "Id=a.service\nLoadState=loaded\nActiveState=inactive\n\nId=b.service\nLoadState=loaded\nActiveState=active\n"
    )
    assert booted(shown)["units"][0]["name"] == "b.service"
    shown = "Id=a.service\nLoadState=not-found\n\nId=b.service\nLoadState=loaded\nActiveState=failed\n"
    assert booted(shown)["units"][0]["name"] == "b.service"
    shown = "Id=a.service\nLoadState=not-found\nActiveState=inactive\n\nId=b.service\nLoadState=not-found\n"
    (found,) = booted(shown)["units"]
    assert (found["name"], found["load_state"], found["restarts"]) == ("a.service", "not-found", None)


def test_degraded_is_an_answer_though_its_exit_code_is_1():
    assert booted("Id=a.service\n")["system_state"] == "degraded"


@pytest.mark.parametrize("shown", ["", "garbage", "\0\xff{{ x }}", "ActiveState=active\n", "Failed to connect to bus"])
def test_garbage_from_systemctl_is_no_unit(shown):
    facts = booted(shown)
    assert facts["units"] is None
    assert "systemctl show" in said(facts)


def test_memory_and_oom_kills():
    shown = "Id=a.service\nActiveState=active\nControlGroup=/system.slice/a.service\n"
    shown += "MemoryCurrent=4096\nMemoryMax=infinity\n"
    events = {"/sys/fs/cgroup/system.slice/a.service/memory.events": "oom 2\noom_kill 2\noom_group_kill 0\n"}
    (found,) = booted(shown, **events)["units"]
    assert (found["memory_bytes"], found["memory_limit_bytes"], found["oom_kills"]) == (4096, None, 2)
    (found,) = booted(shown)["units"]
    assert found["oom_kills"] is None


def test_no_systemd_is_said():
    facts = machine(UNIT, files={"/proc/1/comm": "tini\n"})
    assert (facts["systemd"], facts["system_state"], facts["units"], facts["failed_units"]) == (False, None, None, None)
    assert "pid 1 is tini" in said(facts)


def test_systemctl_that_hangs():
    facts = plant("systemctl_hangs")
    assert facts["units"] is None
    assert "no end after" in said(facts)


@pytest.mark.parametrize(
    "stderr",
    [
        "Hint: You are currently not seeing messages from other users and the system.\n",
        "No journal files were opened due to insufficient permissions.\n",
        "No journal files were found.\n",
    ],
)
def test_errors_are_not_counted_in_half_a_journal(stderr):
    recording = node()
    recording.command(answers.journal_command("hgx_h100"), "-- No entries --\n", stderr=stderr)
    facts = collect(recording)
    assert {unit["errors_last_hour"] for unit in facts["units"]} == {None}
    assert "journal" in said(facts)


def test_journal_that_is_no_json():
    recording = node()
    recording.command(answers.journal_command("hgx_h100"), "Nov 18 06:00:00 host kernel: password=hunter2\n")
    facts = collect(recording)
    assert {unit["errors_last_hour"] for unit in facts["units"]} == {None}
    assert "hunter2" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("name", "state", "reachable"), [("docker_down", "failed", False), ("docker_denied", "denied", None)]
)
def test_engine_that_does_not_answer(name, state, reachable):
    facts = plant(name)
    (engine,) = facts["engines"]
    assert (engine["state"], engine["reachable"]) == (state, reachable)
    assert facts["containers"] is None


@pytest.mark.parametrize("body", ["", "null", "[]", "12", "<html>", '{"Runtimes": 3}', "{" * 100])
def test_engine_that_answers_nonsense(body):
    wanted = {"containers": ["x*"], "engine": "docker"}
    facts = machine(wanted, http={f"{answers.DOCKER} /info": {"status": 200, "body": body}})
    assert facts["containers"] is None
    assert facts["engines"][0]["runtimes"] is None
    assert facts["errors"]


@pytest.mark.parametrize("body", ["[]", "{}", "null", '{"State": null, "Config": null}', '{"State": {"StartedAt": 3}}'])
def test_container_that_answers_nonsense(body):
    http = {
        f"{answers.DOCKER} /info": {"status": 200, "body": '{"ServerVersion": "28"}'},
        f"{answers.DOCKER} /containers/json?all=true": {"status": 200, "body": '[{"Names": ["/x1"]}, {"Names": null}]'},
        f"{answers.DOCKER} /containers/x1/json": {"status": 200, "body": body},
    }
    (found,) = machine({"containers": ["x*"], "engine": "docker"}, http=http)["containers"]
    assert (found["name"], found["status"], found["uptime_s"]) == ("x1", None, None)


def test_container_that_is_not_there():
    (found,) = plant("container_missing")["containers"]
    assert (found["label"], found["status"]) == ("container *dcgm-exporter*", "absent")


@pytest.mark.parametrize(
    ("image", "tag", "pinned"),
    [
        ("nvcr.io/a/b:1.2", "1.2", True),
        ("localhost:5000/a", "latest", False),
        ("localhost:5000/a:3", "3", True),
        ("a:latest", "latest", False),
        ("a@sha256:00", None, True),
        ("a:latest@sha256:00", "latest", True),
    ],
)
def test_image_names(image, tag, pinned):
    recording = node()
    answers.changed_container(image=image)(NODES[1], recording)
    (found,) = collect(recording)["containers"]
    assert (found["image_tag"], found["image_pinned"]) == (tag, pinned)


@pytest.mark.parametrize(
    ("started", "uptime_s"),
    [
        ("2026-11-18T11:05:40Z", 60),
        ("2026-11-18T11:05:40.999999999Z", 60),
        ("2026-11-18T12:05:40+01:00", 60),
        ("2026-11-18T10:05:40-01:00", 60),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_uptime_of_a_container(started, uptime_s):
    recording = node()
    answers.changed_container(started=started)(NODES[1], recording)
    recording.identity(now=1795000000.0)
    (found,) = collect(recording)["containers"]
    assert found["uptime_s"] == uptime_s


def test_ports():
    facts = plant("port_not_listening")
    assert [(port["name"], port["listening"]) for port in facts["ports"]] == [
        ("tcp/22", True),
        ("tcp/9100", False),
        ("tcp/9400", True),
    ]
    assert facts["listening"] == ["tcp/22", "tcp/9400"]


def test_no_socket_table_is_not_a_closed_port():
    facts = machine({"ports": ["tcp/22"]})
    assert (facts["ports"], facts["listening"]) == (None, None)
    assert "no socket table" in said(facts)


def test_processes_are_compared_by_what_the_kernel_keeps():
    files = {"/proc/7/comm": "nvidia-persiste\n", "/proc/8/comm": "sshd\n", "/proc/9/comm": "sshd\n"}
    facts = machine({"processes": ["nvidia-persistenced", "sshd", "gone"]}, files=files)
    assert [(found["name"], found["count"]) for found in facts["processes"]] == [
        ("nvidia-persistenced", 1),
        ("sshd", 2),
        ("gone", 0),
    ]


def test_nothing_is_asked_for():
    facts = machine({})
    for key in ("units", "containers", "engines", "ports", "processes", "device_users"):
        assert facts[key] is None, key


def test_wanted_of_a_profile_without_services():
    assert service.wanted({}) == {
        "units": [],
        "containers": [],
        "ports": [],
        "processes": [],
        "device_users": [],
        "engine": None,
    }


def test_this_machine_names_the_owner_of_a_socket():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        facts = service_ports.collect(Asked(Host()), [f"tcp/{port}", "tcp/1"], [os.getpid()])
    assert (facts["ports"][0]["listening"], facts["ports"][0]["pid"]) == (True, os.getpid())
    assert facts["ports"][0]["addresses"] == ["127.0.0.1"]
    assert facts["ports"][1]["listening"] is False


def test_a_recording_keeps_no_secret_and_gives_the_same_facts():
    live = Replay([node().document])
    recorder = Recorder(live, "copy")
    wanted = service.wanted(catalogue.profile("hgx_h100", [PROFILES])["values"])
    facts = service.collect(recorder, wanted)
    assert not [secret for secret in SECRETS if secret in json.dumps(recorder.document)]
    assert service.collect(Replay([recorder.document]), wanted)["containers"] == facts["containers"]


def test_a_recording_keeps_the_devices_of_a_service_apart():
    recorder = Recorder(Host(), "this machine")
    inside = f"/proc/{os.getpid()}/root/dev"
    seen = recorder.names(inside).names
    recorder.document["dirs"]["/dev"] = ["something-else"]
    assert Replay([recorder.document]).names(inside).names == seen


IMEX = {"Id": "nvidia-imex.service", "LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "waiting"),
        ({"UnitFileState": "static"}, "waiting"),
        ({"LoadState": "masked", "UnitFileState": "masked"}, "waiting"),
        ({"LoadState": "not-found", "UnitFileState": ""}, "waiting"),
        ({"UnitFileState": "enabled"}, "stopped"),
        ({"UnitFileState": "enabled-runtime"}, "stopped"),
        ({"ActiveState": "active", "UnitFileState": "enabled"}, "running"),
        ({"ActiveState": "failed"}, "failed"),
        ({"ActiveState": "deactivating"}, "deactivating"),
        ({"UnitFileState": ""}, None),
    ],
)
def test_a_unit_that_starts_on_demand(changes, state):
    shown = "".join(f"{key}={value}\n" for key, value in {**IMEX, **changes}.items())
    argv = "systemctl show --no-pager --property=" + ",".join(service_units.PROPERTIES) + " nvidia-imex.service"
    host = Replay([{"muster_recording": 1, "closed": True, "identity": {"now": 1.0, "uid": 0},
                    "files": {"/run/systemd/system/x": ""}, "commands": {argv: {"stdout": shown}}}])  # fmt: skip
    facts = service.collect(host, service.wanted({"service": {"units": {"on_demand": ["nvidia-imex.service"]}}}))
    assert facts["units"] == []
    assert facts["on_demand"][0]["demand_state"] == state
    assert facts["on_demand_installed"] == int(changes.get("LoadState", "loaded") == "loaded")


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def listening(*places, state="0A"):
    rows = (f"{number}: {place} 00000000:0000 {state} 0:0 0:0 0 0 0 {number}\n" for number, place in enumerate(places))
    return HEAD + "".join(rows)


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (["tcp/22"], ["tcp/5555 at 0.0.0.0", "tcp/9100 at 10.0.0.1", "udp/68 at 0.0.0.0"]),
        ([22, "tcp/5000-6000", "tcp/9100-9100", "udp/68"], []),
        ([], ["tcp/22 at 0.0.0.0", "tcp/5555 at 0.0.0.0", "tcp/9100 at 10.0.0.1", "udp/68 at 0.0.0.0"]),
        (["udp/1-65535", "tcp/1-65535"], []),
        (["tcp/1-65535", "udp/68", "ssh"], None),
        (["tcp/22", "ssh"], ["tcp/5555 at 0.0.0.0", "tcp/9100 at 10.0.0.1", "udp/68 at 0.0.0.0"]),
        (None, None),
    ],
)
def test_listeners_that_nobody_allowed(allowed, found):
    files = {
        "/proc/net/tcp": listening("00000000:0016", "00000000:15B3", "0100007F:1F90", "0100000A:238C"),
        "/proc/net/tcp6": listening("00000000000000000000000001000000:1F91"),
        "/proc/net/udp": listening("00000000:0044", state="07"),
    }
    wanted = service.wanted({"service": {"ports_allowed": allowed}})
    assert machine(wanted, files=files)["unexpected_listeners"] == found


@pytest.mark.parametrize("table", ["tcp", "tcp6", "udp", "udp6"])
def test_listeners_are_unknown_while_a_table_is_hidden(table):
    for hidden in ({"state": "denied", "detail": ""}, "", "garbage"):
        files = {"/proc/net/tcp": listening("00000000:0016"), f"/proc/net/{table}": hidden}
        assert machine({"ports_allowed": ["tcp/22"]}, files=files)["unexpected_listeners"] is None
