# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a profile from golden hosts, by the facts that a run kept. Asks no machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import tokens
from ansible_collections.muster.fleet.plugins.module_utils.judge.results import FAIL, UNKNOWN
from ansible_collections.muster.fleet.plugins.plugin_utils import capture, catalogue, done, inputs, rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.files import SHARED, BadInput, write
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable

display = Display()
READY = ("ready", "degraded")
GRAVE = ("critical", "major")
SHOWN = 160
NAME = re.compile(r"^[a-z0-9][a-z0-9_]*$")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "title": {"type": "str"},
    "extends": {"type": "str", "default": "generic"},
    "dest": {"type": "path"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "report_dir": {"type": "path", "default": "reports"},
    "run_id": {"type": "str"},
    "check_dirs": {"type": "list", "elements": "path", "default": []},
    "profile_dirs": {"type": "list", "elements": "path", "default": []},
    "allow_single": {"type": "bool", "default": False},
    "allow_simulated": {"type": "bool", "default": False},
    "allow_not_ready": {"type": "bool", "default": False},
    "validate_only": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
}
INVENTORY = {"profile_dirs": "muster_profile_dirs", "report_dir": "muster_report_dir"}


class ActionModule(ActionBase):
    """Facts of golden hosts in, a profile out."""

    _supports_check_mode = True
    _requires_connection = False

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return where the profile lies, how many values it holds, and on which keys the hosts do not agree."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        options = inputs.options(self, variables, ARGUMENTS, INVENTORY)
        options["dest"] = options["dest"] or f"profiles/{options['name']}.yml"
        options["hosts"] = options["hosts"] or variables.get("ansible_play_hosts_all") or []
        dest = Path(options["dest"]).expanduser().absolute()
        try:
            _asked(options)
            before = _before(dest, options["overwrite"])
            if options["validate_only"]:
                return dict(result, changed=False, dest=str(dest))
            said, text = _captured(options)
            if before != text and not self._task.check_mode:
                write(dest, text, SHARED)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))
        done.note("capture")
        if self._task.diff:
            said["diff"] = {"before": before, "after": text, "before_header": str(dest), "after_header": str(dest)}
        said["msg"] = _told(dest, said, before != text, self._task.check_mode)
        display.display(said["msg"])
        return dict(result, changed=before != text, dest=str(dest), **said)


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """Return the profile to build on; refuse what is wrong whatever the machines show, so that none is asked for it."""
    if not options["name"]:
        raise BadInput("capture_name is not set: how the profile is to be called, for example -e capture_name=a01_node")
    if not NAME.match(options["name"]) or Path(options["dest"]).stem != options["name"]:
        raise BadInput(f"{options['name']}: a profile's name is lower-case letters, digits and _, and names its file")
    if len(set(options["hosts"])) < 2 and not options["allow_single"]:
        count = len(set(options["hosts"]))
        raise BadInput(f"{count} golden hosts: what one machine shows may be its own fault (allow_single)")
    return catalogue.profile(options["extends"], [Path(place) for place in options["profile_dirs"]])


def _told(dest: Path, said: dict[str, Any], changed: bool, check_mode: bool) -> str:
    """Say what was written, from which hosts, and what was left to a person."""
    did = ("would write" if check_mode else "wrote") if changed else "nothing new for"
    parts = [f"capture: {did} {dest}: {said['values']} values from {', '.join(said['hosts'])} (run {said['run_id']})"]
    if said["differ"]:
        parts.append(f"the hosts do not agree on {', '.join(said['differ'])}")
    if said["left_out"]:
        parts.append(f"not taken from parts that failed: {', '.join(said['left_out'])}")
    if said["not_ready"]:
        parts.append(f"NOT READY in that run: {', '.join(said['not_ready'])}")
    return "; ".join(parts)


def _captured(options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    extends = _asked(options)
    checks = catalogue.checks(Path(place) for place in options["check_dirs"])
    run = _run(options)
    records = {record["name"]: record for record in run.records()}
    facts = _facts(run, records, options)
    simulated = [host for host in facts if records[host]["simulated"]]
    if simulated and not options["allow_simulated"]:
        raise BadInput(f"{', '.join(simulated)}: simulated; a profile of them is for tests only (allow_simulated)")
    not_ready = [host for host in facts if records[host]["verdict"] not in READY]
    if not_ready and not options["allow_not_ready"]:
        raise BadInput(_refused(not_ready, records, run.run_id))
    broken = _broken(not_ready, records, checks)
    found, left_out = capture.left_out(capture.capture(checks, facts, extends), broken)
    head = {
        "name": options["name"],
        "title": options["title"] or options["name"],
        "extends": options["extends"],
        "run": run.run_id,
        "hosts": list(facts),
        "simulated": bool(simulated),
        "not_ready": not_ready,
        "left_out": left_out,
    }
    said = {
        "hosts": head["hosts"],
        "run_id": run.run_id,
        "simulated": head["simulated"],
        "not_ready": head["not_ready"],
        "values": len(found.agreed),
        "differ": sorted(found.differ),
        "left_out": sorted(left_out),
    }
    return said, capture.text(head, found)


def _grave(record: dict[str, Any]) -> list[dict[str, Any]]:
    rows = record.get("results") or []
    return [row for row in rows if row["status"] in (FAIL, UNKNOWN) and row["severity"] in GRAVE]


def _refused(not_ready: list[str], records: dict[str, Any], run_id: str) -> str:
    """Say which hosts are no example to others, and the first reason of each."""
    why = []
    for host in not_ready:
        first = next((row["message"] or row["id"] for row in _grave(records[host])), records[host]["verdict"])
        why.append(f"{host} ({first[:SHOWN]})")
    said = "not ready, so what they show is no example (allow_not_ready takes the parts that passed)"
    return f"run {run_id}: {'; '.join(why)}: {said}"


def _broken(not_ready: list[str], records: dict[str, Any], checks: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the parts of a machine ("gpu", "nic") to the hosts on which a grave check of that part did not pass."""
    part = {check["id"]: tokens(check["subject"])[0] for check in checks if "subject" in check}
    broken: dict[str, list[str]] = {}
    for host in not_ready:
        for name in sorted({part[row["id"]] for row in _grave(records[host]) if row["id"] in part}):
            broken.setdefault(name, []).append(host)
    return broken


def _facts(run: rundir.RunDirectory, records: dict[str, Any], options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the facts of every golden host; one that gave none is an error, it cannot agree with anything."""
    names = sorted(set(options["hosts"]))
    found = {name: run.facts(name) if name in records else None for name in names}
    silent = [name for name, facts in found.items() if facts is None]
    if silent or not names:
        raise BadInput(f"{', '.join(silent) or 'no host'}: gave no facts in run {run.run_id}")
    return {name: facts for name, facts in found.items() if facts is not None}


def _run(options: dict[str, Any]) -> rundir.RunDirectory:
    """Return the run that is meant: a named one, this playbook's own, or else the latest."""
    base = options["report_dir"]
    for run_id in (options["run_id"], rundir.identity()["run_id"]):
        run = rundir.RunDirectory(base, run_id) if run_id else None
        if run and run.path.is_dir():
            return run
        if options["run_id"]:
            raise BadInput(f"{Path(base).absolute() / run_id}: there is no such run")
    newest = rundir.latest(base)
    if newest is None:
        raise BadInput(f"{Path(base).absolute()}: holds no run to capture from")
    return newest


def _before(dest: Path, overwrite: bool) -> str:
    """Return what the file holds; one that a person wrote is not replaced unasked."""
    try:
        text = dest.read_text(encoding="utf-8") if dest.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{dest}: cannot be read: {error}") from error
    if text and capture.MARK not in text and not overwrite:
        raise BadInput(f"{dest}: is there, and was not captured; overwrite it only when you mean to (overwrite)")
    return text
