# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write and sign one attestation on the controller, or the sign-off of a run, which is an attestation about it."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.plugin_utils import (
    attestations,
    done,
    golive,
    golive_record,
    inputs,
    signing,
)
from ansible_collections.muster.fleet.plugins.plugin_utils.files import SHARED, BadInput, Entry, write, yaml_files
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable

display = Display()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "item": {"type": "str"},
    "statement": {"type": "str"},
    "who": {"type": "str", "required": True},
    "role": {"type": "str", "required": True},
    "expires": {"type": "str", "required": True},
    "evidence": {"type": "str"},
    "signoff": {"type": "bool", "default": False},
    "run": {"type": "str"},
    "report_dir": {"type": "path", "default": "reports"},
    "site": {"type": "str"},
    "directory": {"type": "path"},
    "signers": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "replace": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """What somebody states in, a signed file out."""

    _supports_check_mode = True
    _requires_connection = False

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return where the attestation lies, whether it is valid, and the difference that was or would be made."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        inputs.refuse_strays(task_vars or {})
        options = inputs.validated(self, self._task.args, ARGUMENTS)
        directory = attestations.beside_inventory(options["directory"], "attestations", task_vars or {})
        signers = attestations.beside_inventory(options["signers"], "allowed_signers", task_vars or {})
        try:
            attested = _attested(options, directory, signers, self._task.check_mode)
            done.note("attest")
            return dict(result, **attested)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))


def _attested(options: Mapping[str, Any], directory: Path, signers: Path, check_mode: bool) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    stated = _stated(options, directory, now)
    path = _path(directory, stated["item"])
    told = {"file": str(path), "item": stated["item"]}
    kept, valid = _kept(path, stated, signers, now, options)
    if kept and (valid or not options["key"]):
        return {**told, "changed": False, "valid": valid}
    text = "---\n" + yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=120)
    before = signing.content(path)
    diff = {
        "before": before.decode(errors="replace") if before else "",
        "after": text,
        "before_header": str(path),
        "after_header": str(path),
    }
    if not check_mode:
        _write(path, text, options["key"], stated["who"], signers)
    return {**told, "changed": True, "valid": bool(options["key"]) and not check_mode, "diff": diff}


def _stated(options: Mapping[str, Any], directory: Path, now: datetime.datetime) -> dict[str, Any]:
    """Return the attestation that is meant; an evidence file is hashed, its path told relative to the attestations."""
    given = {key: options[key] for key in ("item", "statement", "who", "role", "expires")}
    evidence = options["evidence"]
    if options["signoff"]:
        run_file = golive_record.find_run(options["report_dir"], options["run"])
        run, unused = golive_record.load_run(run_file)
        evidence = str(run_file)
        given["item"] = golive.signoff_item(run["run_id"], given["role"])
        verdict = run["verdict"].replace("_", " ")
        given["statement"] = given["statement"] or f"Run {run['run_id']} ({verdict}) is signed off: {given['role']}"
    if not options["site"]:
        raise BadInput("attest: muster_site names no site: an attestation is given for one, and counts nowhere else")
    raw = {
        **given,
        "when": attestations.stamp(now),
        "evidence": _evidence(evidence, directory),
        "site": options["site"],
    }
    keys = (*attestations.FIELDS, attestations.SITE)
    stated = attestations.checked(Entry({key: raw[key] for key in keys}, "attest"))
    late = attestations.out_of_date(stated, now)
    if late:
        raise BadInput(f"attest: {stated['item']}: {late}")
    return stated


def _evidence(evidence: str | None, directory: Path) -> dict[str, str] | None:
    if not evidence:
        return None
    if "://" in evidence:
        return {"url": evidence}
    path = Path(evidence).expanduser().absolute()
    try:
        digest = signing.hashed(path)
    except OSError as error:
        raise BadInput(f"attest: evidence {path}: cannot be read: {error.strerror or error}") from error
    return {"file": os.path.relpath(path.resolve(), directory.resolve()), "sha256": digest}


def _path(directory: Path, item: str) -> Path:
    """Return the file of an item: the one that attests it already, or else one named after it."""
    if directory.is_dir():
        for path in yaml_files(directory):
            if attestations.parse(path)["item"] == item:
                return path
    return directory / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', item)}.yml"


def _kept(
    path: Path, stated: Mapping[str, Any], signers: Path, now: datetime.datetime, options: Mapping[str, Any]
) -> tuple[bool, bool]:
    """Return whether the file says the same already, and whether it is valid; refuse to lose another valid one."""
    if not path.exists():
        return False, False
    told = attestations.take(path)
    found, valid = told.said, attestations.flaw(told, signers, now, options["site"]) is None
    same = {**found, "when": None} == {**stated, "when": None}
    if valid and not same and not options["replace"]:
        raise BadInput(f"{path}: {found['who']} validly attests {found['item']} here; attest_replace overwrites it")
    return same, valid


def _write(path: Path, text: str, key: str | None, who: str, signers: Path) -> None:
    """Write text and signature; nothing is written when the signature would not be believed later."""
    beside = path.with_name(f"{path.name}.sig")
    signature = signing.sign(text.encode(), key, signing.ATTESTATION) if key else None
    flaw = signing.flaw(text.encode(), signature, signers, who, signing.ATTESTATION) if key else None
    if flaw:
        raise BadInput(f"{path}: not written: {flaw}")
    beside.unlink(missing_ok=True)
    write(path, text, SHARED)
    if signature:
        write(beside, signature.decode(), SHARED)
    else:
        display.warning(
            f"{path} is not signed and so not valid. To sign: ssh-keygen -Y sign -f KEY -n {signing.ATTESTATION} {path}"
        )
