"""Which program a node is sent: bytecode only to one that is known to read it, and source at the first doubt."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.plugin_utils import bundle, clients, kept, node

from .test_bundle import MINIMAL

VARIABLES = {"inventory_hostname": "rack1/n1.example", "ansible_python_interpreter": sys.executable}
REQUEST = {"replay": [MINIMAL], "domains": ["time"], "deadline_s": 20}


class Connection:
    """A machine at hand, which runs what it is sent and keeps it."""

    def __init__(self):
        self.sent = []
        self._templar = SimpleNamespace(template=lambda text: text)

    def _low_level_execute_command(self, command, in_data, sudoable):
        self.sent.append(in_data)
        done = subprocess.run(["/bin/sh", "-c", command], input=in_data, capture_output=True, check=False)
        return {"stdout": done.stdout.decode(), "stderr": done.stderr.decode(), "rc": done.returncode}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: str(tmp_path))
    return tmp_path / "muster"


def kinds(connection):
    return ["bytecode" if sent.startswith(bundle.program(bundle.BYTECODE)) else "source" for sent in connection.sent]


def test_first_time_source_then_bytecode():
    connection = Connection()
    answers = [node.ask(connection, VARIABLES, REQUEST, None) for unused in range(3)]
    assert kinds(connection) == ["source", "bytecode", "bytecode"]
    assert all(set(answer["facts"]) == {"time"} for answer in answers)


def test_python_that_was_changed_meanwhile_is_asked_again_with_source(monkeypatch):
    """It was known to read this Python's bytecode, and does not any longer."""
    kept.remember("python-rack1/n1.example", bundle.BYTECODE)
    programs = {bundle.BYTECODE: bundle.program.__wrapped__("00000000"), "": bundle.program()}
    monkeypatch.setattr(bundle, "program", programs.__getitem__)
    connection = Connection()
    assert set(node.ask(connection, VARIABLES, REQUEST, None)["facts"]) == {"time"}
    assert len(connection.sent) == 2


def test_node_of_another_python_is_sent_source(monkeypatch):
    kept.remember("python-rack1/n1.example", "00000000")
    connection = Connection()
    node.ask(connection, VARIABLES, REQUEST, None)
    assert kinds(connection) == ["source"]


@pytest.mark.parametrize("spoiled", [b"", b"rubbish", b"\xff" * 80])
def test_memory_that_was_spoiled_is_forgotten(home, spoiled):
    node.ask(Connection(), VARIABLES, REQUEST, None)
    (memory,) = home.glob("python-*")
    memory.write_bytes(spoiled)
    connection = Connection()
    node.ask(connection, VARIABLES, REQUEST, None)
    node.ask(connection, VARIABLES, REQUEST, None)
    assert kinds(connection) == ["source", "bytecode"]


def test_nothing_can_be_remembered(monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: "/proc/none")
    connection = Connection()
    for unused in range(2):
        assert node.ask(connection, VARIABLES, REQUEST, None)["facts"]
    assert kinds(connection) == ["source", "source"]


@pytest.mark.parametrize("setting", ["auto", "auto_silent", "/opt/own/python3"])
def test_interpreter_of_ansibles_settings_is_used(home, monkeypatch, setting):
    values = {"ANSIBLE_HOME": str(home), "INTERPRETER_PYTHON": setting}
    monkeypatch.setattr(C.config, "get_config_value", values.__getitem__)
    asked = []
    connection = Connection()
    monkeypatch.setattr(bundle, "command", lambda interpreter: asked.append(interpreter) or "exit 1")
    with pytest.raises(bundle.NoAnswer):
        node.ask(connection, {"inventory_hostname": "n"}, REQUEST, None)
    assert asked == [None if setting.startswith("auto") else setting]


class Client:
    """A connection that starts a client which neither reads nor says anything, as Ansible's plugins start ``ssh``."""

    def __init__(self, command):
        self.command, self.started = command, None
        self._templar = SimpleNamespace(template=lambda text: text)

    def _low_level_execute_command(self, command, in_data, sudoable):
        self.started = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.2)  # for all of its family to be there
        self.family = [self.started.pid, *clients._below(self.started.pid)]
        self.started.stdout.read()


@pytest.mark.parametrize(
    "command",
    [
        ["sleep", "300"],
        ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"],
        ["sh", "-c", "sleep 300; true"],
        ["sh", "-c", "sh -c 'sh -c \"sleep 300; true\"; true'; true"],
    ],
    ids=["silent", "that will not end", "with a child", "with a grandchild"],
)
def test_client_of_a_machine_that_timed_out_is_ended(command, monkeypatch):
    monkeypatch.setattr(node, "MARGIN_S", 0.3)
    monkeypatch.setattr(clients, "REAP_S", 0.5)
    connection = Client(command)
    usual = subprocess.Popen
    with pytest.raises(bundle.NoAnswer, match="timeout"):
        node.ask(connection, VARIABLES, {**REQUEST, "deadline_s": 0.4}, None)
    assert connection.started.returncode is not None
    assert not any(map(clients._lives, connection.family))
    assert subprocess.Popen is usual


def test_client_that_was_never_started_does_no_harm(monkeypatch):
    connection = Client(["/no/such/client"])
    with pytest.raises(FileNotFoundError):
        node.ask(connection, VARIABLES, REQUEST, None)


def test_that_a_machine_is_simulated_is_the_word_of_its_recordings():
    """The answer to a replay is not asked whether it was one."""
    planted = {"faults": ["f"], "finds": {"a.b": "fail"}}
    answer = node.ask(Connection(), VARIABLES, {**REQUEST, "replay": [MINIMAL, {**MINIMAL, "planted": planted}]}, None)
    assert (answer["simulated"], answer["planted"]) == (True, planted)
    answer = node.ask(Connection(), VARIABLES, {**REQUEST, "replay": [{**MINIMAL, "simulated": False}]}, None)
    assert (answer["simulated"], answer["planted"]) == (False, None)
