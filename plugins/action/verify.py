# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Verify one host: ask for facts in one round trip, judge them here, keep record and facts in the run's directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.module_utils.collect.node import DOMAINS
from ansible_collections.muster.fleet.plugins.module_utils.judge.results import FAIL, UNKNOWN
from ansible_collections.muster.fleet.plugins.module_utils.recording import BadRecording, check
from ansible_collections.muster.fleet.plugins.plugin_utils import bundle, inputs, node, prepared, record, rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.answered import completed
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput, content
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.progress import note
from ansible_collections.muster.fleet.plugins.plugin_utils.report.text import plain
from ansible_collections.muster.fleet.plugins.plugin_utils.unjudged import bare

display = Display()
# Made while the plugin is loaded, so that all workers, forked later, share them.
bundle.program(), bundle.program(bundle.BYTECODE), bundle.pynvml(), inputs.of_role("verify")

SHOWN = 5
UNNAMED = "generic"  # the profile of a machine whose class nobody named
ARGUMENTS: dict[str, dict[str, Any]] = {
    "profile": {"type": "str"},
    "rack": {"type": "str"},
    "slot": {"type": "int"},
    "check_dirs": {"type": "list", "elements": "path", "default": []},
    "profile_dirs": {"type": "list", "elements": "path", "default": []},
    "baseline": {"type": "str"},
    "waivers": {"type": "path"},
    "domains": {"type": "list", "elements": "str", "default": [], "choices": list(DOMAINS)},
    "phases": {"type": "list", "elements": "int", "default": [], "choices": list(range(13))},
    "gated": {"type": "bool", "default": False},
    "deadline": {"type": "float", "default": 45},
    "replay": {"type": "list", "elements": "path", "default": []},
    "nvml_library": {"type": "path"},
    "planted": {"type": "dict"},
    "report_dir": {"type": "path", "default": "reports"},
    "run_id": {"type": "str"},
}
INVENTORY = {
    "profile": "muster_class", "profile_dirs": "muster_profile_dirs", "rack": "muster_rack", "slot": "muster_slot",
    "report_dir": "muster_report_dir",
}  # fmt: skip


class ActionModule(ActionBase):
    """Facts of a host in, verdict of the host out."""

    _supports_check_mode = True
    _requires_connection = True

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return verdict, counts and the gravest findings; everything else is in the run's directory."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        options = inputs.options(self, variables, ARGUMENTS, INVENTORY)
        name = variables["inventory_hostname"]
        options["class_named"] = options["profile"] is not None
        if not options["class_named"]:
            options["profile"] = UNNAMED
            display.warning(f"{name} has no muster_class: it is judged by profile {UNNAMED}")
        subject = record.Subject(name, options)
        try:
            run = rundir.RunDirectory(options["report_dir"], options["run_id"] or rundir.identity()["run_id"])
            run.expect(_hosts(variables), *_asked(options, variables))
            kept, facts = self._judged(subject, options, variables, run)
            path = _keep(run, kept, facts, variables)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))
        return dict(result, changed=False, **_short(kept), record=str(path))

    def _judged(
        self,
        subject: record.Subject,
        options: Mapping[str, Any],
        variables: Mapping[str, Any],
        run: rundir.RunDirectory,
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return record and facts; a host that cannot be judged has a record that says why, and so is in the report."""
        judge_by = None
        try:
            places = (options["check_dirs"], options["profile_dirs"], options["waivers"], options["baseline"])
            judge_by = prepared.ready(options["profile"], *places)
            run.describe(judge_by.key, judge_by.told.read_text)
            vendor = judge_by.profile["values"].get("gpu", {}).get("vendor")
            answer = node.ask(self, variables, _request(options, judge_by.wanted), vendor)
        except AnsibleConnectionFailure as error:
            lost = record.unanswered(subject, f"unreachable: {bare(plain(error.message))}", judge_by)
            _keep(run, lost, None, variables)
            raise
        except bundle.NoAnswer as error:
            return record.unanswered(subject, str(error), judge_by), None
        except BadInput as error:
            display.warning(plain(error))
            return record.unanswered(subject, str(error), judge_by), None
        try:
            facts = completed(answer["facts"], options["domains"] or DOMAINS)
            return record.judged(subject, {**answer, "facts": facts}, judge_by, options), facts
        except Exception as error:  # whatever a machine answers, it costs no more than this machine its verdict
            reason = f"its facts cannot be judged: {plain(f'{type(error).__name__}: {error}', 300)}"
            return record.unanswered(subject, reason, judge_by), None


def _asked(options: Mapping[str, Any], variables: Mapping[str, Any]) -> tuple[str, Any]:
    """Return what runs, and what of it is asked where that is not all: runs are compared with their like."""
    kind = rundir.identity()["kind"] or variables.get("__muster_role") or "verify"
    scope = {key: sorted(options[key]) for key in ("domains", "phases") if options[key]}
    return str(kind), scope or None


def _hosts(variables: Mapping[str, Any]) -> list[str]:
    return list(variables.get("ansible_play_hosts_all") or [variables["inventory_hostname"]])


def _keep(
    run: rundir.RunDirectory, kept: dict[str, Any], facts: dict[str, Any] | None, variables: Mapping[str, Any]
) -> Path:
    """Keep the record, and tell how far the run is when that is due; with ``-v`` after every host."""
    path = run.keep(kept, facts)
    line = note(run, kept, len(_hosts(variables)), display.verbosity > 0)
    if line:
        display.display(line)
    return path


def _request(options: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "domains": options["domains"] or None,
        "wanted": wanted,
        "deadline_s": options["deadline"],
        "replay": [_recording(path) for path in options["replay"]] or None,
        "nvml_library": options["nvml_library"],
    }


def _recording(path: str) -> Any:
    """Return one recording; whoever wrote it, it is looked at before it is used."""
    try:
        return check(json.loads(content(Path(path).expanduser())), path)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, BadRecording):
            raise BadInput(plain(error)) from error
        raise BadInput(f"{path}: no recording can be read from it: {plain(error)}") from error


def _short(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes through Ansible's queue and into its events: little, whatever the machine shows."""
    grave = [row for row in kept["results"] if row["status"] in (FAIL, UNKNOWN)]
    counts: dict[str, int] = {}
    for row in kept["results"]:
        counts[row["status"]] = counts.get(row["status"], 0) + row["items"]
    return {
        "verdict": kept["verdict"],
        "reached": kept["reached"],
        "counts": counts,
        "findings": [plain(row["message"], 400) for row in grave[:SHOWN]],
        "findings_cut": max(0, len(grave) - SHOWN),
    }
