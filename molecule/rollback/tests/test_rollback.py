# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The first release runs again, its work goes on where the second one was, and the history tells both."""

from __future__ import annotations

import json
import time

from testinfra.host import Host

SERVICE = "annotation-queue"
ASK = 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8080/version").read().decode().strip())'
STATE = f"/var/lib/muster/release/{SERVICE}"


def offset(host: Host) -> int:
    """Return how far the queue has come."""
    return int(host.file("/data/offset.yaml").content_string.split(":")[1])


def test_the_first_release_serves(host: Host) -> None:
    assert host.docker(SERVICE).is_running
    assert host.check_output(f"python3 -c '{ASK}'") == "v1"


def test_its_work_goes_on(host: Host) -> None:
    before = offset(host)
    time.sleep(1)
    assert offset(host) > before


def test_the_history_tells_of_both(host: Host) -> None:
    told = json.loads(host.file(f"{STATE}/history.json").content_string)
    assert [(entry["tag"], entry["outcome"]) for entry in told["releases"]] == [
        ("v2", "rolled_back"),
        ("v1", "deployed"),
    ]
