# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate believes restarts, health, answers and numbers that grow; never the word "running" alone."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import StepFailed, gate
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.base import Probe

BASE = {"timeout_s": 1.0, "running_s": 0.3, "restarts": 0, "health": True}
each = pytest.mark.parametrize


class Kind:
    """Gives one probe after the other, then the last one again."""

    def __init__(self, *probes: Probe, command: Callable[[], int] = lambda: 0) -> None:
        self.probes, self.asked, self.command = list(probes), 0, command

    def probe(self) -> Probe:
        self.asked += 1
        return self.probes.pop(0) if len(self.probes) > 1 else self.probes[0]

    def execute(self, argv: list[str], timeout: float) -> int:
        return self.command()


def probe(
    status: str = "running", restarts: int = 0, started: str = "then", health: str = "none", code: int | None = None
) -> Probe:
    return Probe(status, restarts, started, health, code, "engine: queue")


def watched(kind: Any, stood: float | None = None, **wanted: Any) -> gate.Watched:
    return gate.Watched(kind, {**BASE, **wanted}, lambda: None, "queue", stood)


@pytest.fixture
def server() -> Iterator[Any]:
    class Handler(http.server.BaseHTTPRequestHandler):
        answers: list[int] = [200]

        def do_GET(self) -> None:
            self.send_response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            self.end_headers()
            self.wfile.write(b"all is ok")

        def log_message(self, *unused: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        Handler.url = f"http://127.0.0.1:{served.server_port}/"  # type: ignore[attr-defined]
        yield Handler
        served.shutdown()


def test_a_release_that_stays_up_passes() -> None:
    kind = Kind(probe())
    passed = watched(kind)
    passed.open()
    assert kind.asked > 1, "it was looked at for as long as it had to run"
    assert {row["status"] for row in passed.rows.values()} == {"pass"}
    assert set(passed.rows) == {"running", "restarts"}


@each(
    ("probes", "message"),
    [
        ([probe(), probe(restarts=1)], "restarts: 1 restarts, expected at most 0"),
        ([probe(), probe(started="now")], "restarts: 1 restarts, expected at most 0"),
        ([probe("exited", code=3)], r"running: exited \(exit code 3\), expected running"),
        ([probe("absent")], "running: absent"),
        ([probe("failed")], "running: failed"),
        ([probe(health="starting"), probe(health="unhealthy")], "health: unhealthy, expected healthy"),
        ([probe("restarting")], "running: restarting"),
        ([probe(health="starting")], "health: starting"),
        ([probe("unknown")], "running: unknown"),
    ],
)
def test_what_does_not_pass(probes: list[Probe], message: str) -> None:
    with pytest.raises(gate.Bad, match=message):
        watched(Kind(*probes)).open()


def test_a_crash_loop_is_not_running_however_often_it_says_so() -> None:
    """Eight looks, all of them "running": only the times of the starts tell."""
    with pytest.raises(gate.Bad, match="restarts"):
        watched(Kind(*[probe(started=str(number)) for number in range(8)])).open()


@each(("place", "good"), [("/elsewhere", True), ("http://127.0.0.2:9/", False), ("https://health.example.com/", False)])
def test_a_redirection_to_another_place_is_no_answer_of_the_service(place: str, good: bool) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/health" else 200)
            self.send_header("Location", place)
            self.end_headers()

        def log_message(self, *unused: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        page = {"url": f"http://127.0.0.1:{served.server_address[1]}/health", "status": 200}
        if good:
            watched(Kind(probe()), http=page).open()
        else:
            with pytest.raises(gate.Bad, match="HTTP 302"):
                watched(Kind(probe()), timeout_s=0, http=page).open()
        served.shutdown()


def test_restarts_may_be_allowed_and_health_may_not_matter() -> None:
    watched(Kind(probe(), probe(restarts=1), probe(restarts=1)), restarts=1).open()
    watched(Kind(probe(health="unhealthy")), health=False).open()


def test_what_becomes_good_in_time_passes(server: Any, tmp_path: Path) -> None:
    server.answers = [503, 500, 200]
    watched(Kind(probe()), timeout_s=20, http={"url": server.url, "status": 200, "contains": "ok"}).open()


@each(
    ("wanted", "message"),
    [
        ({"status": 200, "contains": "fine"}, "HTTP 200 without that text, expected HTTP 200 with 'fine'"),
        ({"status": 204, "contains": None}, "http: HTTP 200, expected HTTP 204"),
    ],
)
def test_http_that_is_not_what_it_should_be(server: Any, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(gate.Bad, match=message):
        watched(Kind(probe()), timeout_s=0, http={"url": server.url, **wanted}).open()


def test_nobody_answers() -> None:
    with pytest.raises(gate.Bad, match="http: no answer"):
        watched(Kind(probe()), timeout_s=0, http={"url": "http://127.0.0.1:1/", "status": 200}).open()
    with pytest.raises(gate.Bad, match=r"tcp: no connection.* \(127.0.0.1:1\)"):
        watched(Kind(probe()), timeout_s=0, tcp={"host": "127.0.0.1", "port": 1}).open()


def test_tcp_and_command(server: Any) -> None:
    port = int(server.url.rpartition(":")[2].strip("/"))
    watched(Kind(probe()), tcp={"host": "127.0.0.1", "port": port}, command=["true"]).open()
    with pytest.raises(gate.Bad, match="command: exit code 4, expected exit code 0"):
        watched(Kind(probe(), command=lambda: 4), timeout_s=0, command=["false"]).open()
    late = mock.Mock(side_effect=StepFailed("the command did not end within 10 s"))
    with pytest.raises(gate.Bad, match="did not end"):
        watched(Kind(probe(), command=late), timeout_s=0, command=["sleep"]).open()


def test_a_number_must_grow_after_the_start(tmp_path: Path) -> None:
    file = tmp_path / "offset.yaml"
    file.write_text("offset: 500\n")
    wanted = {"file": str(file), "key": "offset", "within_s": 0.5}
    with pytest.raises(gate.Bad, match="advancing: 500, then 500, expected a number that grows within 0.5 s"):
        watched(Kind(probe()), timeout_s=0.2, advancing=wanted).open()
    numbers = iter(range(501, 600))
    kind = Kind(probe())
    kind.probe = lambda: (file.write_text(f"offset: {next(numbers)}\n"), probe())[1]  # type: ignore[method-assign,func-returns-value]
    watched(kind, advancing=wanted).open()


def test_a_number_that_appears_must_still_grow(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    wanted = {"file": str(file), "within_s": 0.5}
    with pytest.raises(gate.Bad, match="no number: .*No such file"):
        watched(Kind(probe()), timeout_s=0, advancing=wanted).open()


def test_a_number_must_not_fall_back(tmp_path: Path) -> None:
    """It would grow past where it stood within the window, and pass."""
    file = tmp_path / "offset"
    wanted = {"file": str(file), "within_s": 5, "resumes": True}
    numbers = iter(range(0, 10_000, 500))
    kind = Kind(probe())
    kind.probe = lambda: (file.write_text(f"{next(numbers)}\n"), probe())[1]  # type: ignore[method-assign,func-returns-value]
    seen = watched(kind, stood=700, advancing=wanted)
    with pytest.raises(gate.Bad, match="resumed: 0, expected at least 700, as before the stop"):
        seen.open()
    assert seen.rows["resumed"]["status"] == "fail"
    numbers = iter(range(700, 900))
    seen = watched(kind, stood=700, advancing=wanted)
    seen.open()
    assert (seen.rows["resumed"]["status"], seen.rows["advancing"]["status"]) == ("pass", "pass")


@each(
    ("text", "resumes", "stood"),
    [("42", True, 42.0), ("42", False, None), ("", True, None), ("nonsense", True, None), (None, True, None)],
)
def test_where_a_number_stood(tmp_path: Path, text: str | None, resumes: bool, stood: float | None) -> None:
    file = tmp_path / "offset"
    if text is not None:
        file.write_text(text)
    assert gate.standing({"advancing": {"file": str(file), "resumes": resumes}}) == stood
    assert gate.standing({}) is None


@each(
    ("text", "wanted", "number"),
    [
        ("offset: 12\n", {"key": "offset"}, 12),
        ("a: 1\n  offset: '12.5'\n", {"key": "offset"}, 12.5),
        ('{"offset": 7}', {"pattern": r'"offset": (\d+)'}, 7),
        ("offset=3\n", {"key": "offset"}, 3),
        ("-4\n", {}, -4),
    ],
)
def test_numbers_in_files(tmp_path: Path, text: str, wanted: dict[str, str], number: float) -> None:
    file = tmp_path / "number"
    file.write_text(text)
    assert gate.number({"file": str(file), **wanted}) == number


@each(("text", "wanted"), [("", {}), ("1 2", {}), ("my_offset: 1\n", {"key": "offset"}), ("x", {"pattern": "(y)"})])
def test_no_number_is_an_error_and_never_zero(tmp_path: Path, text: str, wanted: dict[str, str]) -> None:
    file = tmp_path / "number"
    file.write_text(text)
    with pytest.raises(ValueError, match="holds no such number"):
        gate.number({"file": str(file), **wanted})


def test_watch_window(server: Any) -> None:
    page = {"url": server.url, "status": 200}
    server.answers = [200, 500, 200]
    watched(Kind(probe()), http=page).watch(0.7)
    with pytest.raises(gate.Bad, match="restarts"):
        watched(Kind(probe(), probe(restarts=1))).watch(5)
    server.answers = [500]
    with pytest.raises(gate.Bad, match="HTTP 500"):
        watched(Kind(probe()), http=page).watch(5)
    with pytest.raises(gate.Bad, match="HTTP 500"):
        watched(Kind(probe()), http=page).watch(0)
