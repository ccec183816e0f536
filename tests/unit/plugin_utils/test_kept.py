"""What is kept from run to run is whole, of this user, and made of what there is now."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.plugin_utils import whole
from ansible_collections.muster.fleet.plugins.plugin_utils.kept import kept


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: str(tmp_path))
    return tmp_path / "muster"


def test_is_made_once_from_the_same(home):
    assert kept("a", "x", lambda: b"first") == b"first"
    assert kept("a", "x", lambda: b"second") == b"first"
    assert home.stat().st_mode & 0o077 == 0


def test_what_changed_is_made_anew_and_the_older_goes(home):
    kept("a", "x", lambda: b"first")
    kept("b", "x", lambda: b"other")
    assert kept("a", "y", lambda: b"second") == b"second"
    assert sorted(path.name[:2] for path in home.iterdir()) == ["a-", "b-"]


@pytest.mark.parametrize("damage", [b"", b"short", b"0" * 32 + b"first"], ids=["empty", "cut", "altered"])
def test_what_is_not_whole_is_made_anew(home, damage):
    kept("a", "x", lambda: b"first")
    (path,) = home.iterdir()
    path.write_bytes(damage)
    assert kept("a", "x", lambda: b"second") == b"second"
    assert kept("a", "x", lambda: b"third") == b"second"


def test_a_folder_that_cannot_be_written_keeps_nothing(monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: "/proc/none")
    assert kept("a", "x", lambda: b"first") == b"first"
    assert kept("a", "x", lambda: b"second") == b"second"


def test_older_one_that_may_not_be_removed_does_no_harm(tmp_path, monkeypatch):
    """It is another user's."""
    monkeypatch.setattr(C.config, "get_config_value", lambda name: str(tmp_path))
    kept("thing", "before", lambda: b"old")
    removed = []

    def refuse(path, missing_ok=False):
        removed.append(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    assert kept("thing", "now", lambda: b"new") == b"new"
    assert len(removed) == 1


def test_what_lies_behind_a_link_is_not_taken(home, tmp_path):
    """Whoever may change the folder could point the name at another file between two looks at it."""
    kept("a", "x", lambda: b"first")
    (path,) = home.iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert kept("a", "x", lambda: b"second") == b"second"


def test_owner_is_asked_of_the_file_that_is_read(home, monkeypatch):
    kept("a", "x", lambda: b"first")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert kept("a", "x", lambda: b"second") == b"second"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_never_waited_for(home, kind):
    kept("a", "x", lambda: b"first")
    (path,) = home.iterdir()
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    assert kept("a", "x", lambda: b"second") == b"second"


def test_draft_of_a_killed_run_goes_and_that_of_a_living_one_stays(home):
    kept("a", "x", lambda: b"first")
    ended = subprocess.Popen(["true"])
    ended.wait()
    living = whole.draft_name("a")
    left = living.replace(f".{os.getpid()}.", f".{ended.pid}.")
    for name in (living, left):
        (home / name).write_bytes(b"half")
    kept("a", "y", lambda: b"second")
    assert {path.name for path in home.iterdir() if path.suffix == ".draft"} == {living}
