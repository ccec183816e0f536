# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of service that this machine can have without being booted: a Compose project and a pointer to a model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cells import CELLS, EVERY, kill, leads_back, outcome
from rack import Unavailable
from rack.images import layer
from rack.registry import queue

from node import Bench, Ran, compose
from node.bench import SECRET

CHECKOUT = Path(__file__).resolve().parents[3]
BUSYBOX = Path("/usr/bin/busybox")


# --- a project of Compose -------------------------------------------------------------------------------


@pytest.fixture
def project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The stand-in queue as a project of Compose v2."""
    try:
        config = compose.plugin(CHECKOUT / ".build" / "compose")
    except Unavailable as reason:
        pytest.skip(f"not run here: {reason}")
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    bench.config = bench.folder / "compose.yml"
    for key in ("network", "mounts"):
        del bench.service[key]
    bench.service.update(
        kind="compose",
        compose={"file": str(bench.config), "service": "web"},
        config=[{"template": "compose.j2", "dest": str(bench.config)}],
    )
    return bench


def up(bench: Bench, tag: str, **options: object) -> dict[str, object]:
    """Deploy a tag; the project's file carries it in a comment, as a template would."""
    web = {
        "image": "${MUSTER_IMAGE}",
        "network_mode": "host",
        "restart": "unless-stopped",
        "volumes": [f"{bench.data}:/data"],
    }
    file = {"dest": str(bench.config), "content": f"# release: {tag}\n{json.dumps({'services': {'web': web}})}\n"}
    return bench.run(tag=tag, files=[file], **options)


PROJECT = "label=com.docker.compose.project=queue"
SIDE = "sleep 600"


def together(bench: Bench, tag: str, side: dict[str, Any], **options: object) -> Ran:
    """Deploy a tag of a project with a second service; ``side`` is its part of the file."""
    web = {"image": "${MUSTER_IMAGE}", "network_mode": "host", "restart": "unless-stopped"}
    other = {"image": f"{bench.registry.host}/annotation-queue:v2", "network_mode": "none", "stop_grace_period": "0s"}
    services = {"web": web | {"volumes": [f"{bench.data}:/data"]}, **({"side": other | side} if side else {})}
    file = {"dest": str(bench.config), "content": f"# release: {tag}\n{json.dumps({'services': services})}\n"}
    return bench.run(tag=tag, files=[file], **options)


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {"entrypoint": ["/bin/busybox", "sh", "-c", script], **more}


SICK = {"healthcheck": {"test": ["CMD", "/bin/busybox", "false"], "interval": "0.2s", "retries": 1}}


@pytest.mark.parametrize(
    ("side", "said"),
    [
        (shell(SIDE, **SICK), "unhealthy: service side"),
        (shell("exit 3"), "exited (exit code 3): service side"),
        (shell("exit 0", restart="always"), "service side"),
        (shell("sleep 0.3; exit 1", restart="always"), "service side"),
    ],
    ids=["unhealthy", "exited", "ends and is started again", "crashes"],
)
def test_compose_is_judged_by_all_its_services(project: Bench, side: dict[str, Any], said: str) -> None:
    project.service["gate"].update(timeout_s=3, running_s=1.5)
    assert together(project, "v1", shell(SIDE))["outcome"] == "deployed"
    bad = together(project, "v2", side)
    assert bad["outcome"] == "reverted", bad["msg"]
    assert said in str(bad["msg"])
    assert together(project, "v1", shell(SIDE))["outcome"] == "unchanged"
    project.daemon.docker("stop", "-t", "0", "queue-side-1")
    later = together(project, "v1", shell(SIDE))
    assert (later["outcome"], "service side" in str(later["msg"])) == ("failed", True), later["msg"]


def test_compose_excuses_what_has_done_its_work(project: Bench) -> None:
    told = together(project, "v1", shell("exit 0", restart="no"))
    assert told["outcome"] == "deployed", told["msg"]
    assert together(project, "v1", shell("exit 0", restart="no"))["outcome"] == "unchanged"


def test_compose_brings_all_images_before_the_stop(project: Bench) -> None:
    host = project.registry.host
    assert together(project, "v1", {})["outcome"] == "deployed"
    started = project.daemon.docker("ps", "-q", "--filter", PROJECT)
    absent = together(project, "v2", {"image": f"{host}/none-such:v1"})
    assert (absent["outcome"], absent["changed"]) == ("refused", False), absent["msg"]
    assert "none-such" in str(absent["msg"])
    never = together(project, "v2", {"image": "never/pulled:1", "pull_policy": "never"})
    assert "the image never/pulled:1 of its service side is not on this machine" in str(never["msg"])
    programs = layer({"bin/busybox": BUSYBOX.read_bytes()}, executable=("bin/busybox",))
    project.registry.push("foreign", "v1", queue(programs, "v1", "good", architecture="riscv64"))
    foreign = together(project, "v2", {"image": f"{host}/foreign:v1"})
    assert foreign["outcome"] == "refused", foreign["msg"]
    assert "riscv64" in str(foreign["msg"])
    project.registry.push("beside", "v1", queue(programs, "v1", "good"))
    assert project.daemon.docker("ps", "-q", "--filter", PROJECT) == started, "nothing was stopped"
    brought = together(project, "v2", shell(SIDE, image=f"{host}/beside:v1"))
    assert brought["outcome"] == "deployed", brought["msg"]
    assert together(project, "v5", {})["outcome"] == "deployed"
    project.daemon.docker("rm", "-f", "queue-side-1")
    project.daemon.docker("rmi", "-f", f"{host}/beside:v1")
    assert project.back()["outcome"] == "rolled_back", "its other image is fetched again"


def test_compose_leaves_no_service_of_the_old_file_running(project: Bench) -> None:
    assert together(project, "v1", shell(SIDE))["outcome"] == "deployed"
    told = together(project, "v2", {})
    assert told["outcome"] == "deployed", told["msg"]
    assert any("queue-side-1 of the project is in its file no longer" in text for text in told["warnings"])
    assert runs(project) == "v2"
    assert project.back()["outcome"] == "rolled_back"
    names = project.daemon.docker("ps", "--filter", PROJECT, "--format", "{{.Names}}").split()
    assert sorted(names) == ["queue-side-1", "queue-web-1"]


def test_compose_data_of_any_service_is_not_left_behind(project: Bench) -> None:
    keeps = {"volumes": ["state:/state"], **shell("echo x >/state/db; sleep 600")}
    top = {"volumes": {"state": {}, "other": {}}}
    side = {"image": f"{project.registry.host}/annotation-queue:v2", "network_mode": "none", **keeps}

    def run(tag: str, **more: Any) -> Ran:
        web = {"image": "${MUSTER_IMAGE}", "network_mode": "host", "volumes": [f"{project.data}:/data"]}
        text = json.dumps({"services": {"web": web, "side": side | more}, **top})
        return project.run(tag=tag, files=[{"dest": str(project.config), "content": text}])

    assert run("v1")["outcome"] == "deployed"
    told = run("v2", volumes=["other:/state"])
    assert told["outcome"] == "refused", told["msg"]
    assert "side:/state would stay behind in the volume queue_state" in str(told["msg"])
    assert run("v2")["outcome"] == "deployed"


def runs(bench: Bench) -> str:
    """Return the version that the project runs, as it says itself."""
    bench.daemon.docker("ps", "-q", "--filter", "label=com.docker.compose.project=queue")
    name = bench.daemon.docker(
        "ps", "--filter", "label=com.docker.compose.project=queue", "--format", "{{.Names}}"
    ).split()
    assert len(name) == 1, name
    return bench.daemon.docker("exec", name[0], "/bin/busybox", "cat", "/VERSION").strip()


def test_compose_project(project: Bench) -> None:
    assert up(project, "v1")["outcome"] == "deployed"
    assert up(project, "v1")["outcome"] == "unchanged"
    assert up(project, "v2")["outcome"] == "deployed"
    bad = up(project, "v4")
    assert (bad["outcome"], runs(project)) == ("reverted", "v2"), bad["msg"]
    assert "release: v2" in project.config.read_text()
    killed = up(project, "v5", kill={"at": "start", "when": "after"})
    assert killed == {}
    recovered = project.run(state="recovered", service=None)
    assert (recovered["outcome"], runs(project)) == ("recovered", "v2"), recovered["msg"]
    back = project.back()
    assert (back["outcome"], runs(project)) == ("rolled_back", "v1"), back["msg"]
    assert "release: v1" in project.config.read_text()
    assert SECRET not in json.dumps([bad, recovered, back])
    assert {path.stat().st_mode & 0o777 for path in project.state.glob("compose.*")} == {0o600}


@pytest.mark.parametrize("cell", CELLS)
def test_compose_killed_in_a_phase(project: Bench, cell: str) -> None:
    up(project, "v1")
    assert up(project, "v4" if leads_back(cell) else "v2", kill=kill(cell)) == {}, "it was not killed"
    recovered = project.run(state="recovered", service=None)
    assert recovered["outcome"] == outcome(cell), recovered["msg"]
    assert runs(project) == recovered["release"]["tag"]
    after = up(project, "v2")
    assert (after["outcome"] in ("deployed", "unchanged"), runs(project)) == (True, "v2"), after["msg"]


def test_compose_that_is_not_here_is_refused(project: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    told = up(project, "v1")
    assert told["outcome"] == "refused"
    assert "docker compose" in str(told["msg"])


# --- a pointer to a model -------------------------------------------------------------------------------


@pytest.fixture
def model(bench: Bench) -> Bench:
    """Two dated models, and a configuration file that names the newer one."""
    for day in ("2026-01-01", "2026-02-01"):
        folder = bench.folder / "models" / day
        folder.mkdir(parents=True)
        (folder / "best.pt").write_text(f"weights of {day}")
    bench.config.write_text(f"epochs: 3\ntraining:\n  model: {bench.folder}/models/2026-02-01/best.pt  # now\n")
    load = ["grep", "-q", "weights"]
    pointer = {
        "file": str(bench.config),
        "key": "training.model",
        "root": str(bench.folder / "models"),
        "command": load,
    }
    bench.service = {"kind": "model_pointer", "pointer": pointer, "watch_s": 0, "gate": {"running_s": 0}}
    return bench


def test_model_pointer(model: Bench) -> None:
    before = model.config.read_text()
    earlier = model.run(tag="2026-01-01")
    assert earlier["outcome"] == "deployed", earlier["msg"]
    assert model.config.read_text() == before.replace("2026-02-01", "2026-01-01")
    assert model.run(tag="2026-01-01")["outcome"] == "unchanged"
    back = model.back()
    assert (back["outcome"], model.config.read_text()) == ("rolled_back", before), back["msg"]


@pytest.mark.parametrize(
    ("tag", "text", "why"),
    [
        ("2025-01-01", None, "there is no model"),
        ("2026-01-01", "", "is empty"),
        ("2026-01-01", "garbage", "does not load"),
    ],
)
def test_a_model_that_is_none_is_refused(model: Bench, tag: str, text: str | None, why: str) -> None:
    before = model.config.read_text()
    if text is not None:
        (model.folder / "models" / tag / "best.pt").write_text(text)
    told = model.run(tag=tag)
    assert (told["outcome"], model.config.read_text()) == ("refused", before)
    assert why in told["msg"]


class Writer(threading.Thread):
    """Writes to a model again and again, as a copy over the network does."""

    def __init__(self, path: Path, after_s: float, held: bool) -> None:
        super().__init__()
        self._path, self._after_s, self._held, self.over = path, after_s, held, threading.Event()

    def run(self) -> None:
        """Write until it is over."""
        self.over.wait(self._after_s)
        held = self._path.open("ab", buffering=0) if self._held else None
        while not self.over.wait(0.3):
            with self._path.open("ab") as handle:
                (held or handle).write(b"weights")
        if held:
            held.close()


@pytest.fixture
def writer(model: Bench) -> Iterator[Any]:
    """Starts writers, and ends them."""
    started: list[Writer] = []

    def start(after_s: float = 0.0, held: bool = False) -> Writer:
        started.append(Writer(model.folder / "models" / "2026-01-01" / "best.pt", after_s, held))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.over.set()
        each.join()


@pytest.mark.parametrize("held", [True, False], ids=["held open", "opened again and again"])
def test_a_model_that_is_still_written_is_refused(model: Bench, writer: Any, held: bool) -> None:
    before = model.config.read_text()
    growing = writer(held=held)
    time.sleep(0.7)
    for check in (True, False):
        told = model.run(tag="2026-01-01", check=check)
        assert (told["outcome"], model.config.read_text()) == ("refused", before)
        assert "is still being written" in told["msg"]
    growing.over.set()
    growing.join()
    assert model.run(tag="2026-01-01")["outcome"] == "deployed"


def test_a_model_that_changes_before_it_is_entered_is_gone_back_from(model: Bench, writer: Any) -> None:
    before = model.config.read_text()
    model.service["watch_s"] = 4
    time.sleep(1.2)
    writer(after_s=2.5)
    told = model.run(tag="2026-01-01")
    assert (told["outcome"], model.config.read_text()) == ("reverted", before), told["msg"]
    assert "its digest differs" in told["msg"]


def test_a_model_that_is_gone_is_no_way_back(model: Bench) -> None:
    model.run(tag="2026-01-01")
    (model.folder / "models" / "2026-02-01" / "best.pt").write_text("weights, but others")
    told = model.back()
    assert told["outcome"] == "refused"
    assert "its digest differs" in told["msg"]


@pytest.mark.parametrize("cell", EVERY)
def test_a_pointer_interrupted_in_a_phase(model: Bench, cell: str) -> None:
    model.run(tag="2026-01-01")
    assert model.run(tag="2026-02-01", kill=kill(cell)) == {}, "it was not killed"
    recovered = model.run(state="recovered", service=None)
    assert recovered["outcome"] == outcome(cell), recovered["msg"]
    assert f"models/{recovered['release']['tag']}/best.pt" in model.config.read_text()
    after = model.run(tag="2026-02-01")
    assert after["outcome"] in ("deployed", "unchanged"), after["msg"]
    assert "models/2026-02-01/best.pt" in model.config.read_text()


def test_a_pointer_interrupted_while_it_is_changed(model: Bench) -> None:
    before = model.config.read_text()
    model.run(tag="2026-01-01", kill={"at": "start", "when": "after"})
    recovered = model.run(state="recovered", service=None)
    assert (recovered["outcome"], model.config.read_text()) == ("recovered", before)
