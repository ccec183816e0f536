# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a go-live decision as a signed file: made from a run's directory, and checked again later.

It names every file it rests on, relative to itself, with its SHA-256: a directory that moves as a whole still holds.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from . import attestations, golive, golive_input, golive_text, rundir, signing
from .files import SHARED, BadInput, write

NOT_SIGNED = "the record is not signed"
EMPTY = hashlib.sha256(b"").hexdigest()
SAME_RUN = 1  # the schema version of run.json that this reads


class Places(NamedTuple):
    """Where things lie: the run's document, the attestations, who may sign, what people decided."""

    run: Path
    attestations: Path
    signers: Path
    wish: Path
    site: str | None = None  # that is decided on: attestations of another count nothing


class Terms(NamedTuple):
    """What a run has to meet: how many hours old its evidence may be, how many hosts it must have (zero: any)."""

    max_age_h: float
    expected_hosts: int


class Made(NamedTuple):
    """A decision, made: the record, its text, and its signature when there is one."""

    record: dict[str, Any]
    text: str
    signature: bytes | None


def find_run(base: str, run: str | None) -> Path:
    """Return ``run.json`` of a run named by its id, its directory or its file; of the latest when none is named."""
    if not run:
        newest = rundir.latest(base)
        if newest is None:
            raise BadInput(f"{Path(base).absolute()}: holds no finished run")
        return newest.path / "run.json"
    below = [Path(base).expanduser().absolute() / run] if rundir.is_component(run) else []
    for place in (*below, Path(run).expanduser().absolute()):
        path = place / "run.json" if place.is_dir() else place
        if path.is_file():
            return path
    raise BadInput(f"{run}: there is no such finished run below {Path(base).absolute()}")


def load_run(path: Path) -> tuple[dict[str, Any], str]:
    """Return a run's document and the SHA-256 of the very bytes it was read from; ``BadInput`` when it is none."""
    text = signing.content(path, signing.EVIDENCE_LIMIT)
    if text is None:
        raise BadInput(f"{path}: cannot be read")
    run = _json(path, text)
    if run.get("schema_version") != SAME_RUN:
        raise BadInput(f"{path}: has schema version {run.get('schema_version')!r}, this release reads {SAME_RUN}")
    shapes = {"run_id": str, "verdict": str, "hosts": dict, "fleet": list, "catalogue": dict, "expected_hosts": list}
    wrong = [key for key, shape in shapes.items() if not isinstance(run.get(key), shape)]
    hosts = run["hosts"].values() if "hosts" not in wrong else []
    if not all(isinstance(host, dict) and isinstance(host.get("results"), list) for host in hosts):
        wrong.append("hosts")
    if wrong:
        raise BadInput(f"{path}: is not the document of a run: {', '.join(wrong)}")
    return run, hashlib.sha256(text).hexdigest()


def _json(path: Path, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path}: is not one JSON object")
    return found


def target(run: Path, run_id: str) -> Path:
    """Return where the record of a run lies: in the run's directory."""
    return run.parent / f"golive-{quote(run_id, safe='')}.json"


def make(places: Places, terms: Terms, now: datetime.datetime, who: str, key: str | None) -> Made:
    """Decide, sign, and verify the signature; what cannot be signed and verified is not approved."""
    run, sha256 = load_run(places.run)
    path = target(places.run, run["run_id"])
    flaw = None if key and who else f"{NOT_SIGNED}: golive_key and golive_who name no key and no person"
    if flaw is None:
        made = _made(places, run, sha256, terms, now, who, None)
        made = made._replace(signature=signing.sign(made.text.encode(), str(key), signing.GO_LIVE))
        flaw = signing.flaw(made.text.encode(), made.signature, places.signers, who, signing.GO_LIVE)
        if flaw is None:
            return _kept(made, path, places.signers)
        flaw = f"{NOT_SIGNED} in a way that can be verified: {flaw}"
    return _kept(_made(places, run, sha256, terms, now, None, flaw), path, places.signers)


def _made(
    places: Places,
    run: dict[str, Any],
    sha256: str,
    terms: Terms,
    now: datetime.datetime,
    who: str | None,
    flaw: str | None,
) -> Made:
    ground = _ground(places, sha256, terms, now, who)
    record = golive.decide(run, ground, [flaw] if flaw else [])
    record |= {
        "decided": attestations.stamp(now),
        "signed_by": who,
        "site": places.site,
        "max_age_hours": terms.max_age_h,
        "expected_hosts": terms.expected_hosts,
        "rests_on": _rests_on(places, run["run_id"], sha256, ground),
    }
    return Made(record, json.dumps(record, indent=1, ensure_ascii=False) + "\n", None)


def _ground(places: Places, sha256: str, terms: Terms, now: datetime.datetime, who: str | None) -> golive.Ground:
    """Return what a decision stands on; every file is opened once, and hashed as it was read."""
    text = signing.content(places.wish)
    if text is None:
        raise BadInput(f"{places.wish}: cannot be read")
    wish = golive_input.understood(text, places.wish)
    known: dict[str, Any] = {}
    if places.attestations.is_dir():
        known = attestations.read(places.attestations, places.signers, now, places.site)["items"]
    plans = {name: _plan(wish[name], places.wish.parent) for name in golive_input.PLANS}
    return golive.Ground(wish, known, plans, sha256, now, *terms, who, hashlib.sha256(text).hexdigest())


def _plan(reference: str | None, base: Path) -> dict[str, Any]:
    """Return a plan: an address is taken as it stands, a file has to be there."""
    plan: dict[str, Any] = {"reference": reference, "flaw": None, "file": None, "sha256": None}
    if reference is None:
        return {**plan, "flaw": "none is named"}
    if "://" in reference:
        return plan
    path = base / Path(reference).expanduser()
    digest = signing.sha256(path)
    if digest in (None, EMPTY):
        return {**plan, "flaw": f"{reference} is not there or empty"}
    return {**plan, "file": path, "sha256": digest}


def _rests_on(places: Places, run_id: str, sha256: str, ground: golive.Ground) -> list[dict[str, Any]]:
    """Return every file that the decision was made from, with its hash."""
    base = places.run.parent.resolve()
    items = [golive.signoff_item(run_id, entry["role"]) for entry in ground.wish["signoffs"]]
    files: list[tuple[str, Path, str | None]] = [("run", places.run, sha256)]
    files += [("decisions", places.wish, ground.wish_sha256)]
    for item in dict.fromkeys([*items, *golive_input.ATTESTED, *ground.wish["attested"]]):
        found = ground.attested.get(item)
        files += [(item, Path(found["file"]), found["sha256"])] if found else []
    for name, plan in ground.plans.items():
        files += [(f"{name} plan", plan["file"], plan["sha256"])] if plan["file"] else []
    return [
        {"what": what, "file": os.path.relpath(path.resolve(), base), "sha256": digest} for what, path, digest in files
    ]


def _kept(made: Made, path: Path, signers: Path) -> Made:
    """Return the record that is there already when it says the same and is as well signed, else the new one."""
    text = signing.content(path)
    if text is None:
        return made
    try:
        old = _json(path, text)
    except BadInput:
        return made
    if {**old, "decided": None} != {**json.loads(made.text), "decided": None}:
        return made
    signature = signing.content(signature_of(path))
    who = old["signed_by"]
    if who and signing.flaw(text, signature, signers, who, signing.GO_LIVE):
        return made
    return Made(old, text.decode(), signature if who else None)


def signature_of(path: Path) -> Path:
    """Return where the signature of a file lies."""
    return path.with_name(f"{path.name}.sig")


def is_kept(made: Made, path: Path) -> bool:
    """Whether this very record lies there already, with this signature or none."""
    return signing.content(path) == made.text.encode() and signing.content(signature_of(path)) == made.signature


def keep(made: Made, path: Path) -> None:
    """Write record, signature and Markdown; no old signature outlives its text."""
    signature = signature_of(path)
    signature.unlink(missing_ok=True)
    write(path, made.text, SHARED)
    write(path.with_suffix(".md"), golive_text.markdown(made.record), SHARED)
    if made.signature:
        write(signature, made.signature.decode(), SHARED)


def check(path: Path, signers: Path, now: datetime.datetime) -> tuple[dict[str, Any], list[str]]:
    """Return an old record and why it no longer holds: nothing when it does.

    Signature, every file it rests on, and the decision itself, made again at ``now`` from these files; only the age of
    the run is measured at the time of the decision.
    """
    text = signing.content(path)
    if text is None:
        raise BadInput(f"{path}: cannot be read")
    record = _record(path, text)
    changes = []
    signed = signing.flaw(
        text, signing.content(signature_of(path)), signers, str(record.get("signed_by")), signing.GO_LIVE
    )
    if signed:
        changes.append(f"the record cannot be relied on: {signed}")
    if record.get("decision") != golive.APPROVE:
        changes.append(f"its decision was {record.get('decision')}")
    if not changes:
        changes = _moved(record, path.parent) or _again(record, path.parent, signers, now)
    return record, changes


def _record(path: Path, text: bytes) -> dict[str, Any]:
    record = _json(path, text)
    if record.get("schema_version") != golive.SCHEMA_VERSION:
        raise BadInput(f"{path}: is not a go-live record of schema version {golive.SCHEMA_VERSION}")
    whole = all(isinstance(record.get(key), list) for key in ("rests_on", "reasons", "signoffs"))
    whole = whole and all({"what", "file", "sha256"} <= set(entry) for entry in record["rests_on"])
    files = {entry["what"].split(":")[0] for entry in record["rests_on"]} if whole else set()
    if not {"run", "decisions"} <= files or not {"decided", "max_age_hours", "expected_hosts", "run"} <= set(record):
        raise BadInput(f"{path}: is not the whole of a go-live record")
    return record


def _moved(record: Mapping[str, Any], base: Path) -> list[str]:
    changes = []
    for entry in record["rests_on"]:
        seen = signing.sha256(base / entry["file"])
        if seen != entry["sha256"]:
            changes.append(f"{entry['what']}: {entry['file']} {'has changed' if seen else 'is not there any more'}")
    return changes


def _again(record: Mapping[str, Any], base: Path, signers: Path, now: datetime.datetime) -> list[str]:
    files = {entry["what"]: (base / entry["file"]).resolve() for entry in record["rests_on"]}
    run, sha256 = load_run(files["run"])
    store = [path.parent for what, path in files.items() if what.startswith("golive:")] or [base]
    places = Places(files["run"], store[0], signers, files["decisions"], record.get("site"))
    decided = datetime.datetime.fromisoformat(record["decided"])
    terms = Terms(record["max_age_hours"] + (now - decided).total_seconds() / 3600, record["expected_hosts"])
    ground = _ground(places, sha256, terms, now, record.get("signed_by"))
    read = {entry["what"]: entry["sha256"] for entry in _rests_on(places, run["run_id"], sha256, ground)}
    swapped = [entry["what"] for entry in record["rests_on"] if read.get(entry["what"]) != entry["sha256"]]
    if swapped:
        return [f"{what}: has changed while it was looked at" for what in swapped]
    return list(golive.decide(run, ground)["reasons"])
