# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make bench``: what a verification costs beside Ansible's own ``ping``, on simulated machines.

The machines are played on the controller itself (``ansible_connection: local``), so the figures hold both ends: what
the controller spends on a host and what the host spends on answering.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECORDING = Path(__file__).parents[2] / "inventories" / "lab" / ".build" / "gpu-a01-01" / "recording.json"
PLAYS = {
    "ping": [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}],
    "verify": [{"hosts": "all", "gather_facts": False, "roles": ["muster.fleet.verify"]}],
    "verify and report": [
        {"hosts": "all", "gather_facts": False, "roles": ["muster.fleet.verify", "muster.fleet.report"]}
    ],
}


def inventory(hosts: int) -> dict[str, object]:
    """Return an inventory of as many copies of one simulated machine."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "muster_class": "hgx_h100",
        "verify_replay": [str(RECORDING)],
    }
    return {"all": {"vars": variables, "hosts": {f"gpu-{number:05}": {} for number in range(hosts)}}}


def measured(play: str, hosts: int, forks: int, folder: Path) -> tuple[float, float]:
    """Run a play and return its wall-clock time and the processor time of all its processes, in seconds."""
    (folder / "hosts.json").write_text(json.dumps(inventory(hosts)), encoding="utf-8")
    (folder / "play.json").write_text(json.dumps(PLAYS[play]), encoding="utf-8")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        ["ansible-playbook", "-i", "hosts.json", "-f", str(forks), "play.json"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DISPLAY_OK_HOSTS": "false"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, spent


def main() -> None:
    """Print one line per play and number of hosts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--forks", type=int, default=2 * (os.cpu_count() or 1))
    options = parser.parse_args()
    print(f"{'play':<20}{'hosts':>7}{'wall s':>9}{'CPU s':>9}{'CPU ms/host':>13}")
    for hosts in options.hosts:
        for play in PLAYS:
            with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
                wall, spent = measured(play, hosts, options.forks, Path(folder))
            print(f"{play:<20}{hosts:>7}{wall:>9.1f}{spent:>9.1f}{1000 * spent / hosts:>13.0f}", flush=True)


if __name__ == "__main__":
    main()
