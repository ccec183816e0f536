# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a stop-and-replace would lose or run into is found before the stop: data, addresses, another engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rack.images import Image, image, layer
from rack.registry import QUEUE

from node import Bench, Ran

BUSYBOX = Path("/usr/bin/busybox")
SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
each = pytest.mark.parametrize


def keeping(version: str) -> Image:
    """Return an image of the stand-in queue that declares /data as a volume."""
    files = {"queue.sh": QUEUE.read_text(), "VERSION": version, "MODE": "good"}
    programs = layer({"bin/busybox": BUSYBOX.read_bytes()}, executable=("bin/busybox",))
    config = {"Entrypoint": ["/bin/busybox", "sh", "/queue.sh"], "Volumes": {"/data": {}}}
    return image([programs, layer(files)], config)


def refused(ran: Ran, *words: str) -> None:
    assert (ran["outcome"], ran["changed"]) == ("refused", False), ran["msg"]
    assert all(word in ran["msg"] for word in words), ran["msg"]


def row(ran: Ran, name: str) -> tuple[str, object]:
    found = next(row for row in ran["checks"] if row["id"] == f"release.{name}")
    return found["status"], found["observed"]


# --- data -----------------------------------------------------------------------------------------------


@pytest.fixture
def keeper(bench: Bench) -> Bench:
    """A service whose image declares a volume that nothing is mounted over, with w1 running."""
    for version in ("w1", "w2", "w3"):
        bench.registry.push("keeper", version, keeping(version))
    bench.service["image"] = f"{bench.registry.host}/keeper"
    del bench.service["mounts"]
    first = bench.deploy("w1")
    assert first["outcome"] == "deployed", first["msg"]
    assert any("/data in a volume without a name" in text for text in first["warnings"]), first["warnings"]
    return bench


def offset(bench: Bench) -> int:
    told = bench.daemon.docker("exec", bench.name, "/bin/busybox", "cat", "/data/offset.yaml")
    return int(told.removeprefix("offset: "))


def test_data_in_a_volume_without_a_name_is_not_left_behind(keeper: Bench) -> None:
    for check in (True, False):
        ran = keeper.deploy("w2", check=check)
        refused(ran, "/data would stay behind in the volume without a name", "data_left_behind: allow", "mounts")
        assert row(ran, "pre.data") == ("fail", ["/data"])
        assert ran["diff"]["after"]["data"]["/data"] == "left behind"
    assert keeper.agree() == "w1"
    refused(keeper.run(state="restarted", service=None), "/data would stay behind")
    keeper.service["mounts"] = [{"source": str(keeper.data), "target": "/elsewhere"}]
    refused(keeper.deploy("w2"), "/data would stay behind")


def test_data_that_may_be_left_behind_is_named_and_found_by_a_rollback(keeper: Bench) -> None:
    stood = offset(keeper)
    keeper.service["data_left_behind"] = "allow"
    ran = keeper.deploy("w2")
    assert ran["outcome"] == "deployed", ran["msg"]
    assert any("/data would stay behind" in text for text in ran["warnings"])
    assert row(ran, "pre.data") == ("pass", ["/data"])
    back = keeper.back()
    assert back["outcome"] == "rolled_back", back["msg"]
    assert offset(keeper) >= stood
    assert any("/data would stay behind" in text for text in back["warnings"]), "a rollback leaves the later data"


@each(("policy", "said"), [("refuse", "is kept, as it alone has /data"), ("allow", "is removed, and left /data")])
def test_the_only_copy_of_data_is_not_pruned_unsaid(keeper: Bench, policy: str, said: str) -> None:
    first = keeper.history()["current"]
    keeper.service.update(keep=1, data_left_behind="allow")
    assert keeper.deploy("w2")["outcome"] == "deployed"
    aside = {"/data": str(keeper.data)}
    keeper.service["mounts"] = [{"source": source, "target": target} for target, source in aside.items()]
    second = keeper.history()["current"]
    ran = keeper.deploy("w3")
    assert f"{keeper.name}.{first} is removed, and left /data" in " ".join(ran["warnings"])
    keeper.service["data_left_behind"] = policy
    ran = keeper.deploy("w2")
    assert ran["outcome"] == "deployed", ran["msg"]
    assert f"{keeper.name}.{second} {said}" in " ".join(ran["warnings"])
    there = [each["release"] for each in keeper.containers()]
    assert (second in there) == (policy == "refuse")


@each("mounts", [[], [{"source": "BESIDE", "target": "/data"}], [{"source": "DATA", "target": "/moved"}], "volume"])
def test_data_of_a_mount_that_is_no_longer_there_or_another(bench: Bench, mounts: object) -> None:
    beside = bench.folder / "beside"
    beside.mkdir()
    own = bench.service["mounts"]
    if mounts == "volume":
        bench.service["mounts"] = [{"source": "kept-data", "target": "/data"}, own[1]]
        mounts = [{"source": "other-data", "target": "/data"}]
    assert bench.deploy("v1")["outcome"] == "deployed"
    assert bench.deploy("v2")["outcome"] == "deployed", "the same mounts"
    text = json.dumps(mounts).replace("BESIDE", str(beside)).replace("DATA", str(bench.data))
    before = bench.service["mounts"]
    bench.service["mounts"] = [*json.loads(text), own[1]]
    refused(bench.deploy("v1"), "/data would stay behind in the ", "data_left_behind: allow")
    bench.service["mounts"] = before
    assert bench.deploy("v1")["outcome"] == "deployed"
    bench.clear()
    bench.daemon.docker("volume", "rm", "-f", "kept-data", "other-data")


def test_what_was_written_outside_the_mounts_is_named(bench: Bench) -> None:
    bench.deploy("v1")
    bench.daemon.docker(
        "exec", bench.name, "/bin/busybox", "sh", "-c", "mkdir /tmp; echo x >/state.db; echo y >/tmp/scratch"
    )
    ran = bench.deploy("v2", check=True)
    said = next(text for text in ran["warnings"] if "written outside its mounts" in text)
    assert "/state.db" in said
    assert "scratch" not in said
    assert "offset" not in said, "that is in a mount"


# --- addresses ------------------------------------------------------------------------------------------


@pytest.fixture
def stranger(bench: Bench) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers at the service's port as the service would."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(bench.port)])
    subprocess.run([sys.executable, "-c", f"""
import socket, time
for _ in range(100):
    try: socket.create_connection(("127.0.0.1", {bench.port})).close(); break
    except OSError: time.sleep(0.05)
"""], check=True)  # fmt: skip
    yield process
    process.kill()
    process.wait()


def deaf(bench: Bench) -> None:
    """Let the service listen elsewhere than where its gate asks."""
    bench.service["env"]["PORT"] = str(bench.port + 700)


@each("asks", ["http", "tcp"])
def test_a_stranger_at_the_port_is_named_before_anything_starts(
    bench: Bench, stranger: subprocess.Popen[bytes], asks: str
) -> None:
    if asks == "tcp":
        bench.service["gate"]["tcp"] = {"port": bench.port}
        del bench.service["gate"]["http"]
    for check in (True, False):
        ran = bench.deploy("v1", check=check)
        refused(ran, f"process {stranger.pid}", f"127.0.0.1:{bench.port}", "own: false")
        assert row(ran, "pre.listener")[0] == "fail"
    assert bench.running() == []
    stranger.kill()
    stranger.wait()
    ran = bench.deploy("v1")
    assert (ran["outcome"], row(ran, "post.listener")) == ("deployed", ("pass", "the service")), ran["msg"]


def test_a_stranger_that_is_asked_on_purpose(bench: Bench, stranger: subprocess.Popen[bytes]) -> None:
    deaf(bench)
    bench.service["gate"]["http"]["own"] = False
    ran = bench.deploy("v1")
    assert (ran["outcome"], row(ran, "post.listener")[0]) == ("deployed", "not_applicable"), ran["msg"]


def test_a_service_that_another_answers_for_is_not_good(bench: Bench) -> None:
    """Its gate asks where somebody else listens."""
    bench.service["gate"]["timeout_s"] = 2
    assert bench.deploy("v1")["outcome"] == "deployed"
    deaf(bench)
    late = subprocess.Popen([sys.executable, "-c", SERVER, str(bench.port + 700)])
    try:
        bench.service["gate"]["http"]["url"] = f"http://127.0.0.1:{bench.port + 700}/cgi-bin/health"
        refused(bench.deploy("v2"), f"process {late.pid}")
    finally:
        late.kill()
        late.wait()
    assert bench.agree() == "v1"


def test_the_port_of_a_renamed_service_is_named_with_its_owner(bench: Bench) -> None:
    bench.deploy("v1")
    ran = bench.run(tag="v2", name="renamed", files=[])
    refused(ran, "container queue of the service queue, which was deployed from here")


# --- the engine -----------------------------------------------------------------------------------------


@each("state", ["present", "rolled_back", "recovered", "restarted"])
def test_the_engine_that_a_service_was_deployed_with_stays_its_own(bench: Bench, state: str, tmp_path: Path) -> None:
    bench.deploy("v1")
    bench.deploy("v2")
    current = next(entry for entry in bench.history()["releases"] if entry["id"] == bench.history()["current"])
    assert (current["engine"]["name"], current["engine"]["socket"]) == ("Docker", str(bench.daemon.socket))
    file = {"dest": str(bench.config), "content": "release: v1\n"}
    more = {"files": [file], "tag": "v1"} if state == "present" else {}
    told = bench.run(state=state, socket=str(tmp_path / "gone.sock"), **more)
    refused(told, "it was deployed with Docker", str(bench.daemon.socket), "gone.sock does not answer")
    other = tmp_path / "link.sock"
    other.symlink_to(bench.daemon.socket)
    assert bench.run(state="recovered", socket=str(other))["outcome"] == "unchanged", "the same by another name"
    assert bench.agree() == "v2"
