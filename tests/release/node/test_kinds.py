# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of service that this machine can have without being booted: a Compose project and a pointer to a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cells import CELLS, EVERY, kill, leads_back, outcome
from rack import Unavailable

from node import Bench, compose
from node.bench import SECRET

CHECKOUT = Path(__file__).resolve().parents[3]


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
