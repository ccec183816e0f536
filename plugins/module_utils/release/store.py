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

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import audit, clock, disk, memory

KEY_BYTES = 32
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
        self.damage: List[memory.Damage] = []
        self.emergency = False  # whether the reserve may be used for everything: going back
        self._key = b""

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def create(self) -> None:
        """Make the folder; raise ``OSError`` where that is not possible."""
        disk.folder(self._path("releases"))
        os.chmod(self.folder, 0o700)

    def refill(self, held: bool) -> None:
        """Keep disk space in reserve again, where a run had to use it; raise ``OSError`` where there is none."""
        if held and self.emergency and self.spec_names():
            disk.hold(self.reserve)

    # --- history ----------------------------------------------------------------------------------

    def load(self, strict: bool = True) -> None:
        """Read log and history. What is damaged goes into ``damage``, and is read as far as the other one has it.

        ``strict``: raise :class:`disk.Damaged` for that instead.
        """
        self.log, self.current, self.releases, self.behind, self.damage = memory.read(self.folder)
        for found in self.damage if strict else []:
            raise disk.Damaged(found.why, self.rebuilt_by(found))

    def rebuilt_by(self, found: memory.Damage) -> str:
        """Say what to do about a damaged file."""
        other = memory.HISTORY if found.file == memory.LOG else memory.LOG
        return f"Look at it, then move {self._path(found.file)} away: the next run writes it anew from {other}"

    def rebuild(self) -> List[str]:
        """Write anew what is damaged, from what is whole; what was there stays beside. Return what was done."""
        done = []
        for found in self.damage:
            path = self._path(found.file)
            aside = f"{path}.damaged-{clock.release_id()}"
            if os.path.exists(path):
                os.link(path, aside)
                disk.sync(self.folder)
            other = memory.HISTORY if found.file == memory.LOG else memory.LOG
            source = other if len(self.damage) == 1 else "what is whole of it"
            done.append(f"{found.why}. Written anew from {source}; what was there is in {aside}")
        files = [found.file for found in self.damage]
        self.damage = []
        if memory.LOG in files:
            self.log = self.log._replace(torn=0, first_bad=None, message="")
            disk.write(self._path(memory.LOG), audit.text(self.log.entries), reserve=self.reserve)
            self.remember("rebuilt", self.releases, self.current, message="; ".join(done))
        elif files:
            self.note("rebuilt", message="; ".join(done))
            self.write_history()
        return done

    def _fold(self) -> None:
        self.current, self.releases = memory.folded(self.log.entries)

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
        self._fold()
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
        """Return where a rollback can go: verified, kept, not rolled back from, older than the current; newest first.

        What equals a later release that was rolled back from comes last: it is what one got away from. ``of`` is a
        release to go back from in place of the current one.
        """
        now, kept = self.entry(of or self.current), set(self.spec_names())
        left = {_same(release): release["seq"] for release in reversed(self.releases) if _is_left(release)}
        same = [_same(now)] if now else []
        found: List[Dict[str, Any]] = []
        for release in self.releases:
            good = release["verified"] and not _is_left(release) and _same(release) not in same
            if good and release["id"] in kept and (now is None or release["seq"] < now["seq"]):
                found.append(release)
                same.append(_same(release))  # a release that was only restarted is no step back
        return sorted(found, key=lambda release: release["seq"] < left.get(_same(release), 0))

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
        # it is for what must be written while the service is down, or to go back
        reserve = self.reserve if journal["stopped"] or self.emergency else None
        disk.write(self._path("journal.json"), disk.text(journal), reserve=reserve)

    def close_journal(self) -> None:
        """Remove the journal: the run is over."""
        disk.remove(self._path("journal.json"))

    # --- releases ---------------------------------------------------------------------------------

    def key(self) -> bytes:
        """Return the key of the hashes, a passing one as long as none was made."""
        if not self._key:
            self._key = self._kept_key() or secrets.token_bytes(KEY_BYTES)
        return self._key

    def keep_key(self) -> None:
        """Make the key last."""
        if not self._kept_key():
            disk.write(self._path("key"), self.key(), reserve=self.reserve if self.emergency else None)

    def _kept_key(self) -> bytes:
        try:
            with open(self._path("key"), "rb") as handle:
                found = handle.read()
        except OSError:
            return b""
        return found if len(found) == KEY_BYTES else b""

    @property
    def key_lost(self) -> bool:
        """Whether the key is gone that the kept releases were hashed with: then nothing can be held against it."""
        return bool(self.spec_names()) and not self._kept_key()

    def rekey(self) -> str:
        """Hash the kept releases with a new key, and say so. The key comes last: what dies before is done again."""
        message = f"{self._path('key')} was lost: whether what is kept of the releases was changed cannot be checked"
        entries = []
        for name in self.spec_names():
            with contextlib.suppress(disk.Damaged):
                found = self.spec(name)
                self.write_spec(dict(found, config_hash=self.config_hash(found)))
                entry = self.entry(name)
                entries += [dict(entry, config_hash=self.config_hash(found))] if entry else []
        self.remember("rekeyed", entries, self.current, message=message)
        self.keep_key()
        return message

    def hashed(self, value: Any) -> str:
        """Return the keyed hash of a value."""
        return hmac.new(self.key(), json.dumps(value, sort_keys=True).encode("utf-8"), hashlib.sha256).hexdigest()

    def config_hash(self, spec: Mapping[str, Any]) -> str:
        """Return the keyed hash of everything but the image that a release is started from."""
        return self.hashed({part: spec[part] for part in CONFIGURATION})

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Keep what a release is started from."""
        reserve = self.reserve if self.emergency else None
        disk.write(self._path(f"releases/{spec['id']}.json"), disk.text(spec), reserve=reserve)

    def spec(self, release_id: str) -> Dict[str, Any]:
        """Return what a release is started from; raise :class:`disk.Damaged` when that is not what was kept."""
        path = self._path(f"releases/{release_id}.json")
        found = disk.read(path)
        if found is None:
            raise disk.Damaged(f"{path} is missing: what release {release_id} was started from is not known")
        if not isinstance(found, dict) or not set(CONFIGURATION) <= set(found):
            raise disk.Damaged(f"{path} is damaged: it is no release")
        if not self.key_lost and found.get("config_hash") != self.config_hash(found):
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


def _is_left(release: Mapping[str, Any]) -> bool:
    return bool(release["verified"] and release["outcome"] == "rolled_back")
