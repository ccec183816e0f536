# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""People with real keys, for the tests of what they sign."""

from __future__ import annotations

import datetime
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import signing

SITE = "muc-1"
NOW = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.timezone.utc)


def new_key(place: Path, who: str, passphrase: str = "") -> Path:
    """Make a key and return the path of its private half."""
    path = place / f"key-{who}"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", who, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def allow(signers: Path, who: str, key: Path, options: str = "") -> None:
    """Add a person to the allowed signers."""
    with signers.open("a", encoding="utf-8") as stream:
        stream.write(f"{who} {options}{' ' if options else ''}{Path(f'{key}.pub').read_text()}")


def statement(proof: Path, **changed: Any) -> dict[str, Any]:
    """Return an attestation over a file that lies beside it."""
    digest = hashlib.sha256(proof.read_bytes()).hexdigest()
    return {
        "item": "piqc:0.1",
        "statement": "The floor carries the rack",
        "who": "alice",
        "role": "Facility Manager",
        "when": "2026-11-20T08:00:00Z",
        "expires": "2027-11-20",
        "site": SITE,
        "evidence": {"file": proof.name, "sha256": digest},
        **changed,
    }


def put(path: Path, content: dict[str, Any], key: Path | None, namespace: str = signing.ATTESTATION) -> Path:
    """Write a statement and, with a key, its signature."""
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    if key:
        path.with_name(f"{path.name}.sig").write_bytes(signing.sign(path.read_bytes(), str(key), namespace))
    return path
