# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state machine over a service in memory: whatever dies whenever, one good release runs after the next run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.release import guard, lease
from ansible_collections.muster.fleet.tests.unit.release import fake


@pytest.fixture
def site(tmp_path: Path) -> fake.Site:
    return fake.Site(tmp_path / "site")


def history(site: fake.Site) -> dict[str, Any]:
    file = site.state / "history.json"
    return dict(json.loads(file.read_text())) if file.exists() else {"current": None, "releases": []}


def in_order(site: fake.Site) -> None:
    """Exactly the current release runs, its configuration is in place, and nothing is left over."""
    known = history(site)
    assert site.world.running() == ([known["current"]] if known["current"] else [])
    assert not (site.state / "journal.json").exists()
    assert not (site.state / "lease.json").exists()
    assert [path.name for path in site.folder.iterdir() if path.name.startswith(".")] == []
    current = next((entry for entry in known["releases"] if entry["id"] == known["current"]), None)
    if current:
        assert current["verified"]
        assert site.config.read_text() == f"{current['tag']}\n"
    specs = {path.stem for path in (site.state / "releases").glob("*.json")}
    assert specs <= {entry["id"] for entry in known["releases"]}


def test_deploy_again_and_back(site: fake.Site) -> None:
    assert site.run("good")["outcome"] == "deployed"
    assert (site.run("good")["outcome"], site.run("good")["changed"]) == ("unchanged", False)
    assert site.run("better")["previous"]["tag"] == "good"
    assert site.run(state="rolled_back", service=None)["release"]["tag"] == "good"
    in_order(site)


def test_a_release_deployed_once_more_does_not_cost_the_way_back(site: fake.Site) -> None:
    """good, better, good again, and back to better: the first good is where the next step back leads."""
    for tag in ("good", "better", "good"):
        assert site.run(tag)["outcome"] == "deployed"
    assert site.run(state="rolled_back", service=None)["release"]["tag"] == "better"
    assert site.run(state="rolled_back", service=None)["release"]["tag"] == "good"
    in_order(site)


def test_a_bad_release_leads_back(site: fake.Site) -> None:
    site.run("good")
    told = site.run("bad")
    assert (told["outcome"], told["failed"], told["release"]["tag"]) == ("reverted", True, "good")
    assert "expected running" in told["msg"]
    in_order(site)


def test_every_change_of_a_deploy_may_be_the_last(site: fake.Site) -> None:
    """Also at each single write, sync and removal on disk, which the tests on real engines cannot reach one by one."""
    tags = ["good", "better"]
    site.run(tags[0])
    deaths = 0
    while True:
        told = site.run(tags[1], dies_at=deaths)
        if told:
            break
        site.run(state="recovered", service=None)
        in_order(site)
        assert site.run(tags[1])["outcome"] in ("deployed", "unchanged")
        in_order(site)
        tags.reverse()
        deaths += 1
    assert deaths > 40, "a deploy is more changes than that"


RUNS = st.sampled_from(["good", "better", "bad", "back", "again", "recovered"])


def act(site: fake.Site, what: str, dies_at: int | None) -> dict[str, Any]:
    states = {"back": "rolled_back", "again": "restarted", "recovered": "recovered"}
    if what in states:
        return site.run(state=states[what], service=None, dies_at=dies_at)
    return site.run(what, dies_at=dies_at)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(RUNS, st.none() | st.integers(0, 90)), min_size=1, max_size=8))
def test_any_runs_that_die_anywhere(runs: list[tuple[str, int | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = fake.Site(Path(folder) / "site")
        good = None
        for what, dies_at in runs:
            told = act(site, what, dies_at)
            if told and "never deployed" not in told["msg"]:
                in_order(site)
                good = history(site)["current"]
        told = site.run(state="recovered", service=None)
        if site.state.exists() and history(site)["releases"]:
            in_order(site)
            assert history(site)["current"] or not good, "what was good once is never lost"
        assert site.run("better")["outcome"] in ("deployed", "unchanged")
        in_order(site)


def test_check_mode_writes_nothing(site: fake.Site) -> None:
    site.run("good")
    before = site.fuse.count
    told = site.run("better", check=True)
    assert (told["changed"], told["outcome"], site.fuse.count) == (True, "deployed", before)
    assert told["diff"]["before"]["env"]["TOKEN"].startswith("hash:")
    assert "hidden" not in json.dumps(told)


def test_no_such_tag_is_refused(site: fake.Site) -> None:
    site.run("good")
    told = site.run("none")
    assert (told["outcome"], told["changed"], told["phase"]) == ("refused", False, "resolve")
    assert told["msg"].startswith("service app: there is no tag none. Name a tag that is there")
    in_order(site)


def test_missing_variable_is_refused_by_name(site: fake.Site) -> None:
    told = site.run("good", service={**fake.SERVICE, "required_env": ["TOKEN", "HOST"]})
    assert told["msg"].startswith("service app: required variables are missing or empty: HOST. Say in deploy_services")
    assert site.world.running() == []


def test_bad_service_is_refused_before_anything(site: fake.Site) -> None:
    told = site.run("good", service={"imag": "x"})
    assert told["outcome"] == "refused"
    assert "did you mean image?" in told["msg"]
    assert not site.state.exists()


def test_rollback_of_a_run_that_changed_nothing_is_none(site: fake.Site) -> None:
    site.run("good", run_id="one")
    site.run("better", run_id="two")
    told = site.run(state="rolled_back", service=None, of_run="three")
    assert (told["outcome"], told["changed"]) == ("unchanged", False)
    assert site.run(state="rolled_back", service=None, of_run="two")["release"]["tag"] == "good"
    again = site.run(state="rolled_back", service=None, of_run="two")
    assert (again["outcome"], again["changed"]) == ("unchanged", False)


def test_never_deployed_from_here(site: fake.Site) -> None:
    told = site.run(state="rolled_back", service=None)
    assert told["outcome"] == "refused"
    assert "never deployed" in told["msg"]
    for options in ({"state": "recovered"}, {"state": "restarted"}, {"state": "rolled_back", "of_run": "r"}):
        told = site.run(service=None, **options)
        assert (told["outcome"], told["changed"]) == ("unchanged", False)
    assert not site.state.exists()


def test_who_is_refused_the_lease_is_told_what_runs(site: fake.Site) -> None:
    site.run("good")
    held = lease.Lease(str(site.state), 900)
    held.take("other", "r9")
    told = site.run("better")
    held.release()
    assert (told["outcome"], told["release"]["tag"], told["phase"]) == ("refused", "good", "lease")
    assert "other works on it (run r9) since" in told["msg"]


def test_protected_is_not_restarted(site: fake.Site) -> None:
    site.run("good", service={**fake.SERVICE, "protected": True})
    told = site.run(state="restarted", service=None)
    assert (told["outcome"], told["warnings"]) == ("unchanged", ["it is protected: not restarted"])
    assert site.run("better", service={**fake.SERVICE, "protected": False})["outcome"] == "refused", "what runs says so"


def test_check_mode_says_that_it_would_recover(site: fake.Site) -> None:
    site.run("good")
    site.run("better", dies_at=45)
    assert (site.state / "journal.json").exists()
    told = site.run(state="recovered", service=None, check=True)
    assert (told["outcome"], told["changed"]) == ("recovered", True)
    assert (site.state / "journal.json").exists()


def test_forced_stop_is_told(site: fake.Site) -> None:
    site.run("good")
    site.world.exit_code = 137
    told = site.run("better")
    assert told["outcome"] == "deployed"
    assert told["warnings"] == ["stopped by force: exit code 137, grace of 1 s exceeded"]
    row = next(row for row in told["checks"] if row["id"] == "release.stop")
    assert (row["status"], row["observed"]) == ("fail", 137)
    assert history(site)["releases"][0]["stop_exit"] == 137


def test_held_accelerators_matter_to_who_is_given_one(site: fake.Site) -> None:
    def answer(told: dict[str, Any]) -> tuple[str, str]:
        row = next(row for row in told["checks"] if row["id"] == "release.pre.accelerators")
        return row["status"], row["message"]

    held = [guard.Holder("/dev/nvidia0", "process 7 (python)")]
    assert answer(site.run("good")) == ("not_applicable", "the service is given no accelerator")
    site.world.given = None
    with mock.patch.object(guard, "holders", return_value=held):
        told = site.run("better")
    message = "accelerators are held: /dev/nvidia0 by process 7 (python)"
    assert (told["outcome"], answer(told)) == ("refused", ("fail", message))
    with mock.patch.object(guard, "holders", side_effect=[[], held, []]):
        assert site.run("better")["outcome"] == "reverted", "held meanwhile, while the image was pulled"
    in_order(site)
    with mock.patch.object(guard, "holders", return_value=[]):
        assert answer(site.run("better"))[0] == "pass"


def test_unreadable_journal_leads_back_to_what_the_history_names(site: fake.Site) -> None:
    site.run("good")
    (site.state / "journal.json").write_text('{"phase": "st')
    site.world.things[history(site)["current"]]["runs"] = False
    told = site.run(state="recovered", service=None)
    assert told["outcome"] == "recovered"
    in_order(site)
