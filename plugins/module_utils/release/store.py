# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered of one service, in one folder.

``audit.jsonl``    what happened, in order; the history is part of it
``history.json``   the history for people and programs, made from the log: ``current`` and ``releases``, newest first
``journal.json``   what an unfinished run is doing: there only while one works, or after one died
``releases/ID.json``  everything that a release is started from, secrets included: root only
``key``            what configuration is hashed with, so that a short secret cannot be guessed from its hash
``reserve``        disk space that the steps after a stop can fall back on
``.previous-tags`` NAME=IMAGE:TAG of the release that a rollback goes to, for people who are used to such a file
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import audit, clock, disk

HISTORY_MAX = 50
CONFIGURATION = ("run", "env", "files")  # the parts of a release that its config hash stands for


class Store:
    """The memory of one service. Only the holder of its lease may write."""

    def __init__(self, state_dir: str, name: str):
        self.name = name
        self.folder = os.path.join(state_dir, name)
        self.reserve = self._path("reserve")
        self.log = audit.Reading([])
        self.current: Optional[str] = None
        self.releases: List[Dict[str, Any]] = []
        self.behind = False  # whether history.json is older than the log
        self._key = b""

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def create(self) -> None:
        """Make the folder; raise ``OSError`` where that is not possible."""
        disk.folder(self._path("releases"))
        os.chmod(self.folder, 0o700)

    # --- history ----------------------------------------------------------------------------------

    def load(self) -> None:
        """Read log and history; raise :class:`disk.Damaged` when they were changed by anybody else."""
        self.log = audit.read(self._path("audit.jsonl"))
        if self.log.first_bad is not None:
            raise disk.Damaged(f"the audit log was tampered with: {self.log.message}")
        self._fold(self.log.entries)
        self._compare(disk.read(self._path("history.json")))

    def _fold(self, entries: Iterable[Mapping[str, Any]]) -> None:
        known: Dict[str, Dict[str, Any]] = {}
        self.current = None
        for entry in entries:
            known.update({release["id"]: release for release in entry.get("releases", [])})
            self.current = entry.get("current", self.current)
        self.releases = sorted(known.values(), key=lambda release: -int(release["seq"]))[:HISTORY_MAX]

    def _compare(self, written: Any) -> None:
        """Refuse a history that the log does not know. One that is merely behind it is what a crash leaves."""
        self.behind = bool(self.releases)
        if written is None:
            return
        path = self._path("history.json")
        if not isinstance(written, dict) or not isinstance(written.get("audit"), dict):
            raise disk.Damaged(
                f"{path} is damaged: it is no history. Remove it to have it written anew from audit.jsonl"
            )
        head = written["audit"]
        seq = head.get("seq")
        if head not in [{"seq": entry["seq"], "hash": entry["hash"]} for entry in self.log.entries]:
            raise disk.Damaged(
                f"audit.jsonl of {self.folder} was cut off or rewritten: {path} knows entry {seq} and it does not"
            )
        then = Store(os.path.dirname(self.folder), self.name)
        then._fold(self.log.entries[:seq])
        if (written.get("current"), written.get("releases")) != (then.current, then.releases):
            raise disk.Damaged(
                f"{path} was tampered with: audit.jsonl says otherwise. Remove it to have it written anew"
            )
        self.behind = (then.current, then.releases) != (self.current, self.releases)

    def mend(self) -> Optional[str]:
        """Cut off an audit line that a crash left unfinished, and say so, in the log too."""
        if not self.log.torn:
            return None
        audit.mend(self._path("audit.jsonl"), self.log.torn)
        message = f"cut off {self.log.torn} bytes of an unfinished last line of audit.jsonl"
        self.log = self.log._replace(torn=0)
        self.note("mended", message=message)
        return message

    def note(self, event: str, **facts: Any) -> None:
        """Append to the log."""
        facts = {key: value for key, value in facts.items() if value is not None}
        entry = audit.append(self._path("audit.jsonl"), self.log.head, event, dict(facts, at=clock.now()), self.reserve)
        self.log.entries.append(entry)

    def remember(self, event: str, releases: List[Dict[str, Any]], current: Optional[str], **facts: Any) -> None:
        """Enter releases into the history (by their ids) and say which one is current: first the log, then the file."""
        entry_facts = dict(facts, at=clock.now(), releases=releases, current=current)
        entry = audit.append(self._path("audit.jsonl"), self.log.head, event, entry_facts, self.reserve)
        self.log.entries.append(entry)
        self._fold(self.log.entries)
        self.write_history()

    def write_history(self) -> None:
        """Bring ``history.json`` and ``.previous-tags`` up to what the log says."""
        told = {"schema": 1, "audit": self.log.head, "current": self.current, "releases": self.releases}
        disk.write(self._path("history.json"), disk.text(told), reserve=self.reserve)
        back = self.target(1)
        line = f"{self.name}={back['image']}:{back['tag']}\n" if back else ""
        disk.write(self._path(".previous-tags"), line.encode("utf-8"), reserve=self.reserve)

    def entry(self, release_id: Optional[str]) -> Optional[Dict[str, Any]]:
        """Return a release's entry in the history."""
        return next((release for release in self.releases if release["id"] == release_id), None)

    def targets(self, of: Optional[str] = None) -> List[Dict[str, Any]]:
        """Return where a rollback can go: verified, not rolled back from, older than what is current; newest first.

        ``of`` is a release to go back from in place of the current one.
        """
        now = self.entry(of or self.current)
        same = [_same(now)] if now else []
        found = []
        for release in self.releases:
            good = release["verified"] and release["outcome"] != "rolled_back" and _same(release) not in same
            if good and (now is None or release["seq"] < now["seq"]):
                found.append(release)
                same.append(_same(release))  # a release that was only restarted is no step back
        return found

    def target(self, to: int) -> Optional[Dict[str, Any]]:
        """Return the ``to``-th of them."""
        targets = self.targets()
        return targets[to - 1] if 1 <= to <= len(targets) else None

    def next_seq(self) -> int:
        """Return the number of the next release: what orders them, whatever the clock says."""
        return 1 + max((int(release["seq"]) for release in self.releases), default=0)

    # --- journal ----------------------------------------------------------------------------------

    def journal(self) -> Optional[Dict[str, Any]]:
        """Return what an unfinished run was doing; a journal nobody can read is one that must be undone."""
        try:
            found = disk.read(self._path("journal.json"))
        except disk.Damaged:
            found = {}
        if found is None:
            return None
        if not isinstance(found, dict) or not {"phase", "release", "from", "stopped"} <= set(found):
            return {"phase": "back", "release": None, "from": self.current, "stopped": True, "damaged": True}
        return found

    def write_journal(self, journal: Mapping[str, Any]) -> None:
        """Bring the journal to the disk: before each step."""
        reserve = (
            self.reserve if journal["stopped"] else None
        )  # it is for what must be written while the service is down
        disk.write(self._path("journal.json"), disk.text(journal), reserve=reserve)

    def close_journal(self) -> None:
        """Remove the journal: the run is over."""
        disk.remove(self._path("journal.json"))

    # --- releases ---------------------------------------------------------------------------------

    def key(self) -> bytes:
        """Return the key of the hashes, a passing one as long as none was made."""
        if not self._key:
            try:
                with open(self._path("key"), "rb") as handle:
                    self._key = handle.read()
            except OSError:
                self._key = secrets.token_bytes(32)
        return self._key

    def keep_key(self) -> None:
        """Make the key last."""
        if not os.path.exists(self._path("key")):
            disk.write(self._path("key"), self.key())

    def hashed(self, value: Any) -> str:
        """Return the keyed hash of a value."""
        return hmac.new(self.key(), json.dumps(value, sort_keys=True).encode("utf-8"), hashlib.sha256).hexdigest()

    def config_hash(self, spec: Mapping[str, Any]) -> str:
        """Return the keyed hash of everything but the image that a release is started from."""
        return self.hashed({part: spec[part] for part in CONFIGURATION})

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Keep what a release is started from."""
        disk.write(self._path(f"releases/{spec['id']}.json"), disk.text(spec))

    def spec(self, release_id: str) -> Dict[str, Any]:
        """Return what a release is started from; raise :class:`disk.Damaged` when that is not what was kept."""
        path = self._path(f"releases/{release_id}.json")
        found = disk.read(path)
        if found is None:
            raise disk.Damaged(f"{path} is missing: what release {release_id} was started from is not known")
        if not isinstance(found, dict) or found.get("config_hash") != self.config_hash(found):
            raise disk.Damaged(f"{path} was changed: its configuration does not have the hash that was recorded")
        return found

    def spec_names(self) -> List[str]:
        """Return the releases of which is known what they are started from."""
        try:
            return sorted(name[:-5] for name in os.listdir(self._path("releases")) if name.endswith(".json"))
        except FileNotFoundError:
            return []

    def drop_specs(self, keep: Iterable[str]) -> None:
        """Forget releases other than these."""
        for name in set(self.spec_names()) - set(keep):
            disk.remove(self._path(f"releases/{name}.json"))


def _same(release: Mapping[str, Any]) -> Any:
    return release["digest"], release["image_id"], release["config_hash"]
