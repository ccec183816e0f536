# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration files, pointers in them, folders of versions, and what a registry answers."""

from __future__ import annotations

import http.server
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import (
    Refused,
    StepFailed,
    files,
    pointer,
    registry,
    tree,
)
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds import container_body
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.container import _unframed
from ansible_collections.muster.fleet.plugins.module_utils.release.service import parse

each = pytest.mark.parametrize


# --- files --------------------------------------------------------------------------------------------


def entry(path: Path, content: str, mode: str = "0640") -> dict[str, Any]:
    return {"dest": str(path), "content": content, "mode": mode, "owner": str(os.getuid()), "group": str(os.getgid())}


def test_files_wait_beside_their_place_and_go_back(tmp_path: Path) -> None:
    path = tmp_path / "app.conf"
    path.write_text("old\n")
    path.chmod(0o604)
    before = files.snapshot([str(path), str(tmp_path / "new.conf")])
    wanted = [entry(path, "new\n"), entry(tmp_path / "new.conf", "n\n")]
    files.stage("r1", wanted, True)
    assert path.read_text() == "old\n"
    assert (tmp_path / ".app.conf.r1").stat().st_mode & 0o777 == 0o640
    files.activate("r1", wanted)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new\n", 0o640)
    assert all(files.is_current(file) for file in wanted)
    files.activate("r1", wanted)
    files.unstage("r1", wanted)
    assert sorted(os.listdir(tmp_path)) == ["app.conf", "new.conf"]
    files.restore("r1.before", before)
    assert (path.read_text(), path.stat().st_mode & 0o777, os.listdir(tmp_path)) == ("old\n", 0o604, ["app.conf"])


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    good = entry(tmp_path / "a", "x")
    for bad in ({**entry(tmp_path / "b", "x"), "owner": "nobody-of-that-name"}, entry(tmp_path / "no" / "b", "x")):
        with pytest.raises(Refused, match="cannot be written"):
            files.stage("r1", [good, bad], False)
        assert os.listdir(tmp_path) == []
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="cannot be kept"):
        files.snapshot([str(tmp_path / "binary")])


# --- pointers -----------------------------------------------------------------------------------------

CONFIG = """# model: a comment
model: /other/one   # of another section
training:
  epochs: 3
  model: "/models/2026-01-01/best.pt"  # the last good one
  sub:
    model: x
"""


def test_one_value_changes_and_nothing_else() -> None:
    assert pointer.read(CONFIG, "training.model", False) == "/models/2026-01-01/best.pt"
    changed = pointer.replaced(CONFIG, "training.model", "/models/2025-12-01/best.pt", False)
    assert changed == CONFIG.replace("/models/2026-01-01", "/models/2025-12-01")
    assert pointer.read(CONFIG, "model", False) == "/other/one"
    assert pointer.replaced("A=1\nmodel=x\n", "model", "y", False) == "A=1\nmodel=y\n"
    assert pointer.read(pointer.replaced('{"a": {"m": "x"}, "n": 1}', "a.m", "y", True), "a.m", True) == "y"


@each(("text", "key"), [("a: 1\n", "b"), ("a: 1\na: 2\n", "a"), ("a: |\n  x\n", "a"), ("a:\n  b: 1\n", "a"), ("", "a")])
def test_a_key_that_is_not_plain_is_refused(text: str, key: str) -> None:
    with pytest.raises(ValueError, match=f"the key {key} "):
        pointer.replaced(text, key, "x", False)


@each("text", ['{"a": 1}', "[]", '{"a": {"b": {}}}', "{"])
def test_json_without_the_key(text: str) -> None:
    with pytest.raises(ValueError, match="key a.b is not there|Expecting"):
        pointer.read(text, "a.b", True)


# --- folders ------------------------------------------------------------------------------------------


def test_digest_of_a_folder_sees_every_difference(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    program = tmp_path / "a" / "sub" / "program"
    program.write_text("x")
    seen = [tree.digest(str(tmp_path / "a"))]
    changes = [
        lambda: program.write_text("y"),
        lambda: program.chmod(0o700),
        lambda: program.rename(program.with_name("b")),
        lambda: (tmp_path / "a" / "l").symlink_to("b"),
    ]
    for change in changes:
        change()
        seen.append(tree.digest(str(tmp_path / "a")))
    assert len(set(seen)) == len(seen)
    with pytest.raises(OSError, match="No such file"):
        tree.digest(str(tmp_path / "none"))


def archive(path: Path, *members: tarfile.TarInfo) -> str:
    with tarfile.open(path, "w:gz") as out:
        for member in members:
            out.addfile(member, io.BytesIO(b"x" * member.size))
    return str(path)


def member(name: str, kind: bytes = tarfile.REGTYPE, leads_to: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, leads_to, 3 if kind == tarfile.REGTYPE else 0
    return made


def test_an_archive_is_unpacked_whole(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.tgz", member("bin/app"), member("app", tarfile.SYMTYPE, "bin/app"))
    tree.unpack(packed, str(tmp_path / "v1"), lambda: None)
    assert (tmp_path / "v1" / "app").read_text() == "xxx"


@each(
    "bad",
    [
        member("../out"),
        member("/out"),
        member("a/../../out"),
        member("link", tarfile.SYMTYPE, "../../etc"),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("hard", tarfile.LNKTYPE, "../x"),
        member("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_that_leads_out_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(StepFailed, match="leads out|device or a pipe"):
        tree.unpack(archive(tmp_path / "a.tgz", member("good"), bad), str(tmp_path / "v1"), lambda: None)
    assert not (tmp_path / "v1").exists()


def test_a_broken_archive_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    with pytest.raises(StepFailed, match="cannot be unpacked"):
        tree.unpack(str(tmp_path / "a.tgz"), str(tmp_path / "v1"), lambda: None)
    assert os.listdir(tmp_path) == ["a.tgz"]


# --- registry -----------------------------------------------------------------------------------------


@pytest.fixture
def answers() -> Iterator[dict[str, Any]]:
    """A registry that wants a token, and gives one to who has the password."""
    told: dict[str, Any] = {"digest": "sha256:abc", "tags": ["v1"]}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if told.get("login") and self.headers.get("Authorization") != "Bearer let-me-in":
                realm = f'Bearer realm="http://{told["host"]}/token",service="r",scope="pull"'
                return self._say(401, {"WWW-Authenticate": realm})
            known = self.path.rpartition("/")[2] in told["tags"]
            return self._say(200 if known else 404, {"Docker-Content-Digest": told["digest"]} if told["digest"] else {})

        def do_GET(self) -> None:
            good = self.headers.get("Authorization") == "Basic dTpw"
            self._say(200 if good else 401, {}, b'{"token": "let-me-in"}')

        def _say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        told["host"] = f"127.0.0.1:{served.server_port}"
        yield told
        served.shutdown()


def test_a_registry_is_asked(answers: dict[str, Any]) -> None:
    image = f"{answers['host']}/team/app"
    assert registry.digest(image, "v1", None) == "sha256:abc"
    with pytest.raises(StepFailed, match="app:v2: there is no such tag"):
        registry.digest(image, "v2", None)
    answers["login"] = True
    assert registry.digest(image, "v1", {"username": "u", "password": "p"}) == "sha256:abc"
    with pytest.raises(StepFailed, match="the login was refused") as refused:
        registry.digest(image, "v1", {"username": "u", "password": "wr0ng"})
    assert "wr0ng" not in str(refused.value)
    answers.update(login=False, digest="")
    with pytest.raises(StepFailed, match="tells no digest"):
        registry.digest(image, "v1", None)
    with pytest.raises(StepFailed, match="does not answer"):
        registry.digest("127.0.0.1:1/app", "v1", None)


@each(
    ("image", "place"),
    [
        ("redis", ("registry-1.docker.io", "library/redis")),
        ("team/app", ("registry-1.docker.io", "team/app")),
        ("localhost/app", ("localhost", "app")),
        ("r.example.com:5000/a/b", ("r.example.com:5000", "a/b")),
    ],
)
def test_where_an_image_is(image: str, place: tuple[str, str]) -> None:
    assert registry.place(image) == place


def test_insecure_registries_are_those_this_machine_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "r.conf"
    conf.write_text(
        '[[registry]]\nlocation = "a:1"\ninsecure = true\n[[registry]]\nlocation = "b:1/x"\ninsecure = false\n'
    )
    monkeypatch.setattr(registry, "CONFIGURATION", (str(conf),))
    assert [registry.insecure(name) for name in ("a:1", "b:1", "c:1")] == [True, False, False]


# --- the engine's words -------------------------------------------------------------------------------


def test_a_service_in_the_words_of_the_engine() -> None:
    service = parse(
        "app",
        {
            "image": "app", "ports": ["80", "127.0.0.1:8080:81/udp"], "gpus": ["0", "1"], "devices": ["/dev/kfd"],
            "mounts": [{"source": "/d", "target": "/data", "read_only": True}], "cpus": 1.5, "user": "10:20",
            "ulimits": {"memlock": -1}, "healthcheck": {"command": ["true"]}, "stop": {"grace_s": 7},
        },
    )  # fmt: skip
    spec = {"id": "r1", "name": "app", "image_id": "sha256:1", "service": service.data(), "env": {"B": "2", "A": "1"}}
    told = container_body.body(spec, "no")
    host = told["HostConfig"]
    assert (told["Image"], told["Env"], told["StopTimeout"], told["User"]) == ("sha256:1", ["A=1", "B=2"], 7, "10:20")
    assert told["Labels"] == {"muster.fleet.service": "app", "muster.fleet.release": "r1"}
    assert host["PortBindings"]["80/tcp"] == [{"HostIp": "", "HostPort": "80"}]
    assert host["PortBindings"]["81/udp"] == [{"HostIp": "127.0.0.1", "HostPort": "8080"}]
    assert host["DeviceRequests"] == [{"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}]
    assert (host["Binds"], host["NanoCpus"], host["RestartPolicy"]) == (["/d:/data:ro"], 1500000000, {"Name": "no"})
    assert host["Ulimits"] == [{"Name": "memlock", "Soft": -1, "Hard": -1}]
    assert told["Healthcheck"]["Test"] == ["CMD", "true"]


def test_a_log_is_taken_out_of_its_frames() -> None:
    framed = b"\1\0\0\0\0\0\0\3a\nb\2\0\0\0\0\0\0\2c\n"
    assert _unframed(framed) == ["a", "bc"]
    assert _unframed(b"from a terminal\n") == ["from a terminal"]
