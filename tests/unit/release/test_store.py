# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered stays whole, and whoever changed it besides is found out."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import audit, clock, disk, lease, readiness
from ansible_collections.muster.fleet.plugins.module_utils.release.store import Store


def release(number: int, **changes: Any) -> dict[str, Any]:
    base = {
        "id": f"r{number}",
        "seq": number,
        "tag": f"v{number}",
        "image": "app",
        "digest": f"d{number}",
        "image_id": f"i{number}",
    }
    return {**base, "config_hash": "c", "verified": True, "outcome": "deployed", "run_id": "r", **changes}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path), "app")
    store.create()
    store.keep_key()
    for number in (1, 2, 3):
        spec = {"id": f"r{number}", "run": {}, "env": {}, "files": []}
        store.write_spec({**spec, "config_hash": store.config_hash(spec)})
        store.remember("committed", [release(number)], f"r{number}")
    return store


def fresh(store: Store) -> Store:
    again = Store(os.path.dirname(store.folder), store.name)
    again.load()
    return again


def file(store: Store, name: str) -> Path:
    return Path(store.folder, name)


# --- history and log ----------------------------------------------------------------------------------


def test_history_is_what_was_remembered(store: Store) -> None:
    again = fresh(store)
    assert [entry["id"] for entry in again.releases] == ["r3", "r2", "r1"]
    assert (again.current, again.behind) == ("r3", False)
    assert file(store, ".previous-tags").read_text() == "app=app:v2\n"


def test_targets_are_older_verified_and_different(store: Store) -> None:
    store.remember("committed", [release(4, verified=False, outcome="reverted")], "r3")
    store.remember("committed", [release(5, digest="d3", image_id="i3")], "r5")
    assert [entry["id"] for entry in store.targets()] == ["r2", "r1"], "r3 is what r5 is: a restart"
    store.remember("rolled_back", [release(5, outcome="rolled_back"), release(3, outcome="rolled_back")], "r2")
    assert [entry["id"] for entry in store.targets()] == ["r1"]
    assert store.target(2) is None
    assert store.next_seq() == 6


def test_order_does_not_hang_on_the_clock(store: Store) -> None:
    """A release made while the clock was set back is still the newest."""
    store.remember(
        "committed", [release(4, id="19990101T000000Z-0000", since="1999-01-01T00:00:00Z")], "19990101T000000Z-0000"
    )
    assert fresh(store).releases[0]["seq"] == 4
    assert store.target(1)["id"] == "r3"  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("history.json", lambda text: text.replace('"v2"', '"v9"'), "tampered"),
        ("history.json", lambda text: text[: len(text) // 2], "damaged"),
        ("history.json", lambda text: "[]", "damaged"),
        ("audit.jsonl", lambda text: text.replace('"v2"', '"v9"'), "line 2 .* was changed"),
        ("audit.jsonl", lambda text: "".join(text.splitlines(keepends=True)[1:]), "does not follow"),
        ("audit.jsonl", lambda text: "".join(text.splitlines(keepends=True)[:2]), "cut off or rewritten"),
        ("audit.jsonl", lambda text: "", "cut off or rewritten"),
        ("audit.jsonl", lambda text: text.replace("{", "[", 1), "line 1 .* is no entry"),
    ],
)
def test_what_was_changed_is_found_out(store: Store, name: str, change: Any, message: str) -> None:
    path = file(store, name)
    path.write_text(change(path.read_text()))
    with pytest.raises(disk.Damaged, match=message):
        fresh(store)
    told = readiness.run({"name": "app", "state_dir": os.path.dirname(store.folder), "to": 1, "socket": None})
    assert told["rollback"]["possible"] is False
    assert told["rollback"]["why_not"]


def test_a_line_that_a_crash_tore_is_cut_off_and_told(store: Store) -> None:
    with file(store, "audit.jsonl").open("ab") as log:
        log.write(b'{"event": "comm')
    again = fresh(store)
    assert again.log.torn == 15
    assert again.mend() == "cut off 15 bytes of an unfinished last line of audit.jsonl"
    assert fresh(store).log.entries[-1]["event"] == "mended"
    assert fresh(store).mend() is None


def test_history_behind_the_log_is_written_anew(store: Store) -> None:
    """The log is written first: a crash in between leaves the file behind."""
    old = file(store, "history.json").read_bytes()
    store.remember("committed", [release(4)], "r4")
    file(store, "history.json").write_bytes(old)
    again = fresh(store)
    assert (again.behind, again.current) == (True, "r4")
    again.write_history()
    assert fresh(store).behind is False
    file(store, "history.json").unlink()
    assert fresh(store).behind is True


def test_a_release_that_was_changed_is_not_started(store: Store) -> None:
    store.keep_key()
    spec = {"id": "r3", "run": {}, "env": {"A": "x"}, "files": []}
    store.write_spec({**spec, "config_hash": store.config_hash(spec)})
    assert fresh(store).spec("r3")["env"] == {"A": "x"}
    path = file(store, "releases/r3.json")
    path.write_text(path.read_text().replace('"x"', '"y"'))
    with pytest.raises(disk.Damaged, match="was changed"):
        fresh(store).spec("r3")
    with pytest.raises(disk.Damaged, match="is missing"):
        store.spec("r9")


def test_a_short_secret_cannot_be_guessed_from_its_hash(tmp_path: Path) -> None:
    first, second = Store(str(tmp_path), "one"), Store(str(tmp_path), "two")
    assert first.hashed("1234") != second.hashed("1234")
    assert first.hashed("1234") == first.hashed("1234")


# --- disk ---------------------------------------------------------------------------------------------


def test_reserve_is_given_up_for_what_must_be_written(tmp_path: Path) -> None:
    reserve, path = str(tmp_path / "reserve"), str(tmp_path / "journal")
    disk.hold(reserve)
    real, full = disk.put, OSError(errno.ENOSPC, "full")

    def put(*words: Any) -> None:
        if os.path.exists(reserve):
            raise full
        real(*words)

    with mock.patch.object(disk, "put", side_effect=put):
        disk.write(path, b"x", reserve=reserve)
    assert Path(path).read_bytes() == b"x"
    with mock.patch.object(disk, "put", side_effect=full), pytest.raises(OSError, match="full"):
        disk.write(path, b"y", reserve=reserve)
    assert Path(path).read_bytes() == b"x", "what was there is still whole"


def test_log_line_that_does_not_fit_leaves_none(store: Store) -> None:
    before = file(store, "audit.jsonl").read_bytes()
    with mock.patch("os.write", side_effect=lambda handle, data: 3), pytest.raises(OSError, match="no space"):
        store.note("any")
    assert file(store, "audit.jsonl").read_bytes() == before
    assert audit.read(str(file(store, "audit.jsonl"))).torn == 0


# --- lease --------------------------------------------------------------------------------------------

HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from module_utils.release import lease
held = lease.Lease(sys.argv[2], float(sys.argv[3]))
held.take("other@controller", "run-7")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(checkout: Path, tmp_path: Path) -> Any:
    processes = []

    def hold(seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(checkout / "plugins"), str(tmp_path), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        processes.append(process)
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()


def test_the_second_is_told_who_since_and_until(holder: Any, tmp_path: Path) -> None:
    holder(60)
    with pytest.raises(lease.Held, match=r"other@controller works on it \(run run-7\) since 20.*Z, until 20.*Z"):
        lease.Lease(str(tmp_path), 60).take("me", "r")
    shown = lease.shown(str(tmp_path))
    assert shown
    assert (shown["owner"], shown["run_id"], shown["expired"]) == ("other@controller", "run-7", False)


def test_the_dead_hold_nothing(holder: Any, tmp_path: Path) -> None:
    process = holder(3600)
    process.kill()
    process.wait()
    assert lease.shown(str(tmp_path))["expired"]  # type: ignore[index]
    mine = lease.Lease(str(tmp_path), 60)
    mine.take("me", "r")
    assert mine.left_behind
    assert mine.left_behind["owner"] == "other@controller"
    mine.release()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lease.mutex"]


def test_who_lives_and_does_not_go_on_loses_it_and_notices(tmp_path: Path) -> None:
    hung, other = lease.Lease(str(tmp_path), 1), lease.Lease(str(tmp_path), 60)
    hung.take("hung", "r1")
    with pytest.raises(lease.Held):
        other.take("other", "r2")
    time.sleep(1.1)
    other.take("other", "r2")
    with pytest.raises(lease.Lost, match="other took it over"):
        hung.renew()
    hung.release()
    other.renew()
    other.release()
    third = lease.Lease(str(tmp_path), 60)
    third.take("third", "r3")
    with pytest.raises(lease.Lost):
        hung.renew()
    third.release()


def test_a_clock_set_back_lengthens_no_lease(tmp_path: Path) -> None:
    first, second = lease.Lease(str(tmp_path), 1), lease.Lease(str(tmp_path), 1)
    first.take("one", "r1")
    time.sleep(1.1)
    with mock.patch("time.time", return_value=0.0):
        second.take("two", "r2")
    second.release()
    first.release()


def test_a_damaged_lease_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text('{"owner": "x"')
    with pytest.raises(disk.Damaged, match="Remove it if nobody works"):
        lease.Lease(str(tmp_path), 900).take("me", "r")


def test_a_lease_of_an_earlier_boot_is_over(tmp_path: Path) -> None:
    first, second = lease.Lease(str(tmp_path), 900), lease.Lease(str(tmp_path), 900)
    first.take("one", "r1")
    with mock.patch.object(clock, "boot", return_value="another"):
        second.take("two", "r2")
    assert json.loads((tmp_path / "lease.json").read_text())["owner"] == "two"
    second.release()
    first.release()
