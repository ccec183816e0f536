# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attestations: what only a person can know, stated by name, with evidence and an end, signed with an SSH key.

A directory holds one YAML file per attestation, its signature beside it (``<name>.yml.sig``). What cannot be relied on
is not valid and says why; only what cannot be understood is an error.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import signing
from .files import BadInput, Entry, parsed, yaml_files

FIELDS = ("item", "statement", "who", "role", "when", "expires", "evidence")
SITE = "site"  # for which it is given; those of earlier releases lack it and count no more
EVIDENCE = ("file", "url", "sha256")
CLOCKS_APART = datetime.timedelta(minutes=5)
_ITEM = re.compile(r"[a-z][a-z0-9_-]*:\S+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Told(NamedTuple):
    """An attestation as it was read, once: what it says, its very bytes, its signature and where it lies."""

    said: dict[str, Any]
    text: bytes
    signature: bytes | None
    path: Path


def read(directory: Path, signers: Path, now: datetime.datetime, site: str | None = None) -> dict[str, Any]:
    """Return ``{"source": directory, "items": {item: {valid, who, role, when, expires, reason, file, ...}}}``.

    ``signers`` is a file as ``ssh-keygen -Y verify -f`` takes it; ``now`` is in UTC; ``site`` is the one that asks:
    what was given for another counts nothing here. Malformed files and an item that is attested twice raise
    ``BadInput`` with file and line.
    """
    items: dict[str, Any] = {}
    for path in yaml_files(directory):
        told = take(path)
        found = told.said
        if found["item"] in items:
            raise BadInput(f"{path}: {found['item']} is attested in {items[found['item']]['file']} too")
        reason = flaw(told, signers, now, site)
        items[found["item"]] = {
            **{key: found[key] for key in (*FIELDS, SITE)},
            "valid": reason is None,
            "reason": reason,
            "file": str(path),
            "sha256": hashlib.sha256(told.text).hexdigest(),
            "key": signing.key_of(told.signature),
        }
    return {"source": str(directory), "items": items}


def take(path: Path) -> Told:
    """Return the attestation in a file, opened once: what is verified and hashed later is what was understood."""
    text = signing.content(path)
    if text is None:
        raise BadInput(f"{path}: cannot be read: an attestation is a regular file")
    return Told(said(text, path), text, signing.content(path.with_name(f"{path.name}.sig")), path)


def flaw(told: Told, signers: Path, now: datetime.datetime, site: str | None = None) -> str | None:
    """Return why an attestation cannot be relied on, or nothing."""
    return (
        signing.flaw(told.text, told.signature, signers, told.said["who"], signing.ATTESTATION)
        or elsewhere(told.said, site)
        or out_of_date(told.said, now)
        or evidence_flaw(told.said["evidence"], told.path.parent)
    )


def elsewhere(found: Mapping[str, Any], site: str | None) -> str | None:
    """Return why it does not speak of this site. A sign-off without one is bound by its run, whose hash it holds."""
    if found[SITE] is None:
        of_a_run = found["item"].startswith("golive:")
        return None if of_a_run else "it names no site, so it may have been given for another: attest it again"
    if not site:
        return f"it was given for site {found[SITE]}, and muster_site does not say that this is it"
    return None if found[SITE] == site else f"it was given for site {found[SITE]}, this is {site}"


def out_of_date(found: Mapping[str, Any], now: datetime.datetime) -> str | None:
    """Return why it does not speak of ``now``: the day on which it expires still counts."""
    if found["when"] > stamp(now + CLOCKS_APART):
        return f"it is dated in the future, {found['when']}"
    return f"it expired on {found['expires']}" if found["expires"] < now.date().isoformat() else None


def evidence_flaw(evidence: dict[str, str], base: Path) -> str | None:
    """Return why the evidence is not what was attested; paths are relative to ``base``, addresses are not asked."""
    if "file" not in evidence:
        return None
    try:
        seen = signing.hashed(base / Path(evidence["file"]).expanduser())
    except (FileNotFoundError, NotADirectoryError):
        return f"its evidence {evidence['file']} is not there"
    except OSError as error:
        return f"its evidence {evidence['file']} cannot be read: {error.strerror or error}"
    return None if seen == evidence["sha256"] else f"its evidence {evidence['file']} is not the file that was attested"


def parse(path: Path) -> dict[str, Any]:
    """Return the attestation in a file, complete and in plain types; raise ``BadInput`` with file and line."""
    return take(path).said


def said(text: bytes, path: Path) -> dict[str, Any]:
    """Return the attestation in ``text``, which was read from ``path``; raise ``BadInput`` with file and line."""
    found = parsed(text, path)
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise BadInput(f"{path}:1: an attestation is one mapping")
    return checked(found[0])


def checked(entry: Entry) -> dict[str, Any]:
    """Return an attestation, complete and in plain types; raise ``BadInput`` that begins with where it stands."""
    raw, where = entry
    closed(raw, (*FIELDS, SITE), FIELDS, f"{where}: attestation")
    result = {key: _words(raw[key], f"{where}: {key}") for key in ("item", "statement", "who", "role")}
    if not _ITEM.fullmatch(result["item"]):
        raise BadInput(f"{where}: item is like piqc:0.1, not {result['item']!r}")
    when, expires = time(raw["when"], f"{where}: when"), day(raw["expires"], f"{where}: expires")
    site = _words(raw[SITE], f"{where}: {SITE}") if SITE in raw else None
    evidence = _evidence(Entry(raw["evidence"], where))
    return {**result, "when": when, "expires": expires, "evidence": evidence, SITE: site}


def _evidence(entry: Entry) -> dict[str, str]:
    raw, where = entry
    closed(raw, EVIDENCE, (), f"{where}: evidence")
    result = {key: _words(value, f"{where}: evidence: {key}") for key, value in raw.items()}
    if ("file" in result) == ("url" in result):
        raise BadInput(f"{where}: evidence is a file or a url, one of them")
    if "file" in result and "sha256" not in result:
        raise BadInput(f"{where}: evidence: sha256 is missing")
    if "sha256" in result and not _SHA256.fullmatch(result["sha256"]):
        raise BadInput(f"{where}: evidence: sha256 has 64 hexadecimal digits in lower case")
    return result


def beside_inventory(given: str | None, name: str, variables: Mapping[str, Any]) -> Path:
    """Return a path that was given, or else ``name`` beside the inventory, or else in the directory of this command.

    Beside ``inventories/a01/hosts.yml`` is ``inventories/a01``. Ansible takes every file in a directory that is the
    inventory for a list of hosts, so beside ``inventories/a01`` is ``inventories/a01-site``.
    """
    if given:
        return Path(given).expanduser().absolute()
    for source in variables.get("ansible_inventory_sources") or []:
        place = Path(source).absolute()
        if place.exists():
            return (place.with_name(f"{place.name}-site") if place.is_dir() else place.parent) / name
    return Path(variables.get("inventory_dir") or "").absolute() / name


def closed(raw: Any, known: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    """Refuse what is no mapping, a key nobody knows, and a required one that is missing or empty."""
    if not isinstance(raw, dict):
        raise BadInput(f"{where} is a mapping, not {type(raw).__name__}")
    for key in raw:
        if key not in known:
            raise BadInput(f"{where}: unknown key {key!r}; known are {', '.join(known)}")
    for key in required:
        if raw.get(key) in (None, "", [], {}):
            raise BadInput(f"{where}: {key} is missing")


def _words(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where} is text, not {value!r}")
    return value.strip()


def day(value: Any, where: str) -> str:
    """Return a date as ``YYYY-MM-DD``."""
    return _date(value, where, datetime.date.fromisoformat, "a date (YYYY-MM-DD)").isoformat()[:10]


def time(value: Any, where: str) -> str:
    """Return a time in UTC as ``YYYY-MM-DDTHH:MM:SSZ``; one without a zone is taken for UTC, a date for its begin."""
    found = _date(value, where, datetime.datetime.fromisoformat, "a time (YYYY-MM-DDTHH:MM:SSZ)")
    if not isinstance(found, datetime.datetime):
        found = datetime.datetime(found.year, found.month, found.day, tzinfo=datetime.timezone.utc)
    try:
        return stamp(found)
    except OverflowError:
        raise BadInput(f"{where} is no time that a calendar has: {value!r}") from None


def _date(value: Any, where: str, law: Callable[[str], datetime.date], form: str) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    try:
        return law(str(value))
    except ValueError:
        raise BadInput(f"{where} is {form}, not {value!r}") from None


def stamp(value: datetime.datetime) -> str:
    """Return a time in UTC as ``YYYY-MM-DDTHH:MM:SSZ``; one without a zone is taken for UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
    return aware.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
