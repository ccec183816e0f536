# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directory of one run, which every host's worker and the report share: ``reports/<run id>/``."""

from __future__ import annotations

import datetime
import fcntl
import functools
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible import constants as C

from . import whole
from .files import BadInput, write
from .report.text import plain

EXPECTED = "expected.json"
LATEST = "latest"  # the link to the newest run
ID_LENGTH = 128
QUOTED_MAX = 240  # of a host in the name of a file
NAME_MAX = 255  # bytes that a file system allows for one name
BEGUN = "begun.json"
JUDGING = ("verify", "bringup", "health", "deploy", "rollback")  # the playbooks that leave a report of their own
RECORD_SCHEMA = 1  # of the records of hosts, which slices of other machines and releases may have written


def now() -> str:
    """Return the controller's time, UTC, in ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity() -> dict[str, Any]:
    """Return ``{"run_id", "started", "token", "kind"}`` of this ``ansible-playbook`` run, the same in all its workers.

    They meet in the run's own temporary directory, which all forks of one controller process share: the first that
    asks decides. An AWX job's number goes into the id. ``token`` belongs to this process alone, ``kind`` is the
    playbook that began the run, or nothing where roles are used without one.
    """
    path = Path(C.DEFAULT_LOCAL_TMP) / "muster-run.json"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({**_fresh(), "token": secrets.token_hex(16), "kind": None}), encoding="utf-8")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        draft.unlink()
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


def component(run_id: str) -> str:
    """Return a run's id, which names a directory in that of all runs; raise ``BadInput`` for what leads elsewhere."""
    if not is_component(run_id):
        raise BadInput(
            f"run id {plain(run_id, 80)!r}: names one directory: at most {ID_LENGTH} printable characters, no /, "
            f"no dot at the beginning, and not {LATEST}"
        )
    return run_id


def is_component(run_id: str) -> bool:
    """Say whether a run's id names one directory and nothing else."""
    harmless = run_id == plain(run_id, ID_LENGTH) and "/" not in run_id and not run_id.startswith(".")
    return harmless and run_id not in ("", LATEST) and len(run_id.encode()) <= NAME_MAX


def begin(kind: str, run_id: str | None = None, again: bool = False, **more: Any) -> dict[str, Any]:
    """Let a playbook of this process begin, and return its ``identity``; called while no worker runs.

    ``more`` is kept with it: ``base`` (the directory of runs), ``pattern`` (of hosts). With ``again`` it goes on with
    the run that the process had, if any.
    """
    known = identity()
    number = int(known.get("number", 0))
    if not again:
        number += 1
        fresh = _fresh() if number > 1 else {key: known[key] for key in ("run_id", "started")}
        known |= {**fresh, **more, "number": number}
        known["run_id"] = run_id or (f"{fresh['run_id']}-{number}" if number > 1 else fresh["run_id"])
    known["kind"] = kind
    write(Path(C.DEFAULT_LOCAL_TMP) / "muster-run.json", json.dumps(known))
    return known


def _fresh() -> dict[str, str]:
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    job = os.environ.get("JOB_ID", "")
    return {"run_id": f"{stamp}-{'job' + job if job else secrets.token_hex(3)}", "started": now()}


class RunDirectory:
    """Where a run's records, facts and reports lie."""

    def __init__(self, base: str, run_id: str):
        self.base = Path(base).expanduser().absolute()
        self.run_id = component(run_id)
        self.path = self.base / run_id

    def claim(self, kind: str, scope: Any = None) -> None:
        """Make this the directory of this process's run; that of another process, or an older one, is refused.

        ``kind`` is what runs (verify, bringup, deploy, ...), ``scope`` what of it was asked where that is not all.
        """
        path, own = self.path / BEGUN, identity()
        if not path.exists() and not (self.path / "run.json").exists() and not (self.path / EXPECTED).exists():
            mine = {"token": own["token"], "kind": kind, "scope": scope, "started": own["started"]}
            draft = self.path / f".{BEGUN}.{os.getpid()}"
            write(draft, json.dumps(mine))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            draft.unlink()
        held = self.begun()
        if held.get("token") != own["token"]:
            raise BadInput(
                f"{self.path}: the run id is taken, by a run of {held.get('started', 'an unknown time')}: "
                "every run has an id of its own; give another one, or remove that directory"
            )

    def begun(self) -> dict[str, Any]:
        """Return token, kind, scope and start of the run; nothing where an older release ran it."""
        path = self.path / BEGUN
        return load(path) if path.exists() else {}

    def expect(self, hosts: Iterable[str], kind: str = "verify", scope: Any = None) -> None:
        """Note which hosts this run is to answer for, besides those it answers for already.

        The directory of another run is refused (``claim``).
        """
        self.claim(kind, scope)
        path, hosts = self.path / EXPECTED, set(hosts)
        if path.exists() and hosts <= set(self.expected()):
            return
        with open(self.path / f".{EXPECTED}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write(path, json.dumps(sorted({*self.expected(), *hosts})))

    def describe(self, key: str, told: Callable[[], str]) -> None:
        """Keep what reports tell of the checks (JSON text), once for all hosts that are judged by them."""
        path = self.path / f"checks-{key}.json"
        if not path.exists():
            write(path, told())

    def keep(self, record: dict[str, Any], facts: dict[str, Any] | None) -> Path:
        """Write a host's record, and its facts beside it."""
        if facts is not None:
            write(self._private("facts", record["name"]), json.dumps(facts, sort_keys=True))
        path = self._private("hosts", record["name"])
        write(path, json.dumps({"schema_version": RECORD_SCHEMA, "kept_at": now(), **record}))
        return path

    def _private(self, kind: str, name: str) -> Path:
        """Return the file of a host in a folder that is for this user alone."""
        path = self._of(kind, name)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
        return path

    def _of(self, kind: str, name: str) -> Path:
        """Return the file of a host; one whose name is too long for a file system goes by a part of it and its hash."""
        quoted = quote(name, safe="")
        if len(quoted) > QUOTED_MAX:
            quoted = f"{quoted[: QUOTED_MAX - 65]}-{hashlib.sha256(name.encode()).hexdigest()}"
        return self.path / kind / f"{quoted}.json"

    def forget(self, name: str) -> None:
        """Remove a host's record, if there is one."""
        self._of("hosts", name).unlink(missing_ok=True)

    def records(self) -> list[dict[str, Any]]:
        """Return the records that arrived, each with the ``catalogue`` it was judged by; another schema is an error."""
        known = {path.stem.split("-", 1)[1]: load(path) for path in self.path.glob("checks-*.json")}
        found = [_record(path) for path in sorted((self.path / "hosts").glob("*.json"))]
        return [{**record, "catalogue": known.get(str(record.get("catalogue")), {})} for record in found]

    def expected(self) -> list[str]:
        """Return the names of the hosts this run is to answer for."""
        path = self.path / EXPECTED
        return load(path) if path.exists() else []

    def facts(self, name: str) -> dict[str, Any] | None:
        """Return the facts of a host when it gave any."""
        path = self._of("facts", name)
        return load(path) if path.exists() else None

    def document(self) -> dict[str, Any] | None:
        """Return ``run.json`` when it is there; to be read only, since whoever asks again gets the same."""
        path = self.path / "run.json"
        if not path.exists():
            return None
        found = path.stat()
        document: dict[str, Any] = _document(path, found.st_ino, found.st_mtime_ns)
        return document

    def point_latest(self) -> None:
        """Let ``latest`` point here."""
        draft = self.base / whole.draft_name(LATEST)
        draft.symlink_to(self.run_id)
        os.replace(draft, self.base / LATEST)


def latest(base: str) -> RunDirectory | None:
    """Return the run below ``base`` that began last."""
    link = Path(base).expanduser().absolute() / LATEST
    return RunDirectory(base, os.readlink(link)) if link.is_symlink() else None


def newest_first(base: str) -> Iterator[RunDirectory]:
    """Yield the runs below ``base`` that were reported, the one reported last first."""
    reported = [(path.stat().st_mtime, path.parent) for path in Path(base).expanduser().absolute().glob("*/run.json")]
    for unused, path in sorted(reported, reverse=True):
        if not path.is_symlink() and is_component(path.name):
            yield RunDirectory(base, path.name)


def sweep(base: str) -> None:
    """Remove what runs that were killed left half written: a directory without ``run.json`` is that of such a run."""
    place = Path(base).expanduser().absolute()
    runs = [path for path in place.iterdir() if path.is_dir() and not path.is_symlink()] if place.is_dir() else []
    whole.sweep(place, *runs)
    for path in runs:
        if not (path / "run.json").exists():
            whole.sweep(path / "hosts", path / "facts")


def _record(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = load(path)
    version = record.pop("schema_version", None)
    if version != RECORD_SCHEMA:
        said = "no schema version" if version is None else f"schema version {version}"
        raise BadInput(f"{path}: has {said}, this release reads version {RECORD_SCHEMA}")
    return record


@functools.lru_cache(maxsize=1)
def _document(path: Path, unused_inode: int, unused_mtime_ns: int) -> Any:
    """Return a run's document; the one before this run is asked for more than once, and holds much."""
    return load(path)


def load(path: Path) -> Any:
    """Return what a JSON file of a run holds; raise ``BadInput`` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
