# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A go-live with everything in place, for the tests that take one thing away."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import golive, golive_input, signing
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.tests.unit.plugin_utils.signatures import NOW, SITE, allow, new_key, put

RUN_ID = "20261123T100000Z-7"
FINISHED = "2026-11-23T10:00:00Z"
LEAD = "lead@example.org"
ACCEPTED = {"accepted": True, "by": "who-0", "note": None}
ROW = {"item": None, "items": 1, "status": "pass", "severity": "critical", "phase": 5, "message": "", "at": FINISHED}
CATALOGUE = {
    "gpu.count": {"title": "Every GPU is there", "severity": "critical", "phase": 5},
    "nic.rate": {"title": "Every port runs at its rate", "severity": "major", "phase": 4},
    "time.offset": {"title": "The clock is right", "severity": "minor", "phase": 3},
}


def row(check: str, **changed: Any) -> dict[str, Any]:
    return {**ROW, "id": check, "severity": CATALOGUE[check]["severity"], **changed}


def document(finished: str = FINISHED) -> dict[str, Any]:
    """Return the document of a run of two ready hosts."""
    host = {"class": "hgx_h100", "profile": "hgx_h100", "rack": "a01", "reached": True, "verdict": "ready"}
    records = [
        {**host, "name": name, "results": [row(check, at=finished) for check in CATALOGUE], "catalogue": CATALOGUE}
        for name in ("gpu-1", "gpu-2")
    ]
    meta = {"run_id": RUN_ID, "started": finished, "finished": finished, "collection_version": "0.1.0"}
    return runs.assemble(copy.deepcopy(records), ["gpu-1", "gpu-2"], meta)


def wish() -> dict[str, Any]:
    """Return what people decided, as read from a file in which all is said and well."""
    return {
        "title": "Rack a01",
        "risks": {area: dict(ACCEPTED) for area in golive_input.AREAS},
        "mitigation": "https://wiki.example.org/m",
        "rollback": "https://wiki.example.org/r",
        "issues": [],
        "signoffs": [{"role": role, "who": []} for role in golive_input.ROLES],
        "attested": list(golive_input.ATTESTED),
        "not_required": {},
        "sole_signer": None,
    }


def attested(sha256: str) -> dict[str, Any]:
    """Return all sign-offs and attestations, valid."""
    common = {"valid": True, "reason": None, "when": FINISHED, "expires": "2026-12-01", "statement": "", "sha256": "0"}
    signoffs = {
        golive.signoff_item(RUN_ID, role): {
            **common, "who": f"who-{number}", "key": f"key-{number}", "role": role, "file": f"{number}.yml",
            "evidence": {"sha256": sha256},
        }
        for number, role in enumerate(golive_input.ROLES)
    }  # fmt: skip
    others = {
        item: {**common, "who": "ops", "role": "Operator", "file": f"{number}.yml", "evidence": {"url": "https://x"}}
        for number, item in enumerate(golive_input.ATTESTED, 10)
    }
    return {**signoffs, **others}


class Place:
    """A directory with a finished run and an inventory in which everything is signed, with real keys."""

    def __init__(self, place: Path, now: str = FINISHED, expires: str = "2026-12-01"):
        self.place, self.expires, self.now = place, expires, now
        self.inventory, self.run = place / "inventory", place / "reports" / RUN_ID / "run.json"
        self.attestations, self.signers = self.inventory / "attestations", self.inventory / "allowed_signers"
        self.wish, self.record = self.inventory / "golive.yml", self.run.with_name(f"golive-{RUN_ID}.json")
        self.keys = {who: place / f"key-{who}" for who in (LEAD, "ops", *(f"who-{number}" for number in range(5)))}

    def build(self) -> Place:
        """Write it all."""
        for folder in (self.attestations, self.run.parent):
            folder.mkdir(parents=True)
        (self.place / "reports" / "latest").symlink_to(RUN_ID)
        self.run.write_text(json.dumps(document(self.now)))
        (self.inventory / "rollback.md").write_text("1. Go back")
        self.wish.write_text(yaml.safe_dump({**wish(), "rollback": "rollback.md"}))
        for who in self.keys:
            purpose = signing.GO_LIVE if who == LEAD else signing.ATTESTATION
            allow(self.signers, who, new_key(self.place, who), f'namespaces="{purpose}"')
        self.sign_all()
        return self

    def copy(self, place: Path) -> Place:
        """Return the same somewhere else: cheaper than to make and sign it all again."""
        shutil.copytree(self.place, place, symlinks=True, dirs_exist_ok=True)
        return Place(place, self.now, self.expires)

    def sign_all(self) -> None:
        """Sign off the run in every role, and attest what has to be attested."""
        for number, role in enumerate(golive_input.ROLES):
            self.sign(role, f"who-{number}")
        for number, item in enumerate(golive_input.ATTESTED):
            self.attest(f"a{number}.yml", item, "ops", "Operator", {"url": "https://x"})

    def sign(self, role: str, who: str) -> Path:
        evidence = {"file": f"../../reports/{RUN_ID}/run.json", "sha256": signing.sha256(self.run)}
        return self.attest(f"{golive.slug(role)}.yml", golive.signoff_item(RUN_ID, role), who, role, evidence)

    def attest(self, name: str, item: str, who: str, role: str, evidence: Any) -> Path:
        said = {"item": item, "statement": "So it is", "who": who, "role": role, "when": self.now}
        said |= {"expires": self.expires, "evidence": evidence, "site": SITE}
        return put(self.attestations / name, said, self.keys[who])


__all__ = ["LEAD", "NOW", "RUN_ID", "SITE", "Place", "attested", "document", "row", "wish"]
