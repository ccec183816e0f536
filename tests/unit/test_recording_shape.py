# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A recording is data that a stranger may have sent: of another shape it is refused by name, and it loads nothing."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.muster.fleet.plugins.module_utils import host, nvml_probe, remote, replay
from ansible_collections.muster.fleet.plugins.module_utils.recording import MAPPINGS, BadRecording, check

MINIMAL = {
    "muster_recording": 1,
    "simulated": True,
    "closed": True,
    "identity": {"hostname": "n", "uid": 0, "now": 1.0},
}
ODD: tuple = (None, 7, True, "text", [1], [], {}, {"a": 1}, {"state": 5}, {"b64": None}, {"stdout": 5}, {"rc": "0"})
FITS = {
    "files": [None, "text", {"state": "denied"}, {"b64": "AA=="}],
    "links": [None, "text"],
    "dirs": [None, [], ["a"]],
    "stats": [None, {}, {"mode": 1}],
    "space": [None, {}],
    "commands": [None, {}, {"rc": 0, "stdout": "x"}, {"state": "timeout"}],
    "http": [None, {}, {"status": 200, "body": "x"}],
    "tcp": [None, {"state": "ok"}],
    "nvml": [None, "1"],
}


@pytest.mark.parametrize("kind", MAPPINGS)
def test_answers_of_the_right_shape_are_taken(kind):
    for value in FITS[kind]:
        check({**MINIMAL, kind: {"x": value}}, "r.json")


@pytest.mark.parametrize("kind", MAPPINGS)
def test_answers_of_another_shape_are_refused_by_name(kind):
    fitting = [value for value in ODD if _fits(kind, value)]
    for value in ODD:
        document = {**MINIMAL, kind: {"x": value}}
        if value in fitting:
            assert "facts" in remote.answer({"replay": [document], "domains": ["host"], "deadline_s": 5})
        else:
            with pytest.raises(BadRecording, match=f"^r.json: {kind}: 'x' is not "):
                check(document, "r.json")


def _fits(kind, value):
    """Say which of the odd values may stand there: for most kinds nothing, or what an empty answer is."""
    numbers, answer = ({}, {"a": 1}, {"state": 5}, {"stdout": 5}), ({}, {"a": 1}, {"b64": None})
    empty = {"links": ("text",), "files": ("text",), "nvml": ("text",), "dirs": ([],), "stats": numbers,
             "space": numbers, "commands": answer, "http": answer}  # fmt: skip
    return value is None or any(type(value) is type(one) and value == one for one in empty.get(kind, ()))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("nvml_library", "/tmp/libnvidia-ml.so.1", "a recording is data and names no library"),
        ("nvml_library", None, "names no library"),
        ("library", "/tmp/x.so", "unknown key 'library'"),
        ("pynvml", "import os", "unknown key 'pynvml'"),
        ("simulated", "yes", "simulated is not true or false"),
        ("planted", {"faults": 5}, "planted is not a mapping of faults"),
        ("planted", {"finds": [1]}, "planted is not"),
        ("planted", {"finds": {"a": 1}}, "planted is not"),
        ("nvml_transcript", {"state": "ok"}, "nvml_transcript is not"),
        ("append", {"/x": None}, "append: '/x' is not text"),
        ("identity", [], "identity is not a mapping"),
    ],
)
def test_keys_are_known_and_hold_what_belongs_there(key, value, said):
    with pytest.raises(BadRecording, match=said):
        check({**MINIMAL, key: value}, "r.json")


@pytest.mark.parametrize("way", ["layer", "base", "facts module"])
def test_no_document_chooses_what_is_loaded(way, tmp_path, monkeypatch):
    """Whatever stands in it, no process is started for a recording whose sender names a library."""
    library = tmp_path / "libnvidia-ml.so.1"
    library.write_bytes(b"\x7fELF")
    asked = []
    monkeypatch.setattr(nvml_probe, "ask", lambda *arguments, **options: asked.append(arguments) or host.Nvml("ok"))
    claims = {"nvml_library": str(library), "nvml": {"nvmlDeviceGetCount": "1"}}
    documents = {"layer": [MINIMAL, {"muster_recording": 1, **claims}], "base": [{**MINIMAL, **claims}]}
    if way == "facts module":
        replay.Replay([{**MINIMAL, **claims}]).nvml()  # even unchecked it is data
    else:
        said = remote.answer({"replay": documents[way], "domains": ["gpu"], "deadline_s": 5})
        assert "names no library" in said["refused"]
    assert asked == []


def test_the_request_names_the_library_of_the_lab(tmp_path, monkeypatch):
    library = tmp_path / "libnvidia-ml.so.1"
    library.write_bytes(b"")
    seen = []

    def ask(unused_host, unused_timeout, unused_binding, surroundings):
        seen.append(surroundings["LD_LIBRARY_PATH"])
        return host.Nvml("failed")

    monkeypatch.setattr(nvml_probe, "ask", ask)
    recording = {**MINIMAL, "nvml": {"nvmlDeviceGetCount": "1"}}
    remote.answer({"replay": [recording], "nvml_library": str(library), "domains": ["gpu"], "deadline_s": 5})
    assert set(seen) <= {str(tmp_path)}
    replay.Replay([recording], str(library)).nvml()
    assert seen[-1] == str(tmp_path)


@pytest.mark.parametrize("count", ["9" * 12, "1000000", "²", "-1", "x", ""])
def test_number_of_gpus_in_a_recording_is_bounded(count):
    found = replay.Replay([{**MINIMAL, "nvml": {"nvmlDeviceGetCount": count}}]).nvml()
    assert len(found.transcript["gpus"]) <= 256


def test_odd_answer_of_one_command_prints_nothing_and_costs_one_answer(capfd):
    """Unchecked documents reach the replay in tests alone; a thread must not die there either."""
    recording = {
        **MINIMAL,
        "commands": {"lldpctl -f json": 5, "ip -j -d addr": [1]},
        "dirs": {"/sys/class/net": ["eth0"]},
    }
    facts = remote.collect(replay.Replay([recording]), {"nic": remote.COLLECTORS["nic"]}, {}, 20)
    assert "Traceback" not in capfd.readouterr().err
    assert "nic collector" not in [error["source"] for error in facts["nic"]["errors"]]


def test_files_of_a_recording_open_nothing_here(tmp_path):
    """A path in a recording is a name in that recording: what lies there on this machine is never read."""
    secret = tmp_path / "secret"
    secret.write_text("mine")
    machine = replay.Replay([{**MINIMAL, "links": {"/etc/x": str(secret)}, "files": {"/etc/y": {"state": "ok"}}}])
    assert machine.read("/etc/x").data == b""
    assert machine.read(str(secret)).state == host.ABSENT
    assert os.path.exists(secret)
    assert machine.run(["cat", str(secret)]).state == host.ABSENT
    assert subprocess.run(["true"], check=False).returncode == 0
