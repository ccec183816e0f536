# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a finished run to a signed go-live, as people do it: attest, sign off, decide, check again, all by playbooks."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.tests.unit.plugin_utils import ceremony

from .conftest import BIN, Run

Playbook = Callable[..., subprocess.CompletedProcess[str]]
TODAY = datetime.datetime.now(datetime.timezone.utc)
UNTIL = (TODAY + datetime.timedelta(days=30)).date().isoformat()


@pytest.fixture(name="built", scope="module")
def built_fixture(tmp_path_factory: pytest.TempPathFactory) -> ceremony.Place:
    """A run that has just ended, and an inventory in which everything is signed."""
    finished = TODAY.strftime("%Y-%m-%dT%H:%M:%SZ")
    place = ceremony.Place(tmp_path_factory.mktemp("golive"), finished, UNTIL).build()
    (place.inventory / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"hosts": {"gpu-1": None, "gpu-2": None}, "vars": {"muster_site": ceremony.SITE}}})
    )
    return place


@pytest.fixture(name="place")
def place_fixture(built: ceremony.Place, tmp_path: Path) -> ceremony.Place:
    """The same, to be spoilt."""
    return built.copy(tmp_path)


@pytest.fixture(name="golive")
def golive_fixture(collections: Path, place: ceremony.Place, run: Run) -> Playbook:
    """Decides as the person who leads."""

    def golive(*options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        usual = {"golive_who": ceremony.LEAD, "golive_key": str(place.keys[ceremony.LEAD])}
        command = ["muster.fleet.golive", "-i", place.inventory / "hosts.yml", "-e", json.dumps(usual), *options]
        return run(BIN / "ansible-playbook", *command, cwd=place.place, env=env)

    return golive


@pytest.fixture(name="attest")
def attest_fixture(collections: Path, place: ceremony.Place, run: Run) -> Playbook:
    """States something in somebody's name, signed with their key."""

    def attest(who: str, *options: str, **said: Any) -> subprocess.CompletedProcess[str]:
        usual = {"attest_who": who, "attest_key": str(place.keys[who]), "attest_expires": UNTIL, **said}
        command = ["muster.fleet.attest", "-i", place.inventory / "hosts.yml", "-e", json.dumps(usual), *options]
        return run(BIN / "ansible-playbook", *command, cwd=place.place)

    return attest


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a run said, in one line."""
    return " ".join((done.stdout + done.stderr).split())


def files(place: ceremony.Place) -> dict[str, bytes]:
    """Return everything that lies there."""
    return {str(path): path.read_bytes() for path in place.place.rglob("*") if path.is_file()}


def test_from_sign_off_to_a_decision_that_holds(place: ceremony.Place, golive: Playbook, attest: Playbook) -> None:
    shutil.rmtree(place.attestations)
    done = golive()
    assert done.returncode != 0
    assert "DECISION: REJECT" in done.stdout
    assert "sign-off QA Engineer: missing" in said(done)
    for number, role in enumerate(row["role"] for row in ceremony.wish()["signoffs"]):
        done = attest(f"who-{number}", attest_role=role, attest_signoff=True)
        assert done.returncode == 0, said(done)
    for item in ceremony.wish()["attested"]:
        proof = {"attest_statement": "It is", "attest_evidence": str(place.inventory / "rollback.md")}
        done = attest("ops", attest_role="Operator", attest_item=item, **proof)
        assert done.returncode == 0, said(done)
    done = golive()
    assert done.returncode == 0, said(done)
    assert "DECISION: APPROVE" in done.stdout
    record = json.loads(place.record.read_text())
    assert (record["decision"], record["reasons"]) == ("APPROVE", [])
    assert [row["who"] for row in record["signoffs"]] == [f"who-{number}" for number in range(5)]
    verified = golive("-e", f"golive_verify={place.record}")
    assert verified.returncode == 0, said(verified)
    assert "still holds" in said(verified)


def test_a_second_decision_on_the_same_changes_nothing(place: ceremony.Place, golive: Playbook) -> None:
    assert "changed=1" in golive().stdout
    before = files(place)
    done = golive()
    assert "changed=0" in done.stdout
    assert files(place) == before


def test_an_old_decision_tells_what_has_changed(place: ceremony.Place, golive: Playbook) -> None:
    assert golive().returncode == 0
    signoff = place.attestations / "qa-engineer.yml"
    signoff.write_text(signoff.read_text() + "\n")
    done = golive("-e", f"golive_verify={place.record}")
    assert done.returncode != 0
    assert "no longer holds" in said(done)
    assert "qa-engineer.yml has changed" in said(done)


def test_check_mode_decides_and_writes_nothing(place: ceremony.Place, golive: Playbook) -> None:
    before = files(place)
    done = golive("--check")
    assert done.returncode == 0, said(done)
    assert "DECISION: APPROVE" in done.stdout
    (place.attestations / "qa-engineer.yml.sig").unlink()
    refused = golive("--check")
    assert refused.returncode != 0
    assert "sign-off QA Engineer: not valid: it is not signed" in said(refused)
    assert set(before) - set(files(place)) == {str(place.attestations / "qa-engineer.yml.sig")}
    assert set(files(place)) <= set(before)


def test_without_a_key_it_is_rejected(place: ceremony.Place, golive: Playbook) -> None:
    done = golive("-e", "golive_key=")
    assert done.returncode != 0
    assert "the record is not signed" in said(done)
    assert json.loads(place.record.read_text())["decision"] == "REJECT"


def test_without_ssh_keygen_nothing_is_approved(place: ceremony.Place, golive: Playbook, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for tool in Path(folder).iterdir():
            if tool.name != "ssh-keygen" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    done = golive(env={"PATH": f"{BIN}:{tools}"})
    assert done.returncode != 0
    assert "ssh-keygen is not installed here" in said(done)
    assert "Traceback" not in said(done)
    assert not place.record.exists()


def test_neither_output_nor_records_hold_the_key(place: ceremony.Place, golive: Playbook) -> None:
    secret = place.keys[ceremony.LEAD].read_text().splitlines()[3]
    done = golive("-vvv")
    assert secret not in done.stdout + done.stderr
    assert [path for path, text in files(place).items() if secret.encode() in text] == [str(place.keys[ceremony.LEAD])]


def test_a_part_of_the_machines_does_not_pass_for_all(place: ceremony.Place, golive: Playbook) -> None:
    (place.inventory / "group_vars").mkdir()
    (place.inventory / "group_vars" / "all.yml").write_text("muster_expected_hosts: 3\n")
    done = golive()
    assert done.returncode != 0
    assert "the run has 2 hosts, golive_expected_hosts says 3" in said(done)


def test_a_missing_run_is_a_clear_error(place: ceremony.Place, golive: Playbook) -> None:
    done = golive("-e", "golive_run=nightly")
    assert done.returncode != 0
    assert "nightly: there is no such finished run" in said(done)
    assert "Traceback" not in said(done)


def test_attesting_twice_changes_nothing_and_another_text_is_refused(place: ceremony.Place, attest: Playbook) -> None:
    floor = {"attest_role": "Facility Manager", "attest_item": "piqc:0.1", "attest_evidence": "inventory/rollback.md"}
    before = files(place)
    shown = attest("ops", "--check", "--diff", attest_statement="It carries", **floor)
    assert shown.returncode == 0, said(shown)
    assert "+statement: It carries" in shown.stdout
    assert files(place) == before
    first = attest("ops", attest_statement="It carries", **floor)
    assert "changed=1" in first.stdout, said(first)
    path = place.attestations / "piqc-0.1.yml"
    assert yaml.safe_load(path.read_text())["evidence"]["file"] == "../rollback.md"
    again = attest("ops", attest_statement="It carries", **floor)
    assert "changed=0" in again.stdout
    other = attest("ops", attest_statement="It does not", **floor)
    assert other.returncode != 0
    assert "ops validly attests piqc:0.1 here; attest_replace overwrites it" in said(other)
    assert "It carries" in path.read_text()
    replaced = attest("ops", attest_statement="It does not", attest_replace=True, **floor)
    assert replaced.returncode == 0
    assert "It does not" in path.read_text()


def test_nothing_is_written_that_would_not_be_believed(place: ceremony.Place, attest: Playbook) -> None:
    before = files(place)
    common = {"attest_role": "r", "attest_item": "piqc:0.1", "attest_statement": "s", "attest_evidence": "https://x"}
    key = str(place.keys["who-1"])
    refused = {
        "signed by who-1, not by ops": {"attest_key": key},
        "there is no signing key": {"attest_key": "/none"},
        "it expired on 2020-01-01": {"attest_expires": "2020-01-01"},
        "expires is a date": {"attest_expires": "soon"},
        "cannot be read": {"attest_evidence": "none.pdf"},
        "evidence is missing": {"attest_evidence": ""},
        "statement is missing": {"attest_statement": ""},
    }
    for reason, changed in refused.items():
        done = attest("ops", **{**common, **changed})
        assert done.returncode != 0, reason
        assert reason in said(done)
        assert "Traceback" not in said(done)
    assert files(place) == before


def test_an_unsigned_one_is_written_for_somebody_else_to_sign(place: ceremony.Place, attest: Playbook) -> None:
    said_so = {"attest_role": "r", "attest_item": "piqc:0.2", "attest_statement": "s", "attest_evidence": "https://x"}
    done = attest("ops", attest_key="", **said_so)
    assert done.returncode == 0, said(done)
    assert "is not signed and so not valid" in said(done)
    assert "changed=0" in attest("ops", attest_key="", **said_so).stdout
    signed = attest("ops", **said_so)
    assert "changed=1" in signed.stdout, said(signed)
    assert (place.attestations / "piqc-0.2.yml.sig").is_file()
