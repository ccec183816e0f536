# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that do not pass: every one leaves a report of its own that says why, in all formats, and few small events."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner
import jsonschema
import pytest
import yaml

from .conftest import BIN, Run

FORMATS = ("run.json", "index.html", "junit.xml", "summary.md", "muster.prom", "closing.txt")
EVENTS_A_HOST = 10
EVENT_BYTES = 16 * 1024
Play = Callable[..., subprocess.CompletedProcess[str]]
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"


class Vaulted(str):
    """Text that YAML marks as encrypted."""


yaml.SafeDumper.add_representer(Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", str(text), "|"))


@pytest.fixture(name="usual")
def usual_fixture(lab: Path) -> dict[str, Any]:
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "muster_class": "cpu_only",
        "muster_profile_dirs": [f"{lab}-site/profiles"],
        "verify_replay": [str(lab / ".build" / "head-a01-01" / "recording.json")],
    }


@pytest.fixture(name="play")
def play_fixture(collections: Path, usual: dict[str, Any], run: Run, tmp_path: Path) -> Play:
    """Verifies hosts; those without variables of their own answer as a healthy node does."""

    def play(hosts: dict[str, Any], *options: str, playbook: str = "verify") -> subprocess.CompletedProcess[str]:
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": usual, "hosts": hosts}}))
        (tmp_path / "sudo").write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
        (tmp_path / "sudo").chmod(0o755)
        command = [BIN / "ansible-playbook", f"muster.fleet.{playbook}", "-i", "hosts.yml", *options]
        return run(*command, cwd=tmp_path)

    return play


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def document(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "reports" / "latest" / "run.json").read_text())
    return found


def told(place: Path, *words: str) -> None:
    """Insist that every format of the last run says all of these words, in its own escapes."""
    for name in FORMATS:
        text = (place / "reports" / "latest" / name).read_text().replace("\\_", "_").replace("&#39;", "'")
        for word in words:
            assert word in text, f"{name} does not say {word!r}"


def test_another_number_of_hosts_is_said_everywhere(play: Play, tmp_path: Path, checkout: Path) -> None:
    assert play({"a": {}}).returncode == 0
    done = play({"a": {}, "b": GONE}, "--limit", "a", "-e", "muster_expected_hosts=2")
    assert done.returncode != 0
    told(tmp_path, "The run has 1 hosts, muster_expected_hosts says 2.")
    found = document(tmp_path)
    assert (found["verdict"], found["counts"]["ready"]) == ("not_ready", 1)
    jsonschema.validate(found, json.loads((checkout / "docs" / "run.schema.json").read_text()))
    latest = tmp_path / "reports" / "latest"
    assert 'failures="1"' in (latest / "junit.xml").read_text()
    assert 'muster_run_verdict{simulated="true",verdict="ready"} 0' in (latest / "muster.prom").read_text()


FAILS = {
    "a password that nobody gave": (
        {"ansible_become": True, "ansible_become_user": "nobody", "ansible_become_exe": "{{ inventory_dir }}/sudo"},
        "sudo: a password is required",
        "--ask-become-pass",
    ),
    "a way to become root": (
        {"ansible_become": True, "ansible_become_method": "no_such_method"},
        "no_such_method",
        "Correct what the message names",
    ),
    "a vault": ({"ansible_become_password": Vaulted(VAULT)}, "vault secrets", "--vault-password-file"),
    "a variable": ({"verify_waivers": "{{ nothing_of_that_name }}"}, "nothing_of_that_name", "Define the variable"),
    "an option": ({"verify_deadline": "abc"}, "deadline", "Correct what the message names"),
    "a file": ({"verify_waivers": "/no/such/waivers.yml"}, "/no/such/waivers.yml", "Correct what the message names"),
    "a port": (GONE, "Connection refused", "power and an address"),
}


@pytest.mark.parametrize("case", FAILS)
@pytest.mark.parametrize("others", [{}, {"good": {}}], ids=["every host", "one of two"])
def test_the_words_of_a_task_that_failed(play: Play, tmp_path: Path, case: str, others: dict[str, Any]) -> None:
    assert play({"old": {}}).returncode == 0
    older = document(tmp_path)["run_id"]
    given, words, advice = FAILS[case]
    done = play({"bad": given, **others})
    assert done.returncode != 0
    found = document(tmp_path)
    assert found["run_id"] != older
    host = found["hosts"]["bad"]
    assert words in host["reason"]
    assert advice in host["fix"]
    assert "no result arrived" not in json.dumps(found)
    assert (found["verdict"], set(found["hosts"])) == ("unknown", {"bad", *others})
    told(tmp_path, words)
    for name in ("index.html", "junit.xml", "summary.md", "closing.txt"):
        assert advice in (tmp_path / "reports" / "latest" / name).read_text(), name
    if others:
        assert found["hosts"]["good"]["verdict"] == "ready"


@pytest.mark.parametrize(
    "option",
    ["report_waivers", "report_cable_plan", "report_fabric", "report_accepted_run", "report_fleet_dirs",
     "report_site_dir"],
)  # fmt: skip
def test_what_the_report_cannot_read_costs_no_report(play: Play, tmp_path: Path, option: str) -> None:
    gone = "/no/such/place" if option != "report_accepted_run" else "no-such-run"
    done = play({"a": {}}, "-e", json.dumps({option: [gone] if option.endswith("dirs") else gone}))
    assert done.returncode != 0, said(done)
    found = document(tmp_path)
    assert (found["verdict"], found["hosts"]["a"]["verdict"]) == ("unknown", "ready")
    told(tmp_path, gone)
    assert gone in found["reason"]


def test_latest_is_this_run_from_its_first_moment(play: Play, tmp_path: Path) -> None:
    """A run that is cut off leaves no older one to be taken for it."""
    assert play({"a": {}}).returncode == 0
    older = document(tmp_path)["run_id"]
    shell = tmp_path / "python3"
    latest = tmp_path / "reports" / "latest" / "run.json"
    shell.write_text(f"#!/bin/sh\ncp {latest} {tmp_path}/seen.json\nkill -9 $(cat {tmp_path}/pid)\n")
    shell.chmod(0o755)
    hosts = {"a": {"ansible_python_interpreter": str(shell)}}
    (tmp_path / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"vars": {"ansible_connection": "local"}, "hosts": hosts}})
    )
    command = f"echo $$ > {tmp_path}/pid; exec {BIN}/ansible-playbook muster.fleet.verify -i hosts.yml"
    killed = play({"old": {}}, "--syntax-check")  # the usual environment is set up
    assert killed.returncode == 0
    (tmp_path / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"vars": {"ansible_connection": "local"}, "hosts": hosts}})
    )
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=dict(os.environ), capture_output=True, check=False)
    for text in ((tmp_path / "seen.json").read_text(), latest.read_text()):
        seen = json.loads(text)
        assert seen["run_id"] != older
        assert (seen["verdict"], seen["finished"]) == ("unknown", None)
        assert "has not ended" in seen["reason"]


class TestOneIdTwice:
    """The id of another run is refused before a host is asked, and nothing of that run is touched."""

    def test_one_after_the_other(self, play: Play, tmp_path: Path) -> None:
        one = ("-e", json.dumps({"verify_run_id": "X", "report_run_id": "X"}))
        assert play({"a": {}}, *one).returncode == 0
        before = (tmp_path / "reports" / "X" / "run.json").read_bytes()
        done = play({"a": {}, "b": {"ansible_python_interpreter": "/bin/false"}}, *one)
        assert done.returncode != 0
        assert "the run id is taken" in said(done)
        assert "READY" not in done.stdout
        assert (tmp_path / "reports" / "X" / "run.json").read_bytes() == before

    def test_two_names_for_one_run(self, play: Play, tmp_path: Path) -> None:
        done = play({"a": {}}, "-e", json.dumps({"verify_run_id": "X", "report_run_id": "Y"}))
        assert done.returncode != 0
        assert "one run has one id, not X and Y" in said(done)


class TestSlices:
    """A slice leaves the verdict, and the number of hosts, to whatever merges it."""

    SLICE = ("-e", json.dumps({"muster_slice": True, "muster_expected_hosts": 2, "muster_hosts": "a:b"}))

    def test_they_judge_and_the_merge_decides(self, play: Play, tmp_path: Path) -> None:
        hosts = {"a": {}, "b": GONE, "c": {}}
        for number, host in enumerate(hosts):
            ids = json.dumps({"verify_run_id": f"n-{number}", "report_run_id": f"n-{number}"})
            done = play(hosts, "--limit", host, "-e", ids, *self.SLICE)
            assert done.returncode == 0, said(done)
            assert document(tmp_path)["verdict"] == ("ready" if host == "a" else "unknown")
        merged = play(hosts, "-e", json.dumps({"report_merge": ["reports/n-*"], "report_run_id": "n"}),
                      "-e", "muster_expected_hosts=2", "-e", "muster_hosts=a:b", playbook="report")  # fmt: skip
        found = document(tmp_path)
        assert merged.returncode != 0
        assert {name: host["verdict"] for name, host in found["hosts"].items()} == {"a": "ready", "b": "unknown"}
        assert found["reason"] is None
        assert "never arrived" not in merged.stdout

    def test_the_merge_counts_the_hosts(self, play: Play, tmp_path: Path) -> None:
        ids = json.dumps({"verify_run_id": "n-0", "report_run_id": "n-0"})
        assert play({"a": {}}, "-e", ids, "-e", "muster_slice=true").returncode == 0
        options = json.dumps({"report_merge": ["reports/n-*"], "report_run_id": "n", "muster_expected_hosts": 2})
        assert play({"a": {}}, "-e", options, playbook="report").returncode != 0
        told(tmp_path, "The run has 1 hosts, muster_expected_hosts says 2.")

    def test_one_that_judged_none_of_its_hosts_did_not_do_its_part(self, play: Play) -> None:
        assert play({"a": {}}, *self.SLICE, "--tags", "gpu").returncode != 0

    def test_report_fail_is_left_to_the_user(self, play: Play, tmp_path: Path) -> None:
        done = play({"a": GONE}, "-e", "report_fail=false")
        assert done.returncode == 0, said(done)
        assert document(tmp_path)["verdict"] == "unknown"


@pytest.mark.parametrize("count", [40, 300])
def test_events_stay_few_and_small_however_many_hosts_are_refused(
    usual: dict[str, Any], environment: dict[str, str], collections: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:  # fmt: skip
    place = tmp_path / "private"
    for name in ("inventory", "project", "env"):
        (place / name).mkdir(parents=True)
    gone = "no such recording " + "x" * 150
    hosts = {f"gpu-a{number // 8:02}-{number:03}": {"verify_replay": [gone]} for number in range(count)}
    (place / "inventory" / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": usual, "hosts": hosts}}))
    ansible = {name: value for name, value in environment.items() if name.startswith("ANSIBLE_")}
    (place / "env" / "envvars").write_text(json.dumps(ansible | {"PATH": environment["PATH"], "ANSIBLE_FORKS": "10"}))
    monkeypatch.setenv("PATH", environment["PATH"])
    ran = ansible_runner.run(private_data_dir=str(place), playbook="muster.fleet.bringup", quiet=True)
    assert ran.status == "failed"
    paths = [path for path in (place / "artifacts").rglob("job_events/*.json") if "partial" not in path.name]
    events = [json.loads(path.read_text()) for path in paths]
    stats = next(event["event_data"] for event in events if event["event"] == "playbook_on_stats")
    assert set(stats["failures"]) == set(hosts)
    per_host = Counter(event["event_data"]["host"] for event in events if "host" in event["event_data"])
    assert max(per_host.values()) <= EVENTS_A_HOST, per_host.most_common(3)
    sizes = {event["event_data"].get("task", event["event"]): len(json.dumps(event["event_data"].get("res")))
             for event in events if event["event"] != "playbook_on_stats"}  # fmt: skip
    assert max(sizes.values()) < EVENT_BYTES, sizes
    summary = stats["artifact_data"]["muster_summary"]
    assert len(json.dumps(summary)) < 2 * EVENT_BYTES
    assert (len(summary["failed_hosts"]), summary["failed_hosts_cut"]) == (20, count - 20)
    shutil.rmtree(place)
