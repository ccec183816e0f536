# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service stays with the engine that it was deployed with; where that is not known, nothing is guessed."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import Refused, disk, engines
from ansible_collections.muster.fleet.plugins.module_utils.release.engine import EngineError
from ansible_collections.muster.fleet.plugins.module_utils.release.store import Store

each = pytest.mark.parametrize
NAME = "queue"


class Site:
    """Two places for sockets, and the memory of a service."""

    def __init__(self, folder: Path) -> None:
        self.docker, self.podman = str(folder / "docker.sock"), str(folder / "podman.sock")
        self.store = Store(str(folder / "state"), NAME)
        self._servers: list[Any] = []

    def serve(self, path: str, name: str, containers: tuple[str, ...] = (), ident: str = "") -> None:
        """Let an engine answer at a socket."""
        podman = name == "Podman"
        answers: dict[str, Any] = {
            "/version": {"Components": [{"Name": "Podman Engine" if podman else "Engine"}]},
            "/info": {"ID": ident},
            "/containers/json": [],
            **{f"/containers/{each}/json": {"Id": each} for each in containers},
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answers.get(self.path.partition("?")[0])
                body = json.dumps({"message": "none"} if found is None else found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "here"

            def log_message(self, *unused: Any) -> None:
                """Say nothing."""

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        server = Server(path, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers.append(server)

    def silent(self, path: str) -> None:
        """Leave a socket that nobody serves, as a stopped engine does."""
        import socket

        left = socket.socket(socket.AF_UNIX)
        left.bind(path)
        left.close()

    def close(self) -> None:
        """End all of them."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def deployed(self, name: str, path: str, ident: str = "", only_spec: bool = False) -> None:
        """Remember a release that was deployed with an engine."""
        told = {"name": name, "socket": path, "id": ident}
        self.store.create()
        if not only_spec:
            entry = {"id": "r1", "seq": 1, "verified": True, "outcome": "deployed", "engine": told}
            self.store.remember(
                "committed", [entry | dict.fromkeys(("tag", "image", "digest", "image_id", "config_hash"), "")], "r1"
            )
        disk.write(f"{self.store.folder}/releases/r1.json", disk.text({"id": "r1", "engine": told}))

    def of(self, socket: str | None = None) -> str:
        """Return the socket of the engine that is chosen."""
        return engines.of({"name": NAME, "socket": socket}, self.store).socket


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path)
    monkeypatch.setattr(engines, "SOCKETS", (site.docker, site.podman))
    yield site
    site.close()


# --- the first deploy ---------------------------------------------------------------------------------


def test_the_only_engine_is_taken(site: Site) -> None:
    with pytest.raises(EngineError, match=r"docker\.sock does not answer.*podman\.sock does not answer"):
        site.of()
    site.serve(site.podman, "Podman")
    assert site.of() == site.podman


def test_a_silent_engine_beside_one_that_answers_is_refused(site: Site) -> None:
    site.silent(site.docker)
    site.serve(site.podman, "Podman")
    with pytest.raises(Refused, match=r"docker\.sock does not answer.*say deploy_socket: .*podman\.sock"):
        site.of()
    assert site.of(site.podman) == site.podman, "the way out that it names"


@each(
    ("docker", "podman", "chosen"),
    [((), (), "docker"), ((), (NAME,), "podman"), ((NAME,), (), "docker"), ((NAME,), (NAME,), None)],
)
def test_of_two_engines_that_with_the_service(
    site: Site, docker: tuple[str, ...], podman: tuple[str, ...], chosen: str | None
) -> None:
    site.serve(site.docker, "Docker", docker)
    site.serve(site.podman, "Podman", podman)
    if chosen is None:
        with pytest.raises(Refused, match="there are containers of it at"):
            site.of()
    else:
        assert site.of() == getattr(site, chosen)


def test_one_engine_under_two_names_is_one(site: Site) -> None:
    site.serve(site.podman, "Podman", (NAME,))
    Path(site.docker).symlink_to(site.podman)
    assert site.of() == site.docker


# --- later --------------------------------------------------------------------------------------------


@each("only_spec", [False, True], ids=["history", "history lost"])
@each("known", ["docker", "podman"])
def test_the_known_engine_is_asked_and_no_other(site: Site, known: str, only_spec: bool) -> None:
    names = {"docker": "Docker", "podman": "Podman"}
    for path, name in ((site.docker, "Docker"), (site.podman, "Podman")):
        site.serve(path, name)
    site.deployed(names[known], getattr(site, known), only_spec=only_spec)
    assert site.of() == getattr(site, known)
    other = site.docker if known == "podman" else site.podman
    with pytest.raises(Refused, match=f"deployed with {names[known]} at .*answers at {other}.*remove its containers"):
        site.of(other)


def test_the_known_engine_is_silent(site: Site) -> None:
    site.silent(site.docker)
    site.serve(site.podman, "Podman")
    site.deployed("Docker", site.docker)
    with pytest.raises(Refused, match=rf"deployed with Docker at {site.docker}.*does not answer.*Start that engine"):
        site.of()


def test_another_engine_behind_the_known_socket(site: Site) -> None:
    site.serve(site.docker, "Podman")
    site.deployed("Docker", site.docker)
    with pytest.raises(Refused, match="deployed with Docker.*and Podman answers"):
        site.of()


@each(("ident", "good"), [("one", True), ("two", False), ("", False)])
def test_the_same_engine_at_another_socket_is_known_by_its_id(site: Site, ident: str, good: bool) -> None:
    moved = site.podman
    site.serve(moved, "Docker", ident=ident)
    site.deployed("Docker", site.docker, ident="one" if ident else "")
    if good:
        assert site.of(moved) == moved
    else:
        with pytest.raises(Refused, match="answers at"):
            site.of(moved)


def test_an_unfinished_run_is_worked_off_with_its_own_engine(site: Site) -> None:
    site.serve(site.docker, "Docker")
    site.serve(site.podman, "Podman")
    site.deployed("Docker", site.docker)
    site.store.write_journal(
        {"phase": "stop", "stopped": True, "release": "r2", "from": "r1"}
        | {"engine": {"name": "Podman", "socket": site.podman, "id": ""}}
    )
    assert site.of() == site.podman


def test_where_nothing_is_to_run_the_engine_is_free(site: Site) -> None:
    site.serve(site.podman, "Podman")
    site.deployed("Docker", site.docker)
    site.store.remember("reverted", [], None)
    assert site.of() == site.podman
