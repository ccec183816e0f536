# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the catalogue: what is checked, by which facts, against what, and which boxes of the checklists it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.plugin_utils import (
    catalogue,
    catalogue_page,
    coverage,
    done,
    inputs,
    site,
)
from ansible_collections.muster.fleet.plugins.plugin_utils.files import SHARED, BadInput, write
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable

display = Display()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "check_dirs": {"type": "list", "elements": "path", "default": []},
    "dest": {"type": "path"},
}
INVENTORY = {"check_dirs": "verify_check_dirs"}


class ActionModule(ActionBase):
    """Checks in, a list of them out; no machine is asked."""

    _supports_check_mode = True
    _requires_connection = False

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return how many checks there are and what they answer; the list goes to the console or into a page."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = inputs.options(self, task_vars or {}, ARGUMENTS, INVENTORY)
        try:
            listed = _listed(options, self._task.check_mode)
            done.note("catalogue")
            return dict(result, **listed)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))


def _listed(options: dict[str, Any], dry: bool) -> dict[str, Any]:
    checks = catalogue.checks([Path(directory) for directory in options["check_dirs"]])
    definitions = site.definitions()
    items, shown = coverage.of_deploy()
    covered = coverage.cover(coverage.seeds(), [*checks, *items], [*definitions, *shown])
    answered = [coverage.line(entry) for entry in covered]
    changed = False
    if options["dest"]:
        changed = _written(Path(options["dest"]), catalogue_page.markdown(checks, definitions, covered), dry)
    else:
        display.display("\n".join([*catalogue_page.lines(checks), "", *answered]))
    return {"changed": changed, "checks": len(checks), "coverage": answered}


def _written(page: Path, text: str, dry: bool) -> bool:
    """Write the page when it says something new, and return whether it does."""
    if page.is_file() and page.read_text(encoding="utf-8", errors="replace") == text:
        return False
    if not dry:
        write(page, text, SHARED)
    return True
