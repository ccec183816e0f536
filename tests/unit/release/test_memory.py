# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A memory that is damaged or lies where others may change it, and what every refusal says."""

from __future__ import annotations

import ast
import errno
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import (
    Refused,
    StepFailed,
    disk,
    lease,
    machine,
    phases,
    readiness,
    steps,
)
from ansible_collections.muster.fleet.tests.unit.release import fake
from ansible_collections.muster.fleet.tests.unit.release.acts import GOOD, STATES, act, history, runs

each = pytest.mark.parametrize


@pytest.fixture
def site(tmp_path: Path) -> fake.Site:
    return fake.Site(tmp_path / "site")


# --- a memory that is damaged -----------------------------------------------------------------------------

DAMAGES = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "garbage": lambda path: path.write_bytes(b"\x00\xff[]{"),
    "another": lambda path: path.write_text("[]\n"),
}
BY_HAND = {
    "history.json": lambda path: path.write_text(path.read_text().replace('"good"', '"gone"')),
    "audit.jsonl": lambda path: path.write_text(path.read_text().replace('"tag": "good"', '"tag": "gone"')),
}
FILES = ("history.json", "audit.jsonl", "key", "journal.json")


@each("state", STATES)
@each("damage", DAMAGES)
@each("name", FILES)
def test_no_damaged_file_stops_anything(site: fake.Site, name: str, damage: str, state: str) -> None:
    site.run("good")
    site.run("better")
    path = site.state / name
    if not path.exists():
        path.write_text("{}")
    DAMAGES[damage](path)
    told = act(site, state)
    assert told["outcome"] in GOOD, told["msg"]
    assert runs(site) == {"present": "good", "rolled_back": "good"}.get(state, "better")
    if name in ("history.json", "audit.jsonl") and damage != "gone":
        assert any(name in text and "what was there is in" in text for text in told["warnings"]), told["warnings"]
    assert site.run(state="rolled_back", service=None)["outcome"] in (*GOOD, "refused")
    assert readiness.run({"name": "app", "state_dir": str(site.state.parent), "to": 1, "socket": None})["audit"][
        "intact"
    ]


@each("name", BY_HAND)
def test_what_was_changed_by_hand_stops_a_deploy_and_no_way_back(site: fake.Site, name: str) -> None:
    site.run("good")
    site.run("better")
    BY_HAND[name](site.state / name)
    told = site.run("good")
    assert (told["outcome"], told["changed"]) == ("refused", False)
    assert "tampered" in told["msg"]
    assert f"move {site.state / name} away" in told["msg"]
    back = site.run(state="rolled_back", service=None)
    assert back["outcome"] == "rolled_back", back["msg"]
    assert any("tampered" in text for text in back["warnings"])
    assert runs(site) == "good"
    assert any("tampered" in str(entry.get("message")) for entry in log(site) if entry["event"] == "rebuilt")


@each("kept", (-1, 0))
def test_a_log_whose_last_lines_are_gone_stops_a_deploy_and_no_way_back(site: fake.Site, kept: int) -> None:
    site.run("good")
    site.run("better")
    path = site.state / "audit.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:kept]) + "\n")
    told = site.run("good")
    assert (told["outcome"], told["changed"]) == ("refused", False)
    assert f"move {path} away" in told["msg"]
    assert site.run(state="rolled_back", service=None)["outcome"] == "rolled_back"
    assert any("cut off or rewritten" in str(entry.get("message")) for entry in log(site))


@each("name", BY_HAND)
def test_the_way_out_of_that_refusal_works(site: fake.Site, name: str) -> None:
    site.run("good")
    site.run("better")
    BY_HAND[name](site.state / name)
    (site.state / name).rename(site.folder / "looked-at")
    assert site.run("good")["outcome"] == "deployed"
    assert runs(site) == "good"


def log(site: fake.Site) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (site.state / "audit.jsonl").read_text().splitlines()]


def test_both_damaged_leave_what_is_whole_of_them(site: fake.Site) -> None:
    site.run("good")
    site.run("better")
    with (site.state / "audit.jsonl").open("a") as file:
        file.write("garbage\n")
    (site.state / "history.json").write_text("")
    assert site.run(state="rolled_back", service=None)["outcome"] == "rolled_back"
    assert runs(site) == "good"


def test_a_key_that_was_changed_is_no_missing_deploy(site: fake.Site) -> None:
    site.run("good")
    site.run("better")
    (site.state / "key").write_bytes(b"x" * 32)
    told = site.run(state="rolled_back", service=None)
    assert told["outcome"] == "refused"
    assert "never deployed" not in told["msg"]
    assert f"remove {site.state / 'key'}" in told["msg"]
    (site.state / "key").unlink()
    assert site.run(state="rolled_back", service=None)["outcome"] == "rolled_back"
    assert runs(site) == "good"


def test_every_change_while_rebuilding_may_be_the_last(site: fake.Site) -> None:
    deaths = 0
    while True:
        site.run("good")
        site.run("better")
        (site.state / "audit.jsonl").write_text("")
        (site.state / "key").write_text("")
        if site.run(state="recovered", service=None, dies_at=deaths):
            break
        told = site.run(state="recovered", service=None)
        assert told["outcome"] in GOOD, told["msg"]
        assert runs(site) == "better"
        deaths += 1
    assert deaths > 10


# --- places that are not what they seem ---------------------------------------------------------------------


def test_a_link_stays_one(site: fake.Site) -> None:
    real = site.folder / "elsewhere" / "app.conf"
    real.parent.mkdir()
    real.write_text("by hand\n")
    site.config.symlink_to(real)
    told = site.run("good")
    assert site.config.is_symlink()
    assert real.read_text() == "good\n"
    assert any(f"{real} is written" in text for text in told["warnings"])
    site.run("better")
    site.run("bad")
    assert site.config.is_symlink()
    assert real.read_text() == "better\n"
    assert site.run(state="rolled_back", service=None)["outcome"] == "rolled_back"
    assert real.read_text() == "good\n"
    assert sorted(path.name for path in real.parent.iterdir()) == ["app.conf"]


@each("check", [False, True])
def test_a_place_that_others_may_change_is_refused(tmp_path: Path, check: bool) -> None:
    site = fake.Site(tmp_path / "open" / "site")
    (tmp_path / "open").chmod(0o777)
    told = site.run("good", check=check)
    assert told["outcome"] == "refused"
    assert f"everybody may write to {tmp_path / 'open'}" in told["msg"]
    assert "deploy_state_dir" in told["msg"]
    assert not site.state.exists()
    (tmp_path / "open").chmod(0o755)
    assert site.run("good")["outcome"] == "deployed"


def test_a_place_of_somebody_else_is_refused(site: fake.Site) -> None:
    with mock.patch("os.geteuid", return_value=os.geteuid() + 4711):
        owner = site.folder.stat().st_uid
        told = site.run("good")
    if owner:
        assert f"belongs to the user {owner}" in told["msg"]
    elif os.geteuid() == 0:
        os.chown(site.folder, 4711, 4711)
        told = site.run("good")
        assert (told["outcome"], f"{site.folder} belongs to the user 4711" in told["msg"]) == ("refused", True)


def test_a_link_that_leads_nowhere_is_told_as_one(site: fake.Site) -> None:
    (site.folder / "state").symlink_to(site.folder / "nowhere")
    told = site.run("good")
    assert told["outcome"] == "refused"
    assert "a link that leads nowhere" in told["msg"]


# --- every refusal names a way out --------------------------------------------------------------------------

BEFORE = [phase.name for phase in phases.PHASES if not phase.stops]
ERRORS = [
    Refused("because"),
    StepFailed("because"),
    disk.Damaged("because"),
    lease.Held("because"),
    OSError(errno.ENOSPC, "because", "/x"),
    OSError(errno.EROFS, "because", "/x"),
    OSError(errno.EIO, "because", "/x"),
]


@each("error", ERRORS, ids=lambda error: f"{type(error).__name__}-{getattr(error, 'errno', '')}")
@each("phase", BEFORE)
def test_whatever_refuses_in_whatever_phase_says_what_to_do(site: fake.Site, phase: str, error: Exception) -> None:
    site.run("good")
    places = {
        "lease": "lease.Lease.take",
        "recover": "recovery.recover",
        "render": "choose.render",
        "resolve": "choose.resolve",
    }
    release = "ansible_collections.muster.fleet.plugins.module_utils.release"
    if phase in places:
        broken: Any = mock.patch(f"{release}.{places[phase]}", side_effect=error)
    else:
        broken = mock.patch.dict(steps.STEPS, {phase: mock.Mock(side_effect=error)})
    if phase == "lease" and not isinstance(error, (OSError, lease.Held)):
        return
    with broken:
        told = site.run("better")
    assert (told["outcome"], told["phase"], runs_now(site)) == ("refused", phase, "good")
    why, way_out = told["msg"].split("because", 1)
    assert why.startswith("service app: ")
    assert len(way_out.split()) > 6, told["msg"]


def runs_now(site: fake.Site) -> str | None:
    current = history(site)["current"]
    return next(entry["tag"] for entry in history(site)["releases"] if entry["id"] == current)


def test_no_site_that_refuses_goes_around_that() -> None:
    """Every refusal that the machine gives passes through ``refusals.told``, or says what to do where it is written."""
    source = Path(machine.__file__).read_text(encoding="utf-8")
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("_result", "_without")
    ]
    assert len(calls) > 10
    for call in calls:
        text = ast.unparse(call)
        if '"refused"' in text.replace("'", '"'):
            assert "refusals.told" in text or "Deploy" in text, text
