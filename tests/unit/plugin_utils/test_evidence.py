# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading evidence: what is there, how old, whether it matches; never its contents, never for long, never too much."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import sys
import threading
import time

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import evidence
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

NOW = 1_790_000_000.0  # 2026-09-21
DAY = 86400
DEFINED = [{"id": "site.a", "covers": ["piqc:3.1", "themisdb:x.1"]}, {"id": "site.b", "covers": ["piqc:3.2"]}]
SECRET = "hunter2-the-content"


def one(declaration, base):
    return evidence.read({"site.a": declaration}, base, NOW)["items"]["site.a"]


def put(path, text=SECRET, days=0.0):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))
    return path.name


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self):
        status = {"/missing": 404, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        if self.path == "/dated":
            self.send_header("Last-Modified", self.date_time_string(NOW - 3 * DAY))
        if self.path == "/garbled":
            self.send_header("Last-Modified", "yesterday")
        if self.path == "/away":
            self.send_header("Content-Length", "1000")
        self.end_headers()
        try:
            self.wfile.write(b"up 8\n")
            while self.path == "/endless":
                self.wfile.write(b"x" * (1 << 20))
            while self.path == "/slow":
                self.wfile.write(b".")
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *unused):
        """Say nothing."""


@pytest.fixture(scope="module")
def server():
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def test_file(tmp_path):
    assert one({"file": put(tmp_path / "a.md", days=2.5), "match": "^hunter"}, tmp_path) == {
        "kind": "file", "name": "a.md", "present": True, "age_days": 2.5,
        "sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "matches": True, "error": None,
    }  # fmt: skip


def test_contents_do_not_become_facts(tmp_path):
    facts = evidence.read({"site.a": {"file": put(tmp_path / "a.md"), "match": "nothing"},
                           "site.b": {"command": ["cat", str(tmp_path / "a.md")]}}, tmp_path, NOW)  # fmt: skip
    assert facts["items"]["site.b"]["present"]
    assert SECRET not in json.dumps(facts)


def test_names_hold_no_credentials():
    assert evidence.name("url", "https://me:pw@host:8443/a/b?token=t#x") == "https://host:8443/a/b"
    assert evidence.name("command", ["curl", "-H", "token: t"]) == "curl"


@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_empty_is_not_there(tmp_path, text):
    item = one({"file": put(tmp_path / "a.md", text), "match": "x"}, tmp_path)
    assert (item["present"], item["sha256"], item["matches"], item["error"]) == (False, None, None, None)


def test_what_cannot_be_read_says_why(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    put(tmp_path / "big", b"x" * (evidence.LIMIT + 1))
    said = {name: one({"file": name}, tmp_path)["error"] for name in ("none", "folder", "big")}
    assert said == {"none": "No such file or directory", "folder": "Is a directory", "big": "more than 4 MiB"}
    assert not one({"file": "pipe"}, tmp_path)["present"]


def test_bytes_that_are_no_text_can_still_be_matched(tmp_path):
    assert one({"file": put(tmp_path / "a.bin", b"\xff\xfeok {{ x }}"), "match": "ok"}, tmp_path)["matches"] is True


@pytest.mark.parametrize(
    ("dated", "age", "error"),
    [
        (r"reviewed: (\S+)", 4.0, None),
        (r"2026-09-1\d", 4.0, None),
        (r"approved: (\S+)", None, "its date was not found in it"),
        (r"by (\w+)", None, "what was found as its date is no date"),
        (r"next: (\S+)", None, "it is dated in the future"),
    ],
)
def test_a_document_tells_its_own_date(tmp_path, dated, age, error):
    name = put(tmp_path / "a.md", "by someone\nreviewed: 2026-09-17\nnext: 2027-01-01\n")
    item = one({"file": name, "dated": dated}, tmp_path)
    assert (item["age_days"] and int(item["age_days"]), item["error"]) == (age, error)


def test_command():
    item = one({"command": [sys.executable, "-c", "print('all 3 members healthy')"], "match": r"all \d"}, None)
    assert (item["name"], item["present"], item["matches"], item["error"]) == (sys.executable, True, True, None)


@pytest.mark.parametrize(
    ("code", "said"),
    [("raise SystemExit(3)", "it ended with 3"), ("print('x' * (5 << 20))", "more than"),
     ("import time; time.sleep(9)", "no end")],
)  # fmt: skip
def test_command_that_does_not_answer(monkeypatch, code, said):
    monkeypatch.setattr(evidence, "TIMEOUT_S", 1)
    item = one({"command": [sys.executable, "-c", code]}, None)
    assert said in item["error"]
    assert not item["present"]


def test_command_that_is_not_there():
    assert "No such file" in one({"command": ["/nowhere/probe"]}, None)["error"]


def test_command_gets_no_shell(tmp_path):
    one({"command": ["echo", f"; touch {tmp_path}/x", "$(touch x)"]}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_url(server, tmp_path):
    item = one({"url": f"http://{server}/dated?q=secret", "match": "up 8"}, tmp_path)
    assert (item["name"], item["age_days"], item["matches"]) == (f"http://{server}/dated", None, True)
    assert one({"url": f"http://{server}/dated"}, tmp_path)["age_days"] == 3.0
    assert one({"url": f"http://{server}/now"}, tmp_path)["age_days"] is None
    assert one({"url": f"http://{server}/now", "live": True}, tmp_path)["age_days"] == 0.0


@pytest.mark.parametrize(
    ("path", "said"),
    [("missing", "HTTP status 404"), ("broken", "HTTP status 500"), ("endless", "more than 4 MiB"),
     ("slow", "no end after"),
     ("garbled", "ValueError"), ("away", "it broke off 995 bytes")],
)  # fmt: skip
def test_url_that_does_not_answer(monkeypatch, server, tmp_path, path, said):
    monkeypatch.setattr(evidence, "TIMEOUT_S", 1)
    item = one({"url": f"http://{server}/{path}", "live": True}, tmp_path)
    assert said in item["error"]
    assert (item["present"], item["age_days"]) == (False, None)


def test_url_that_nobody_serves(tmp_path):
    assert "refused" in one({"url": "http://127.0.0.1:9/"}, tmp_path)["error"]


def declare(tmp_path, text):
    (tmp_path / "evidence.yml").write_text(text)
    return evidence.declared(tmp_path / "evidence.yml", DEFINED)


def test_declarations_name_items_or_definitions(tmp_path):
    assert declare(tmp_path, "piqc:3.1: {file: a}\nsite.b: {command: [b]}\n") == {
        "site.a": {"file": "a"}, "site.b": {"command": ["b"]},
    }  # fmt: skip
    assert declare(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "as a mapping"),
        ("piqc:9.9: {file: a}", "nothing that evidence is asked for"),
        ("piqc:3.1: {file: a}\nthemisdb:x.1: {file: b}", "declared twice"),
        ("piqc:3.1: {file: a}\npiqc:3.1: {file: b}", "stands twice"),
        ("piqc:3.1: a.md", "names one of"),
        ("piqc:3.1: {max_age_days: 3}", "names one of"),
        ("piqc:3.1: {file: a, url: 'http://b'}", "names one of"),
        ("piqc:3.1: {file: a, mach: b}", "names one of"),
        ("piqc:3.1: {file: [a]}", "file cannot be"),
        ("piqc:3.1: {url: 'file:///etc/shadow'}", "url cannot be"),
        ("piqc:3.1: {command: rm -rf /}", "command cannot be"),
        ("piqc:3.1: {command: []}", "command cannot be"),
        ("piqc:3.1: {file: a, max_age_days: 0}", "max_age_days cannot be"),
        ("piqc:3.1: {file: a, max_age_days: soon}", "max_age_days cannot be"),
        ("piqc:3.1: {file: a, match: '('}", "match cannot be"),
        ("piqc:3.1: {file: a, dated: '('}", "dated cannot be"),
        ("piqc:3.1: {file: a, live: often}", "live cannot be"),
        ("piqc:3.1: {file: a, max_age_days: .inf}", "max_age_days cannot be"),
        ("piqc:3.1: {file: a, max_age_days: .nan}", "max_age_days cannot be"),
        ("piqc:3.1: {file: a, match: ''}", "match cannot be"),
        ("piqc:3.1: {file: a, match: 'x*'}", "match cannot be"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused(tmp_path, text, said):
    with pytest.raises(BadInput, match=said):
        declare(tmp_path, text)
