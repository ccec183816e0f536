# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""After a release that crashes, the release before runs again everywhere, and the report says what happened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from testinfra.host import Host

SERVICE = "annotation-queue"
ASK = 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8080/version").read().decode().strip())'
STATE = f"/var/lib/muster/release/{SERVICE}"


def report() -> dict[str, Any]:
    """Return the document of the last run."""
    latest = Path(os.environ["MUSTER_MOLECULE_REPORTS"], "latest", "run.json")
    document: dict[str, Any] = json.loads(latest.read_text(encoding="utf-8"))
    return document


def test_the_good_release_serves(host: Host) -> None:
    assert host.docker(SERVICE).is_running
    assert host.socket("tcp://0.0.0.0:8080").is_listening
    assert host.check_output(f"python3 -c '{ASK}'") == "v1"


def test_the_history_tells_of_the_bad_release(host: Host) -> None:
    told = json.loads(host.file(f"{STATE}/history.json").content_string)
    tags = {entry["tag"]: entry["outcome"] for entry in told["releases"]}
    assert tags == {"v1": "deployed", "v3": "reverted"}


def test_no_lease_and_no_journal_are_left(host: Host) -> None:
    assert not host.file(f"{STATE}/lease.json").exists
    assert not host.file(f"{STATE}/journal.json").exists


def test_the_run_did_not_end_green(host: Host) -> None:
    document = report()
    assert document["verdict"] == "not_ready"
    name = host.check_output("hostname")
    (outcome,) = [row for row in document["hosts"][name]["results"] if row["id"] == "release.outcome"]
    assert (outcome["status"], outcome["expected"]) == ("fail", "v3")
    assert outcome["observed"].startswith("v1 (sha256:")


def test_secrets_are_in_no_report(host: Host) -> None:
    for path in Path(os.environ["MUSTER_MOLECULE_REPORTS"]).rglob("*"):
        assert not path.is_file() or "hunter2-0815" not in path.read_text(errors="replace"), path
