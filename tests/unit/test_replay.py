"""Recordings answer as machines do, in layers, and say when they were never asked."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils import host as h
from ansible_collections.muster.fleet.plugins.module_utils.record import Recorder
from ansible_collections.muster.fleet.plugins.module_utils.replay import BadRecording, Replay, load

BASE = {
    "muster_recording": 1,
    "simulated": True,
    "closed": True,
    "identity": {"hostname": "n1", "uid": 0, "now": 1.0},
    "files": {
        "/sys/devices/pci0/0000:01:00.0/vendor": "0x10de\n",
        "/etc/raw": {"b64": "/w=="},
        "/root/secret": {"state": "denied", "detail": "Permission denied"},
        "/var/log/kern.log": "one\n",
    },
    "links": {"/sys/bus/pci/devices/0000:01:00.0": "../../../devices/pci0/0000:01:00.0"},
    "commands": {"slow": {"duration_s": 99}, "odd": {"rc": 3, "stderr": "no"}, "hung": {"state": "timeout"}},
}


def test_reads_through_links_and_lists_directories():
    host = Replay([BASE])
    assert host.read("/sys/bus/pci/devices/0000:01:00.0/vendor").data == b"0x10de\n"
    assert host.names("/sys/bus/pci/devices").names == ["0000:01:00.0"]
    assert host.names("/sys/bus/pci/devices/0000:01:00.0").names == ["vendor"]
    assert host.link("/sys/bus/pci/devices/0000:01:00.0") == "/sys/devices/pci0/0000:01:00.0"
    assert host.link("/sys/bus/pci/devices/0000:02:00.0") is None
    assert host.read("/etc/raw").data == b"\xff"
    assert host.read("/root/secret").state == h.DENIED


def test_commands_end_hang_and_are_missing():
    host = Replay([BASE])
    assert host.run(["odd"]).rc == 3
    assert host.run(["slow"], timeout=5).state == h.TIMEOUT
    assert host.run(["hung"]).state == h.TIMEOUT
    assert host.run(["other"]).state == h.ABSENT


def test_what_was_never_asked_is_not_absent():
    host = Replay([dict(BASE, closed=False)])
    assert host.read("/etc/other").state == h.UNRECORDED
    assert host.run(["other"]).state == h.UNRECORDED


def test_layers_replace_remove_and_append():
    layer = {
        "muster_recording": 1,
        "files": {"/etc/raw": None, "/root/secret": "open"},
        "append": {"/var/log/kern.log": "two\n"},
        "planted": {"faults": ["f"], "finds": {"a.b": "fail"}},
    }
    host = Replay([BASE, layer])
    assert host.read("/etc/raw").state == h.ABSENT
    assert host.read("/root/secret").data == b"open"
    assert host.read("/var/log/kern.log").data == b"one\ntwo\n"
    assert host.planted == {"faults": ["f"], "finds": {"a.b": "fail"}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a recording"),
        ('{"muster_recording": 2}', "schema version 2"),
        ('{"muster_recording": 1, "files": []}', "files is not a mapping"),
    ],
)
def test_bad_recordings_are_refused_by_name(tmp_path, text, reason):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(BadRecording, match=reason) as refusal:
        load(str(path))
    assert str(path) in str(refusal.value)


def test_missing_recording_is_refused(tmp_path):
    with pytest.raises(BadRecording, match="No such file"):
        load(str(tmp_path / "none.json"))


def test_a_link_that_goes_round_ends():
    host = Replay([dict(BASE, links={"/a": "/b", "/b": "/a"})])
    assert host.read("/a/x").state == h.ABSENT


def test_a_recording_of_a_machine_answers_as_the_machine_did(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "value").write_text("7\n")
    (tmp_path / "link").symlink_to("real")
    recorder = Recorder(h.Host(), "here")

    def questions(host):
        return [
            host.read(str(tmp_path / "link" / "value")),
            host.read(str(tmp_path / "link" / "none")).state,
            host.names(str(tmp_path / "link")),
            host.names(str(tmp_path / "none")).state,
            host.link(str(tmp_path / "link")),
            host.link(str(tmp_path / "none")),
            host.run(["sh", "-c", "echo out; exit 4"])[:5],
            host.run(["no-such-program-here"]).state,
            host.stat(str(tmp_path / "real")),
            host.space(str(tmp_path)),
            host.identity(),
        ]

    live = questions(recorder)
    assert questions(Replay([json.loads(json.dumps(recorder.document))])) == live
