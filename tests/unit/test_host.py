"""The one file that touches a machine: bounds, states, and nothing that hangs."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time

import pytest

from ansible_collections.muster.fleet.plugins.module_utils import host as h


def test_read_tells_absent_denied_failed_and_empty_apart(tmp_path):
    (tmp_path / "empty").write_text("")
    host = h.Host()
    assert host.read(str(tmp_path / "empty")) == h.Read(h.OK, b"")
    assert host.read(str(tmp_path / "nothing")).state == h.ABSENT
    assert host.read(str(tmp_path / "empty" / "below")).state == h.ABSENT
    assert host.read(str(tmp_path)).state == h.FAILED


def test_read_is_bounded(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 5000)
    answer = h.Host().read(str(tmp_path / "big"), limit=1000)
    assert (len(answer.data), answer.truncated) == (1000, True)


def test_a_fifo_does_not_hang_the_reader(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    h.Host().read(str(tmp_path / "pipe"))
    assert time.monotonic() - started < 2


def test_run_tells_missing_late_and_failing_apart():
    host = h.Host()
    assert host.run(["no-such-program-here"]).state == h.ABSENT
    assert host.run([sys.executable, "-c", "raise SystemExit(3)"]).rc == 3
    late = host.run(["sh", "-c", "echo first; sleep 60"], timeout=0.5)
    assert (late.state, late.stdout) == (h.TIMEOUT, b"first\n")
    assert late.duration_s < 5


def test_run_kills_the_children_of_what_it_runs(tmp_path):
    mark = tmp_path / "alive"
    h.Host().run(["sh", "-c", f"(sleep 2; touch {mark}) & sleep 60"], timeout=0.3)
    time.sleep(2.5)
    assert not mark.exists()


def test_a_child_that_keeps_the_pipe_open_does_not_hold_us():
    started = time.monotonic()
    answer = h.Host().run(["sh", "-c", "sleep 30 & echo done"], timeout=1)
    assert time.monotonic() - started < 5
    assert answer.stdout == b"done\n"


def test_endless_output_is_cut():
    answer = h.Host().run(["yes"], limit=100_000)
    assert answer.state == h.FAILED
    assert answer.truncated
    assert len(answer.stdout) < 1_000_000


def test_hundred_megabytes_of_output_are_bounded():
    answer = h.Host().run(["head", "-c", "100000000", "/dev/zero"])
    assert (answer.state, answer.truncated) == (h.FAILED, True)
    assert len(answer.stdout) <= h.OUTPUT_LIMIT + (1 << 16)


def test_run_speaks_the_c_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert h.Host().run(["sh", "-c", "echo $LC_ALL"]).stdout == b"C\n"


def test_run_feeds_standard_input():
    assert h.Host().run(["cat"], stdin=b"x" * 300_000).stdout == b"x" * 300_000


def test_asked_keeps_what_could_not_be_answered(tmp_path):
    (tmp_path / "word").write_bytes(b"caf\xe9\n")
    asked = h.Asked(h.Host())
    assert asked.text(str(tmp_path / "word")) == "caf\ufffd"
    assert asked.text(str(tmp_path / "none")) is None
    assert asked.errors == []
    assert asked.text(str(tmp_path / "none"), required=True) is None
    assert asked.number(str(tmp_path / "word")) is None
    assert asked.json(["echo", "{"]) is None
    assert [entry["source"] for entry in asked.errors] == [str(tmp_path / "none"), str(tmp_path / "word"), "echo {"]


def test_numbers_are_read_as_the_kernel_writes_them(tmp_path):
    asked = h.Asked(h.Host())
    for text, number in (("0x10de\n", 0x10DE), ("0008", 8), (" 42 ", 42), ("-1", -1)):
        (tmp_path / "n").write_text(text)
        assert asked.number(str(tmp_path / "n")) == number


def test_http_over_a_local_socket(tmp_path):
    path = str(tmp_path / "engine.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve():
        client, unused = server.accept()
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        client.close()

    threading.Thread(target=serve, daemon=True).start()
    assert h.Host().http("/containers/json", path) == h.Reply(h.OK, 200, b"[]")
    assert h.Host().http("/", str(tmp_path / "none.sock")).state == h.ABSENT


def test_tcp_refused_is_an_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert h.Host().tcp("127.0.0.1", port).state == h.FAILED


@pytest.mark.parametrize(
    ("address", "port"),
    [("no-such-host.invalid", 443), ("127.0.0.1", 99999), ("127.0.0.1", 0), ("127.0.0.1", -1), ("a" * 64, 443),
     ("10.0.0.300", 22)],
)  # fmt: skip
def test_tcp_that_reached_nobody_is_no_answer_about_the_path(address, port):
    answer = h.Host().tcp(address, port)
    assert answer.state == h.UNASKED
    assert answer.detail


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (OSError(errno.ECONNREFUSED, "refused"), h.FAILED),
        (OSError(errno.ENETUNREACH, "unreachable"), h.FAILED),
        (OSError(errno.EHOSTUNREACH, "unreachable"), h.FAILED),
        (TimeoutError("timed out"), h.TIMEOUT),
        (OSError(errno.ETIMEDOUT, "timed out"), h.TIMEOUT),
        (OSError(errno.EPERM, "not permitted"), h.DENIED),
        (socket.gaierror(socket.EAI_NONAME, "unknown name"), h.UNASKED),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), h.UNASKED),
        (OSError(errno.EMFILE, "too many files"), h.UNASKED),
        (OSError(errno.EADDRNOTAVAIL, "no address"), h.UNASKED),
        (OSError(errno.EAFNOSUPPORT, "no such family"), h.UNASKED),
        (OSError(errno.ENOENT, "no such"), h.UNASKED),
        (UnicodeError("label too long"), h.UNASKED),
    ],
)
def test_tcp_errors_of_the_path_and_of_the_asking(monkeypatch, error, state):
    def connect(*arguments):
        raise error

    monkeypatch.setattr(socket, "create_connection", connect)
    assert h.Host().tcp("127.0.0.1", 443).state == state


def test_space_of_a_mount():
    assert h.Host().space("/")["total_bytes"] > 0
    assert h.Host().space("/no/such/place") is None
