# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No run ends well over a service that is not good, and none loses data or leaves a part of the old release unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import gate, mounts
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds import compose_file, container_look
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.base import Lost, Probe
from ansible_collections.muster.fleet.plugins.module_utils.release.service import BadService, parse
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import deed
from ansible_collections.muster.fleet.tests.unit.release import fake

each = pytest.mark.parametrize
SICK = ("restarting", "paused", "stopped by a signal", "dead")


@pytest.fixture
def site(tmp_path: Path) -> fake.Site:
    site = fake.Site(tmp_path / "site")
    site.run("good")
    site.run("better")
    return site


def rows(told: dict[str, Any]) -> dict[str, str]:
    return {row["id"].removeprefix("release."): row["status"] for row in told["checks"]}


# --- what runs is not good ----------------------------------------------------------------------------


@each("sick", SICK)
@each("check", [False, True])
@each("state", ["present", "rolled_back", "restarted", "recovered", "protected"])
def test_no_run_ends_well_over_what_is_not_good(site: fake.Site, state: str, check: bool, sick: str) -> None:
    options: dict[str, Any] = {"state": state, "service": None} if state != "present" else {}
    if state == "protected":
        site.run("better", service={**fake.SERVICE, "protected": True})
        options = {"state": "restarted", "service": None}
    site.world.sick = sick
    told = site.run("better" if state == "present" else None, check=check, **options)
    assert told["outcome"] not in deed.GOOD or (check and state in ("rolled_back", "restarted")), told["msg"]
    if state in ("present", "recovered", "protected"):
        assert (told["outcome"], told["changed"]) == ("failed", False)
        assert sick in told["msg"]
        assert "rollback" in told["msg"], "what to do"
        assert rows(told)["post.running"] == "fail"


def test_unchanged_has_an_answer_to_everything_after_the_start(site: fake.Site) -> None:
    told = site.run("better")
    assert told["outcome"] == "unchanged"
    assert {"post.running", "post.restarts", "post.disk", "post.log", "post.listener"} <= set(rows(told))


@each(
    ("key", "value"),
    [
        ("gate", {"timeout_s": 1, "running_s": 0}),
        ("keep", 5),
        ("protected", True),
        ("watch_s", 1),
        ("dependants", ["x"]),
    ],
)
def test_settings_around_a_release_are_taken_over(site: fake.Site, key: str, value: Any) -> None:
    told = site.run("better", service={**fake.SERVICE, key: value}, check=True)
    assert f"holds from now on: {key}" in told["msg"]
    for expected in (f"holds from now on: {key}", "passes its gate"):
        told = site.run("better", service={**fake.SERVICE, key: value})
        assert (told["outcome"], told["changed"], told["msg"].endswith(expected)) == ("unchanged", False, True), told[
            "msg"
        ]
    spec = json.loads(next((site.state / "releases").glob(f"{told['release']['id']}.json")).read_text())
    assert spec["service"][key] == (value if key != "gate" else spec["service"][key] | value)


def test_other_stop_settings_are_another_container(site: fake.Site) -> None:
    other = {**fake.SERVICE, "stop": {"grace_s": 9, "signal": "SIGINT"}}
    told = site.run("better", service=other)
    assert told["outcome"] == "deployed"
    assert any("other stop settings" in text for text in told["warnings"])
    assert site.run("better", service=other)["outcome"] == "unchanged"


@each("kind", ["compose", "systemd_unit", "model_pointer"])
def test_a_signal_that_would_not_be_used_is_refused(kind: str) -> None:
    with pytest.raises(BadService, match=r"stop\.signal: is not used for a"):
        parse("app", {"kind": kind, "stop": {"signal": "SIGINT"}})


# --- restarts -----------------------------------------------------------------------------------------


def opened(*probes: Probe, ran_before: bool = True) -> gate.Watched:
    class Kind:
        def __init__(self) -> None:
            self.left = list(probes)

        def probe(self) -> Probe:
            return self.left.pop(0) if len(self.left) > 1 else self.left[0]

    wanted = {"timeout_s": 0.3, "running_s": 0.3, "restarts": 0, "health": True}
    watched = gate.Watched(Kind(), wanted, lambda: None, "queue", None, None, ran_before)  # type: ignore[arg-type]
    watched.open()
    return watched


def probe(restarts: int, up_s: float | None, **more: Any) -> Probe:
    return Probe("running", restarts, more.pop("started", "then"), "none", None, "engine", up_s, **more)


def test_restarts_of_long_ago_are_forgiven_and_shown() -> None:
    seen = opened(probe(3, 7200.0)).rows["restarts"]
    assert (seen["status"], seen["observed"]) == ("pass", "0 restarts, and 3 long ago")


@each(
    "probes",
    [
        (probe(3, 4.0),),
        (probe(3, None),),
        (probe(3, 7200.0), probe(4, 0.1)),
        (probe(0, 7200.0), probe(0, 0.1, started="now")),
    ],
    ids=["just now", "nobody knows when", "once more", "started anew"],
)
def test_restarts_of_now_are_not(probes: tuple[Probe, ...]) -> None:
    with pytest.raises(gate.Bad, match="restarts, "):
        opened(*probes)
    with pytest.raises(gate.Bad, match="restarts, "):
        opened(probe(1, 7200.0), ran_before=False)


@each(
    ("started", "known"),
    [("2020-01-01T00:00:00.123456789Z", True), ("2020-01-01T00:00:00+02:00", True), ("2999-01-01T00:00:00Z", False),
     ("", False), ("0001-01-01", False)],
)  # fmt: skip
def test_time_since_a_start(started: str, known: bool) -> None:
    found = container_look.up_s(started)
    assert (found is not None and found > 1e8) == known


# --- all parts of a project ---------------------------------------------------------------------------


def part(status: str = "running", health: str = "none", code: int | None = None, restarts: int = 0) -> Probe:
    return Probe(status, restarts, "then", health, code, "p", 5.0)


@each(
    ("side", "once", "status", "health", "detail"),
    [
        (part(), [], "running", "none", ""),
        (part(health="healthy"), [], "running", "healthy", ""),
        (part(health="unhealthy"), [], "running", "unhealthy", "service side"),
        (part(health="starting"), [], "running", "starting", "service side"),
        (part("exited", code=1), ["side"], "exited", "none", "service side"),
        (part("exited", code=0), [], "exited", "none", "service side"),
        (part("exited", code=0), ["side"], "running", "none", ""),
        (part("exited"), ["side"], "exited", "none", "service side"),
        (part("absent"), ["side"], "absent", "none", "service side"),
        (part("restarting"), [], "restarting", "none", "service side"),
        (part("paused"), [], "paused", "none", "service side"),
        (part("created"), [], "created", "none", "service side"),
        (part(restarts=2), [], "running", "none", "service side"),
    ],
)
def test_a_project_is_as_good_as_its_worst_part(
    side: Probe, once: list[str], status: str, health: str, detail: str
) -> None:
    found = container_look.worst({"web": part(), "side": side}, "web", once, "p")
    assert (found.status, found.health, found.detail) == (status, health, detail)
    assert found.restarts == side.restarts


def test_the_service_itself_is_never_excused() -> None:
    assert container_look.worst({"web": part("exited", code=0)}, "web", ["web"], "p").status == "exited"


def test_a_project_file_as_compose_reads_it() -> None:
    services = {
        "web": {"image": "a/b:1", "volumes": [{"type": "volume", "source": "v", "target": "/v"}]},
        "built": {"build": {}, "image": "mine", "platform": "linux/arm64"},
        "none": {"image": "x", "deploy": {"replicas": 0}},
        "anon": {"image": "x", "pull_policy": "never", "volumes": [{"type": "volume", "target": "/a"}]},
    }
    found = compose_file.parse(json.dumps({"services": services, "volumes": {"v": {"name": "p_v"}}}))
    assert sorted(found) == ["anon", "built", "web"]
    assert found["web"].targets == {"/v": "p_v"}
    assert (found["web"].pulled, found["built"].pulled, found["anon"].pulled) == (True, False, False)
    assert found["anon"].targets == {"/a": mounts.INHERITED}
    assert compose_file.architecture(found["built"], {"Architecture": "arm64"}) == []
    assert compose_file.split("r:5000/a") == ("r:5000/a", "latest")
    assert compose_file.split("r:5000/a:1") == ("r:5000/a", "1")
    assert compose_file.split("r:5000/a:1@sha256:0") == ("r:5000/a", "sha256:0")


# --- data ---------------------------------------------------------------------------------------------

LOST = [Lost("/data", "the volume without a name 4711", "/var/lib/docker/4711")]


@each("check", [False, True])
@each("state", ["present", "restarted"])
def test_data_is_not_left_behind(site: fake.Site, state: str, check: bool) -> None:
    site.world.lost = LOST
    options: dict[str, Any] = {"state": state, "service": None} if state == "restarted" else {}
    told = site.run("good" if state == "present" else None, check=check, **options)
    assert (told["outcome"], rows(told)["pre.data"]) == ("refused", "fail")
    assert "/data would stay behind in the volume without a name 4711" in told["msg"]
    assert "data_left_behind: allow" in told["msg"]


def test_data_that_may_stay_behind_is_named(site: fake.Site) -> None:
    site.world.lost = LOST
    told = site.run("good", service={**fake.SERVICE, "data_left_behind": "allow"})
    assert (told["outcome"], rows(told)["pre.data"]) == ("deployed", "pass")
    assert told["diff"]["before"]["data"] == {"/data": "the volume without a name 4711"}
    assert told["diff"]["after"]["data"] == {"/data": "left behind"}
    assert any("would stay behind" in text for text in told["warnings"])


def test_a_rollback_is_told_of_data_and_goes_on(site: fake.Site) -> None:
    site.world.lost, site.world.left = LOST, ["process 7 (worker)"]
    told = site.run(state="rolled_back", service=None)
    assert told["outcome"] == "rolled_back"
    assert {"would stay behind" in text for text in told["warnings"]} == {True, False}
    assert any("still there after the stop: process 7 (worker)" in text for text in told["warnings"])


def mount(target: str, **more: Any) -> dict[str, Any]:
    return {"Type": "volume", "Name": "v", "Source": "", "Destination": target, "RW": True, **more}


@each(
    ("old", "new", "lost"),
    [
        (mount("/d"), {}, True),
        (mount("/d"), {"/d": "v"}, False),
        (mount("/d"), {"/d/": "v"}, False),
        (mount("/d"), {"/d": "w"}, True),
        (mount("/d"), {"/e": "v"}, True),
        (mount("/d", Name="0" * 64), {}, True),
        (mount("/d", Name="0" * 64), {"/d": mounts.INHERITED}, False),
        (mount("/d", RW=False), {}, False),
        (mount("/d", Type="tmpfs"), {}, False),
        (mount("/d", Type="bind", Source="/usr"), {"/d": "/usr"}, False),
        (mount("/d", Type="bind", Source="/usr"), {"/d": "/usr/../usr"}, False),
        (mount("/d", Type="bind", Source="/usr"), {"/d": "/srv"}, True),
        (mount("/d", Type="bind", Source="/usr/no-such-folder"), {}, False),
        (mount("/s", Type="bind", Source="/var/run/docker.sock"), {}, False),
        (mount("/s", Type="bind", Source="/dev/kfd"), {}, False),
    ],
)
def test_which_mounts_lose_data(old: dict[str, Any], new: dict[str, str], lost: bool) -> None:
    assert bool(mounts.lost([old], new)) == lost


def test_an_empty_volume_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert mounts.lost([mount("/d", Source=str(tmp_path))], {}) == []
    (tmp_path / "sub" / "db").touch()
    assert [each.path for each in mounts.lost([mount("/d", Source=str(tmp_path))], {})] == ["/d"]


def test_what_a_container_wrote_itself() -> None:
    kinds = [("/app", 0), ("/app/state.db", 1), ("/tmp/x", 1), ("/data", 1), ("/srv", 0), ("/old", 2), ("/mnt", 0)]
    changes = [{"Path": path, "Kind": kind} for path, kind in [*kinds, ("/mnt/deep", 1)]]
    assert mounts.written(changes, [mount("/data"), mount("/mnt/deep/er")]) == ["/app/state.db", "/srv"]
    assert mounts.written(None, []) == []


# --- what the old release leaves ----------------------------------------------------------------------


def test_a_part_of_the_old_release_that_lives_on_fails_a_deploy(site: fake.Site) -> None:
    site.world.left = ["process 7 (worker)"]
    told = site.run("good")
    assert (told["outcome"], rows(told)["stop"]) == ("reverted", "fail")
    assert "still there after the stop: process 7 (worker)" in told["msg"]
    assert told["release"]["tag"] == "better"


def test_what_changed_until_the_end_is_gone_back_from(site: fake.Site) -> None:
    site.world.unsteady = "the model is not what it was"
    told = site.run("good")
    assert (told["outcome"], told["release"]["tag"]) == ("reverted", "better")
    assert "the model is not what it was" in told["msg"]


def test_what_pruning_left_is_said(site: fake.Site) -> None:
    site.world.told = ["the container x is kept"]
    assert "the container x is kept" in site.run("good")["warnings"]
