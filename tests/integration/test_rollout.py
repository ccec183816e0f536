# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deploy and rollback through a fleet: plan, canary, batches, leading back together, verdict and exit code.

The module on the nodes is a stand-in (``stub_release.py``): what is shown here is the controller's side.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from .conftest import BIN, Run

SECRET = "hunter2-0815"
HOSTS = ("n1", "n2", "n3", "n4")
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
SERVICES = {
    "annotation_queue": {
        "image": "registry.example.com/azaion/annotation-queue",
        "env": {"LOG_LEVEL": "1"},
        "env_template": "queue.env.j2",
        "required_env": ["RABBITMQ_HOST", "RABBITMQ_PASS"],
        "config": [{"template": "config.yaml.j2", "dest": "/azaion/config.yaml"}],
        "preflight": {"ci_status": {"file": "ci.json"}},
        "dependants": ["consumer"],
    },
    "consumer": {"image": "registry.example.com/azaion/consumer"},
    "watcher": {"image": "registry.example.com/azaion/watcher", "depends_on": ["consumer"]},
}
FIRST = {"id": "id-1", "tag": "1", "digest": "sha256:1", "run": "earlier"}
Done = subprocess.CompletedProcess[str]


class Fleet:
    """Four hosts without machines."""

    def __init__(self, place: Path, tree: Path, run: Run):
        self.place, self.tree, self._run = place, tree, run
        self.services: dict[str, Any] = json.loads(json.dumps(SERVICES))
        self.hosts: dict[str, dict[str, Any]] = {name: {} for name in HOSTS}
        self.vars: dict[str, Any] = {"rabbit_password": SECRET, "rabbit_host": "mq", "muster_expected_hosts": 4}
        beside = place / "rack-services"
        beside.mkdir()
        (beside / "queue.env.j2").write_text('RABBITMQ_HOST={{ rabbit_host }}\nRABBITMQ_PASS="{{ rabbit_password }}"\n')
        (beside / "config.yaml.j2").write_text("key: {{ env.RABBITMQ_PASS }}\n")
        (beside / "ci.json").write_text('{"status": "success"}')

    def play(self, playbook: str, **variables: Any) -> Done:
        """Run a playbook; ``options`` are more options of ``ansible-playbook``."""
        options = variables.pop("options", [])
        inventory = self.place / "rack"
        inventory.mkdir(exist_ok=True)
        given = {
            "ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "deploy_state_dir": f"{self.place}/state/{{{{ inventory_hostname }}}}", "deploy_services": self.services,
        }  # fmt: skip
        (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": given | self.vars, "hosts": self.hosts}}))
        command = [BIN / "ansible-playbook", f"muster.fleet.{playbook}", "-i", inventory, *options]
        extra = json.dumps({"deploy_service": "annotation_queue", **variables})
        return self._run(*command, "-e", extra, cwd=self.place, env={"ANSIBLE_COLLECTIONS_PATH": str(self.tree)})

    def deploy(self, tag: str, **variables: Any) -> Done:
        """Deploy a tag."""
        return self.play("deploy", deploy_tag=tag, **variables)

    def bad(self, host: str, **trouble: str) -> None:
        """Let a host fail: ``tag_1`` for the tag 1, ``restart_x`` for the restart of the service x."""
        told = {name.removeprefix("tag_").replace("restart_", "restart "): how for name, how in trouble.items()}
        place = self.place / "state" / host
        place.mkdir(parents=True, exist_ok=True)
        (place / "bad.json").write_text(json.dumps(told))

    def runs(self) -> dict[str, list[str]]:
        """Return the tags of each host, that which runs first."""
        files = {name: self.place / "state" / name / "annotation_queue.json" for name in HOSTS}
        return {
            name: [release["tag"] for release in json.loads(file.read_text())] if file.exists() else []
            for name, file in files.items()
        }

    def document(self) -> dict[str, Any]:
        """Return ``run.json`` of the last run."""
        found: dict[str, Any] = json.loads((self.place / "reports" / "latest" / "run.json").read_text())
        return found

    def row(self, host: str, check: str) -> dict[str, Any]:
        """Return the one row of a host for an item."""
        (row,) = [row for row in self.document()["hosts"][host]["results"] if row["id"] == check]
        return row


@pytest.fixture(scope="module")
def tree(collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed collection with the stand-in in place of its module."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(collections / "ansible_collections", tree / "ansible_collections")
    module = tree / "ansible_collections" / "muster" / "fleet" / "plugins" / "modules" / "release.py"
    shutil.copy(Path(__file__).with_name("stub_release.py"), module)
    return tree


@pytest.fixture
def fleet(tree: Path, run: Run, tmp_path: Path) -> Iterator[Fleet]:
    """Four hosts on which 1 is deployed."""
    fleet = Fleet(tmp_path, tree, run)
    for name in HOSTS:
        place = tmp_path / "state" / name
        place.mkdir(parents=True)
        (place / "annotation_queue.json").write_text(json.dumps([FIRST]))
    yield fleet
    for path in [*(tmp_path / "reports").rglob("*"), *(tmp_path / "state").rglob("*")]:
        assert not path.is_file() or SECRET not in path.read_text(errors="replace"), f"a secret is in {path}"


def attempts(done: Done) -> list[list[str]]:
    """Return the hosts of each batch, in order."""
    plays = done.stdout.split("TASK [muster.fleet.deploy : Deploy, or go back]")[1:]
    each = [re.findall(r"^(?:ok|changed): \[(\w+)\]", play.split("\nPLAY ")[0], re.MULTILINE) for play in plays]
    return [sorted(hosts) for hosts in each]


def test_canary_then_batches_and_a_second_run_that_changes_nothing(fleet: Fleet, checkout: Path) -> None:
    done = fleet.deploy("2", deploy_batch="50%", options=["-vvv", "--diff"])
    assert done.returncode == 0, done.stdout[-3000:]
    assert attempts(done) == [["n1"], ["n2", "n3"], ["n4"]]
    assert set(map(tuple, fleet.runs().values())) == {("2", "1")}
    assert SECRET not in done.stdout + done.stderr
    schema = json.loads((checkout / "docs" / "run.schema.json").read_text())
    jsonschema.validate(fleet.document(), schema)
    assert fleet.document()["verdict"] == "ready"
    assert fleet.row("n1", "release.outcome")["message"].startswith("annotation_queue: runs 2 (sha256:2")
    assert "restarted and verified: consumer, watcher" in fleet.row("n1", "release.dependants")["message"]
    again = fleet.deploy("2")
    assert again.returncode == 0, again.stdout[-3000:]
    assert "changed=1" not in again.stdout
    assert attempts(again) == [["n1"], ["n2"], ["n3"], ["n4"]]


def test_a_canary_that_has_it_already_does_not_stop_the_others(fleet: Fleet) -> None:
    (fleet.place / "state" / "n1" / "annotation_queue.json").write_text(
        json.dumps([{**FIRST, "tag": "2", "digest": f"sha256:{2:0<12}"}])
    )
    assert fleet.deploy("2").returncode == 0
    assert {tags[0] for tags in fleet.runs().values()} == {"2"}


def test_dry_run_changes_nothing_and_shows_the_difference(fleet: Fleet) -> None:
    fleet.bad("n2", tag_2="refused")
    done = fleet.deploy("2", options=["--check", "--diff"])
    assert done.returncode == 2
    assert "-1\n+2\n" in done.stdout
    assert set(map(tuple, fleet.runs().values())) == {("1",)}
    assert [fleet.document()["hosts"][name]["verdict"] for name in HOSTS] == ["ready", "not_ready", "ready", "ready"]
    assert fleet.row("n1", "release.outcome")["status"] == "not_applicable"


def test_a_host_that_fails_stops_the_rest_and_leads_back_the_others(fleet: Fleet) -> None:
    how = "reverted"
    fleet.bad("n3", tag_2=how)
    done = fleet.deploy("2")
    assert done.returncode == 2, done.stdout[-3000:]
    assert set(map(tuple, fleet.runs().values())) == {("1",)}
    document = fleet.document()
    assert document["verdict"] == "not_ready"
    assert {host["verdict"] for host in document["hosts"].values()} == {"not_ready"}
    assert f"led back to 1 because n3 is {how}" in fleet.row("n1", "release.outcome")["message"]
    assert fleet.row("n4", "release.outcome")["message"] == f"not attempted, because n3 is {how}"
    assert [line for line in done.stdout.splitlines() if line.startswith("fatal:")] != []


def test_an_unreachable_host_leads_the_others_back_and_is_named_as_possibly_mixed(fleet: Fleet) -> None:
    fleet.hosts["n4"] = GONE
    done = fleet.deploy("2", deploy_batch="100%")
    assert done.returncode == 2, done.stdout[-3000:]
    assert set(map(tuple, fleet.runs().values())) == {("1",)}
    host = fleet.document()["hosts"]["n4"]
    assert (host["verdict"], host["reached"]) == ("unknown", False)
    assert "may run the old release or the new" in host["reason"]
    assert "its journal recovers it at next contact" in host["reason"]
    (beside,) = [row for row in fleet.document()["fleet"] if row["id"] == "release.fleet"]
    assert beside["status"] == "fail"
    assert "not known on n4" in beside["message"]


def test_a_whole_batch_that_is_unreachable_does_not_end_the_play(fleet: Fleet) -> None:
    fleet.hosts["n2"] = GONE
    done = fleet.deploy("2", deploy_batch="1")
    assert done.returncode == 2
    assert set(map(tuple, fleet.runs().values())) == {("1",)}
    assert fleet.row("n3", "release.outcome")["message"] == "not attempted, because n2 is unreachable"
    assert fleet.document()["counts"]["unknown"] == 1


def test_rollback_goes_back_everywhere_and_says_who_could_not(fleet: Fleet) -> None:
    fleet.deploy("2")
    fleet.deploy("3")
    assert fleet.play("rollback", rollback_to=2).returncode == 0
    assert set(map(tuple, fleet.runs().values())) == {("1",)}
    done = fleet.play("rollback")
    assert done.returncode == 2
    assert "there are not 1 earlier verified releases" in fleet.row("n1", "release.outcome")["message"]


def test_rollback_that_leaves_different_releases_does_not_end_green(fleet: Fleet) -> None:
    fleet.deploy("2")
    fleet.deploy("3", options=["--limit", "n1"], muster_expected_hosts=1)
    done = fleet.play("rollback")
    assert done.returncode == 2
    assert "hosts run different releases: 1 (sha256:1) on n2, n3, n4; 2 (sha256:2" in done.stdout


@pytest.mark.parametrize("playbook", ["deploy", "rollback"])
def test_what_is_wrong_is_said_before_anything_is_touched(fleet: Fleet, playbook: str) -> None:
    done = fleet.play(playbook, deploy_service="anotation_queue", deploy_tag="2")
    assert done.returncode == 2, done.stdout[-3000:]
    assert "did you mean annotation_queue?" in done.stdout
    assert set(map(tuple, fleet.runs().values())) == {("1",)}


def test_what_is_wrong_on_one_host_stops_all(fleet: Fleet) -> None:
    fleet.hosts["n3"] = {"rabbit_host": ""}
    done = fleet.deploy("2")
    assert done.returncode == 2
    assert attempts(done) == []
    assert "service annotation_queue on n3: no value for RABBITMQ_HOST" in done.stdout
    assert "because of n3" in fleet.row("n1", "release.outcome")["message"]


def test_ci_that_is_red_refuses_the_deploy_with_evidence(fleet: Fleet) -> None:
    (fleet.place / "rack-services" / "ci.json").write_text('{"status": "failed"}')
    assert fleet.deploy("2").returncode == 2
    row = fleet.row("n1", "release.pre.ci")
    assert (row["status"], row["source"], row["expected"]) == ("fail", "file ci.json", "success, and nothing else")
    assert row["threshold_from"] == "preflight.ci_status.expect of the service"


def test_no_host_at_all_is_no_success(fleet: Fleet) -> None:
    assert fleet.deploy("2", muster_hosts="nosuch").returncode == 2


def test_awx_gets_a_summary(fleet: Fleet) -> None:
    fleet.bad("n1", tag_2="reverted")
    done = fleet.deploy("2", options=["-v"])
    assert '"muster_summary"' in done.stdout or "muster_summary" in done.stdout
    assert fleet.document()["counts"] == {"ready": 0, "degraded": 0, "not_ready": 4, "unknown": 0}


# --- a dry run is no run ----------------------------------------------------------------------------------


@pytest.mark.parametrize("playbook", ["deploy", "rollback"])
def test_a_dry_run_is_counted_ready_nowhere(fleet: Fleet, playbook: str) -> None:
    fleet.deploy("2")
    runs = fleet.runs()
    more = {"deploy_tag": "3"} if playbook == "deploy" else {}
    done = fleet.play(playbook, options=["--check", "-v"], **more)
    assert done.returncode == 0, done.stdout[-3000:]
    assert fleet.runs() == runs
    assert "DRY RUN, NOTHING WAS CHANGED: WOULD BE READY. 4 hosts: 4 would be ready" in done.stdout
    assert "\nREADY." not in done.stdout
    summary = re.search(r'"muster_summary": {.*?}\n', done.stdout, re.DOTALL) or re.search(
        r"muster_summary.*", done.stdout, re.DOTALL
    )
    assert summary
    assert "check_mode" in summary.group(0)
    document, latest = fleet.document(), fleet.place / "reports" / "latest"
    assert document["check_mode"] is True
    would = "would deploy 3" if playbook == "deploy" else "would go back to 1"
    assert f"dry run: {would}" in fleet.row("n1", "release.outcome")["message"]
    assert document["hosts"]["n1"]["facts_summary"]["outcome"].startswith("dry run")
    metrics = (latest / "muster.prom").read_text().splitlines()
    samples = [line for line in metrics if not line.startswith("#")]
    assert all('check_mode="true"' in line for line in samples)
    ready = [line for line in samples if line.startswith(("muster_host_ready", "muster_hosts", "muster_run_verdict"))]
    assert {line.rpartition(" ")[2] for line in ready} == {"0"}
    assert "✅" not in (latest / "summary.md").read_text()
    assert "would be ready" in (latest / "summary.md").read_text()
    assert "would pass muster" in (latest / "index.html").read_text()
    assert "(DRY RUN)" in (latest / "junit.xml").read_text()


def test_a_dry_run_of_a_rollback_that_would_not_work_says_so(fleet: Fleet) -> None:
    done = fleet.play("rollback", options=["--check"])
    assert done.returncode == 2
    assert "WOULD BE NOT READY" in done.stdout


# --- what the console says --------------------------------------------------------------------------------


def test_the_release_that_runs_now_is_named(fleet: Fleet) -> None:
    done = fleet.deploy("2")
    assert re.search(r"annotation_queue: 2 \(sha256:\w+\) runs on n1, n2, n3, n4", done.stdout), done.stdout[-3000:]
    assert "annotation_queue: 1 (sha256:1) runs on n1, n2, n3, n4" in fleet.play("rollback").stdout


def test_a_dependant_that_fails_a_deploy_is_told_with_where_that_led(fleet: Fleet) -> None:
    """The stand-in fails each restart, so that after the rollback, too, the dependant is not good."""
    fleet.bad("n1", restart_consumer="failed")
    fleet.deploy("2", options=["--limit", "n1"], muster_expected_hosts=1)
    outcome, dependants = fleet.row("n1", "release.outcome"), fleet.row("n1", "release.dependants")
    assert "consumer on n1: it does not come up again" in outcome["message"]
    assert "annotation_queue was rolled back, 1 runs again" in outcome["message"]
    assert (dependants["status"], "consumer is failed" in dependants["message"]) == ("fail", True)
    assert fleet.runs()["n1"] == ["1"]


# --- what a scheduler makes of an answer ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "runs"),
    [
        ("1.10", None),
        ("007", None),
        ("0x10", None),
        ("1_000", None),
        ("yes", None),
        ("2026-11-08", None),
        ("tag:1.10", "1.10"),
        ("'\"1.10\"'", "1.10"),
        ("v1.10", "v1.10"),
    ],
)
def test_a_tag_from_a_survey_is_the_tag_that_was_meant_or_refused(fleet: Fleet, answer: str, runs: str | None) -> None:
    """AWX writes what was answered without quotes, as text that is not to be trusted."""
    survey = fleet.place / "survey.yml"
    survey.write_text(f"---\ndeploy_tag: !unsafe {answer}\n")
    done = fleet.play("deploy", options=["-e", f"@{survey}"])
    if runs:
        assert done.returncode == 0, done.stdout[-3000:]
        assert {tags[0] for tags in fleet.runs().values()} == {runs}
    else:
        assert done.returncode == 2
        assert set(map(tuple, fleet.runs().values())) == {("1",)}
        told = re.sub(r"\s+", " ", done.stdout + done.stderr)
        assert "deploy_tag is" in told
        assert "in quotes as it is meant" in told


def test_a_rollback_from_a_number_is_refused(fleet: Fleet) -> None:
    survey = fleet.place / "survey.yml"
    survey.write_text("---\nrollback_from: !unsafe 1.10\n")
    done = fleet.play("rollback", options=["-e", f"@{survey}"])
    assert done.returncode == 2
    assert "rollback_from is a number" in re.sub(r"\s+", " ", done.stdout + done.stderr)
