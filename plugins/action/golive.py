# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide whether a finished run may go live, or check an old decision again. Runs on the controller only."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.plugin_utils import done, golive, golive_record, golive_text, inputs
from ansible_collections.muster.fleet.plugins.plugin_utils.attestations import beside_inventory
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.report.text import plain

display = Display()
REASONS_TOLD = 20
ARGUMENTS: dict[str, dict[str, Any]] = {
    "run": {"type": "str"},
    "report_dir": {"type": "path", "default": "reports"},
    "attestations": {"type": "path"},
    "signers": {"type": "path"},
    "site": {"type": "str"},
    "decisions": {"type": "path"},
    "who": {"type": "str"},
    "key": {"type": "path", "no_log": False},
    "max_age_hours": {"type": "float", "default": 24},
    "expected_hosts": {"type": "int", "default": 0},
    "verify": {"type": "path"},
}


class ActionModule(ActionBase):
    """A run and what people stated in, a signed decision out."""

    _supports_check_mode = True
    _requires_connection = False

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return decision, reasons, whether it holds, and the statistics that AWX keeps."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        inputs.refuse_strays(task_vars or {})
        options = inputs.validated(self, self._task.args, ARGUMENTS)
        try:
            told = _told(options, task_vars or {}, self._task.check_mode)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))
        done.note("golive")
        stats = {"schema_version": golive.SCHEMA_VERSION, **{key: told[key] for key in told if key != "changed"}}
        return dict(
            result,
            **told,
            ansible_stats={"data": {"muster_golive": stats}, "aggregate": True, "per_host": False},
        )


def _told(options: Mapping[str, Any], variables: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    signers = beside_inventory(options["signers"], "allowed_signers", variables)
    if options["verify"]:
        path, changed = Path(options["verify"]).expanduser().absolute(), False
        record, reasons = golive_record.check(path, signers, now)
        lines = [f"  - {plain(reason, 300)}" for reason in reasons[:REASONS_TOLD]]
        lines = [f"{path}: {'no longer holds' if reasons else 'still holds'}", *lines]
    else:
        if options["max_age_hours"] <= 0:
            raise BadInput(f"golive_max_age_hours is more than 0, not {options['max_age_hours']}")
        places = golive_record.Places(
            golive_record.find_run(options["report_dir"], options["run"]),
            beside_inventory(options["attestations"], "attestations", variables),
            signers,
            beside_inventory(options["decisions"], "golive.yml", variables),
            options["site"],
        )
        terms = golive_record.Terms(options["max_age_hours"], options["expected_hosts"])
        made = golive_record.make(places, terms, now, options["who"] or "", options["key"])
        record, reasons = made.record, made.record["reasons"]
        path = golive_record.target(places.run, record["run"]["run_id"])
        changed = not golive_record.is_kept(made, path)
        if changed and not check_mode:
            golive_record.keep(made, path)
        lines = golive_text.console(record, path)
    display.display("\n" + "\n".join(lines) + "\n")
    return {
        "changed": changed,
        "decision": record["decision"],
        "holds": record["decision"] == golive.APPROVE and not reasons,
        "reasons": [plain(reason, 300) for reason in reasons[:REASONS_TOLD]],
        "reasons_cut": max(0, len(reasons) - REASONS_TOLD),
        "run_id": record["run"]["run_id"],
        "record": str(path),
    }
