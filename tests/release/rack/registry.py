# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plain registry of the rack: the one of Debian, in a container, filled over its HTTP interface."""

from __future__ import annotations

import base64
import http.client
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from .command import run
from .daemon import Daemon
from .images import MANIFEST, Image, digest_of, image, layer

PORT = 5000
CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: /var/lib/docker-registry}}
  delete: {{enabled: true}}
http: {{addr: ":{port}"}}
"""
LOCKED = "auth: {htpasswd: {realm: rack, path: /htpasswd}}\n"
BAD = {"v3": "crash", "v4": "sick", "v5": "deaf", "v6": "stuck"}
MODES = {f"v{number}": BAD.get(f"v{number}", "good") for number in range(1, 9)}
QUEUE = Path(__file__).with_name("queue.sh")


class Answer(NamedTuple):
    """What a registry answered."""

    status: int
    location: str
    body: bytes


class Registry:
    """A registry at ``host``, which names images and is an address. ``login`` is (user, password) or nothing."""

    def __init__(self, daemon: Daemon, name: str, address: str, login: tuple[str, str] | None = None) -> None:
        self.daemon, self.name, self.address, self.login = daemon, name, address, login
        self.host = f"{address}:{PORT}"

    def create(self, image: str, *options: str) -> None:
        """Start the container of the registry, empty; ``options`` are more of ``docker run``."""
        config = CONFIG.format(port=PORT) + (LOCKED if self.login else "")
        start = 'printf %s "$CONFIG" >/config; printf %s "$LOGINS" >/htpasswd; '
        start += "while :; do [ -e /away ] || docker-registry serve /config; sleep 0.2; done"
        environment = ["-e", f"CONFIG={config}", "-e", f"LOGINS={self._logins()}"]
        own = ["--name", self.name, "--network", "rack", "--ip", self.address]
        self.daemon.docker("run", "-d", *own, *options, *environment, image, "sh", "-c", start)

    def wait(self) -> None:
        """Wait until the registry answers."""
        for _ in range(200):
            try:
                self._ask("GET", "/v2/", good=(200,))
                return
            except OSError:
                time.sleep(0.1)
        raise OSError(f"the registry {self.host} does not answer")

    def stop(self) -> None:
        """Take the registry away: nothing listens on its port any more."""
        self.daemon.docker("exec", self.name, "sh", "-c", "touch /away; kill $(pidof docker-registry)")

    def start(self) -> None:
        """Bring the registry back, with what it held."""
        self.daemon.docker("exec", self.name, "rm", "/away")
        self.wait()

    def push(self, name: str, tag: str, pushed: Image) -> str:
        """Store an image under a tag, also one that was another image's; return its digest."""
        for blob in pushed.blobs:
            self._upload(name, blob)
        self._put(name, tag, pushed.manifest)
        return pushed.digest

    def tag(self, name: str, old: str, new: str) -> None:
        """Let another tag mean what ``old`` means, also one that meant something else."""
        manifest = self._ask("GET", f"/v2/{name}/manifests/{old}", headers={"Accept": MANIFEST}, good=(200,)).body
        self._put(name, new, manifest)

    def push_queue(self, name: str, busybox: bytes, **modes: str) -> dict[str, str]:
        """Store the stand-in queue as ``name``, a tag for each of ``modes`` (MODES if none); return their digests."""
        programs = layer({"bin/busybox": busybox}, executable=("bin/busybox",))
        return {tag: self.push(name, tag, queue(programs, tag, mode)) for tag, mode in (modes or MODES).items()}

    def _put(self, name: str, tag: str, manifest: bytes) -> None:
        self._ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, {"Content-Type": MANIFEST}, good=(201,))

    def _upload(self, name: str, blob: bytes) -> None:
        digest = digest_of(blob)
        if self._ask("HEAD", f"/v2/{name}/blobs/{digest}", good=(200, 404)).status == 404:
            parts = urlsplit(self._ask("POST", f"/v2/{name}/blobs/uploads/", b"", good=(202,)).location)
            path = f"{parts.path}?{parts.query}&digest={digest}"
            self._ask("PUT", path, blob, {"Content-Type": "application/octet-stream"}, good=(201,))

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        good: tuple[int, ...],
    ) -> Answer:
        sent = dict(headers or {})
        if self.login:
            sent["Authorization"] = f"Basic {base64.b64encode(':'.join(self.login).encode()).decode()}"
        connection = http.client.HTTPConnection(self.address, PORT, timeout=60)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status not in good:
            raise ValueError(f"{method} {self.host}{path}: {answer.status} {said[:300]!r}")
        return Answer(answer.status, answer.getheader("Location", ""), said)

    def _logins(self) -> str:
        if not self.login:
            return ""
        user, password = self.login
        hashed = run("perl", "-e", "print crypt($ARGV[0], q{$2b$05$rackinaboxrackinaboxra})", password)
        return f"{user}:{hashed}\n"


def queue(programs: bytes, version: str, mode: str, architecture: str = "amd64") -> Image:
    """Return an image of the stand-in queue; ``programs`` is the layer with busybox."""
    files = {"queue.sh": QUEUE.read_text(), "VERSION": version, "MODE": mode}
    config = {
        "Entrypoint": ["/bin/busybox", "sh", "/queue.sh"],
        "StopSignal": "SIGTERM",
        "ExposedPorts": {"8080/tcp": {}},
    }
    return image([programs, layer(files)], config, architecture)
