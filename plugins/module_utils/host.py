# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The only file that touches a machine: everything a collector knows, it asked a :class:`Host` for.

Nothing here changes the machine. Every question has a bound on time and size, and every answer says
what became of it, so that "not there", "not allowed", "took too long" and "empty" stay four different
things. A recording (``replay.py``) answers the same questions in place of a machine.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .parse.plain import not_plain

READ_LIMIT = 1 << 20
OUTPUT_LIMIT = 4 << 20

OK = "ok"
ABSENT = "absent"  # no such file, command, socket
DENIED = "denied"  # it is there, this user may not ask
TIMEOUT = "timeout"
FAILED = "failed"  # the machine answered with an error
UNRECORDED = "unrecorded"  # a recording that was never asked this
UNASKED = "unasked"  # the question did not reach anybody: a name that does not resolve, an impossible port


class Read(NamedTuple):
    """What became of reading a file: ``data`` only when ``state`` is ``ok``."""

    state: str
    data: bytes = b""
    detail: str = ""
    truncated: bool = False


class Names(NamedTuple):
    """What became of listing a directory."""

    state: str
    names: List[str] = []
    detail: str = ""


class Command(NamedTuple):
    """What became of a command. ``ok`` means that it ran to its end, whatever ``rc`` it gave."""

    argv: List[str]
    state: str
    rc: Optional[int] = None
    stdout: bytes = b""
    stderr: bytes = b""
    duration_s: float = 0.0
    truncated: bool = False
    detail: str = ""


class Reply(NamedTuple):
    """What became of an HTTP GET or a TCP connect; ``certificate_ends`` in seconds since the epoch, over TLS only."""

    state: str
    status: Optional[int] = None
    body: bytes = b""
    detail: str = ""
    certificate_ends: Optional[float] = None


class Nvml(NamedTuple):
    """What became of asking NVML: the transcript of ``nvml_probe`` and how the asking ended."""

    state: str
    transcript: Dict[str, Any] = {}
    detail: str = ""


def state_of(error: OSError) -> str:
    """Name an operating system error in the vocabulary above."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH):
        return ABSENT
    if error.errno in (errno.EACCES, errno.EPERM):
        return DENIED
    if isinstance(error, TimeoutError) or type(error).__name__ == "timeout":  # Python 3.9 has a socket.timeout apart
        return TIMEOUT
    return FAILED


class Host:
    """A live Linux machine, asked without being changed."""

    simulated = False
    planted: Mapping[str, Any] = {}

    def identity(self) -> Dict[str, Any]:
        """Who answers: host name, user, kernel, interpreter and clock (``now`` in seconds since the epoch)."""
        kernel = os.uname()
        return {
            "hostname": kernel.nodename,
            "kernel": kernel.release,
            "machine": kernel.machine,
            "uid": os.geteuid(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "now": time.time(),
        }

    def read(self, path: str, limit: int = READ_LIMIT) -> Read:
        """Read at most ``limit`` bytes of a file."""
        try:
            # O_NONBLOCK: a FIFO or a device put where a file belongs must not hang the reader
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            return Read(state_of(error), detail=os.strerror(error.errno or 0))
        try:
            data = bytearray()
            while len(data) <= limit:
                try:
                    piece = os.read(handle, min(1 << 16, limit + 1 - len(data)))
                except BlockingIOError:
                    if not data:
                        raise
                    piece = b""  # /dev/kmsg says so where a file would end
                if not piece:
                    break
                data += piece
            return Read(OK, bytes(data[:limit]), truncated=len(data) > limit)
        except OSError as error:
            return Read(state_of(error), detail=os.strerror(error.errno or 0))
        finally:
            os.close(handle)

    def names(self, path: str) -> Names:
        """List a directory, sorted."""
        try:
            return Names(OK, sorted(os.listdir(path)))
        except OSError as error:
            return Names(state_of(error), [], os.strerror(error.errno or 0))

    def link(self, path: str) -> Optional[str]:
        """Return where a path leads once every link is followed (``None`` when it is not there)."""
        return os.path.realpath(path) if os.path.lexists(path) else None

    def stat(self, path: str) -> Optional[Dict[str, int]]:
        """Return mode, uid, gid, size (bytes) and mtime (seconds), following links; ``None`` when unavailable."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        return {
            "mode": found.st_mode,
            "uid": found.st_uid,
            "gid": found.st_gid,
            "size": found.st_size,
            "mtime": int(found.st_mtime),
        }

    def space(self, path: str) -> Optional[Dict[str, int]]:
        """Return total, free and available bytes and inodes of the file system that holds ``path``.

        Asked in a child: ``statvfs`` on a dead network mount sleeps where no signal reaches it.
        """
        answer = self.run(["stat", "-f", "-c", "%S %b %f %a %c %d", path], timeout=3)
        figures = answer.stdout.split()
        if answer.state != OK or answer.rc != 0 or len(figures) != 6:
            return None
        size, blocks, free, available, inodes, inodes_free = (int(figure) for figure in figures)
        return {
            "total_bytes": size * blocks,
            "free_bytes": size * free,
            "available_bytes": size * available,
            "inodes": inodes,
            "inodes_free": inodes_free,
        }

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 10,
        limit: int = OUTPUT_LIMIT,
        stdin: bytes = b"",
        env: Optional[Mapping[str, str]] = None,
    ) -> Command:
        """Run a read-only command without a shell, in the C locale and a process group of its own.

        At ``timeout`` seconds, or past ``limit`` bytes of output, the whole group is killed and is not waited
        for any longer than that: a process stuck in the driver cannot be reaped, and must not take us with it.
        """
        return _run(list(argv), timeout, limit, stdin, env or {})

    def nvml(self, timeout: float = 20, pynvml: Optional[str] = None) -> Nvml:
        """Ask NVML in a child that a hung driver cannot keep us in (see ``nvml_probe``)."""
        from . import nvml_probe  # late: most machines have no NVIDIA accelerator

        return nvml_probe.ask(self, timeout, pynvml)

    def tcp(self, address: str, port: int, timeout: float = 3) -> Reply:
        """Open and close a TCP connection; ``unasked`` says nothing about the path."""
        from . import tcp_connect  # late: only services are asked this way

        state, detail = tcp_connect.connect(address, port, timeout)
        return Reply(state, detail=detail)

    def http(self, path: str, server: str, timeout: float = 5, limit: int = OUTPUT_LIMIT) -> Reply:
        """GET ``path`` from a local socket (``/var/run/docker.sock``) or from ``http://`` or ``https://ADDRESS:PORT``."""
        from . import http_get  # late: its imports cost more than everything else here

        try:
            status, body, ends = http_get.get(server, path, timeout, limit)
        except OSError as error:
            return Reply(state_of(error), detail=str(error))
        except ValueError as error:
            return Reply(FAILED, detail=str(error))
        return Reply(OK, status, body, certificate_ends=ends)


def _run(argv: List[str], timeout: float, limit: int, stdin: bytes, env: Mapping[str, str]) -> Command:
    # A bare command name is looked up here and in the system folders, which a plain user's PATH may lack.
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    surroundings = dict(os.environ, PATH=path, LC_ALL="C", LANG="C", **env)
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=surroundings,
            start_new_session=True,
        )
    except OSError as error:
        return Command(argv, state_of(error), detail=f"{argv[0]}: {os.strerror(error.errno or 0)}")
    outcome = _Drain(process, stdin, limit).until(started + timeout)
    if outcome.state == OK:
        try:
            process.wait(max(0.1, started + timeout - time.monotonic()))
        except subprocess.TimeoutExpired:
            outcome.state = TIMEOUT
    _end(process)
    details = {TIMEOUT: f"no end after {timeout:g} s", FAILED: f"more than {limit} bytes of output"}
    return Command(
        argv,
        outcome.state,
        process.returncode,
        bytes(outcome.taken["stdout"]),
        bytes(outcome.taken["stderr"]),
        round(time.monotonic() - started, 3),
        outcome.state == FAILED,
        details.get(outcome.state, ""),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group; give up on a process that the kernel will not let go."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.returncode = -signal.SIGKILL  # unreapable: keep Popen from waiting for it at exit
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            try:
                pipe.close()
            except OSError:
                pass


class _Drain:
    """Feeds a child and takes what it says, until it ends, says too much or runs out of time."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limit: int):
        self.state = OK
        self.taken = {"stdout": bytearray(), "stderr": bytearray()}
        self._rest = stdin
        self._limit = limit
        self._pipes = selectors.DefaultSelector()
        for name in ("stdout", "stderr"):
            self._pipes.register(getattr(process, name), selectors.EVENT_READ, name)
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            self._pipes.register(process.stdin, selectors.EVENT_WRITE, "stdin")

    def until(self, deadline: float) -> _Drain:
        with self._pipes:
            while self._pipes.get_map() and self.state == OK:
                left = deadline - time.monotonic()
                if left <= 0:
                    self.state = TIMEOUT
                    break
                for key, unused in self._pipes.select(left):
                    self._serve(key)
        return self

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data == "stdin":
            try:
                self._rest = self._rest[os.write(key.fd, self._rest[: 1 << 16]) :]
            except BlockingIOError:
                return
            except OSError:
                self._rest = b""
            if not self._rest:
                self._pipes.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            return
        piece = os.read(key.fd, 1 << 16)
        if not piece:
            self._pipes.unregister(key.fileobj)
            return
        self.taken[key.data] += piece
        if sum(map(len, self.taken.values())) > self._limit:
            self.state = FAILED


class Asked:
    """Asks a host on a collector's behalf and keeps what could not be answered.

    ``errors`` is what the collector returns beside its facts: a list of ``{"source", "reason"}``.
    A file that is merely absent is no error unless it is ``required``; denied, failed and late answers always are.
    """

    def __init__(self, host: Host):
        self.host = host
        self.errors: List[Dict[str, str]] = []

    def fail(self, source: str, reason: str) -> None:
        """Note that a source failed."""
        entry = {"source": source, "reason": reason}
        if entry not in self.errors:
            self.errors.append(entry)

    def _note(self, source: str, state: str, detail: str, required: bool) -> None:
        if state != ABSENT or required:
            self.fail(source, f"{state}: {detail}" if detail else state)

    def bytes(self, path: str, required: bool = False, limit: int = READ_LIMIT) -> Optional[bytes]:
        """Return a file's bytes, or ``None``."""
        answer = self.host.read(path, limit)
        if answer.state == OK:
            if answer.truncated:
                self.fail(path, f"only the first {limit} bytes were read")
            return answer.data
        self._note(path, answer.state, answer.detail, required)
        return None

    def text(self, path: str, required: bool = False, limit: int = READ_LIMIT) -> Optional[str]:
        """Return a file's text without surrounding blanks; undecodable bytes are U+FFFD; ``None`` when it is none."""
        data = self.bytes(path, required, limit)
        text = None if data is None else self._plain(path, data.rstrip(b"\0").decode("utf-8", "replace"))
        return None if text is None else text.strip()

    def _plain(self, source: str, text: str) -> Optional[str]:
        objection = not_plain(text)
        if objection:
            self.fail(source, objection)
        return None if objection else text

    def number(self, path: str, required: bool = False) -> Optional[int]:
        """Return the whole number (decimal or 0x…) that a file holds, or ``None``."""
        text = self.text(path, required)
        if text is None:
            return None
        try:
            return int(text, 0)
        except ValueError:
            try:
                return int(text)  # "0008" is decimal for the kernel, not for int(…, 0)
            except ValueError:
                self.fail(path, f"not a number: {text[:60]!r}")
                return None

    def names(self, path: str, required: bool = False) -> List[str]:
        """Return the sorted names in a directory (empty when it is not there)."""
        answer = self.host.names(path)
        if answer.state != OK:
            self._note(path, answer.state, answer.detail, required)
        return answer.names

    def link_name(self, path: str) -> Optional[str]:
        """Return the last component of where a link leads (a driver's name, a PCI address)."""
        target = self.host.link(path)
        return os.path.basename(target) if target else None

    def run(self, argv: Sequence[str], required: bool = True, timeout: float = 10, **more: Any) -> Optional[str]:
        """Return a command's standard output when it ended with 0; else note why and return ``None``."""
        answer = self.host.run(argv, timeout=timeout, **more)
        if answer.state != OK:
            self._note(" ".join(argv), answer.state, answer.detail, required)
            return None
        if answer.rc != 0:
            said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:200]
            self.fail(" ".join(argv), f"exit code {answer.rc}: {said}")
            return None
        return self._plain(" ".join(argv), answer.stdout.decode("utf-8", "replace"))

    def json(self, argv: Sequence[str], required: bool = True, timeout: float = 10) -> Any:
        """Return what a command prints as JSON; else note why and return ``None``."""
        text = self.run(argv, required, timeout)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            self.fail(" ".join(argv), f"not JSON: {error}")
            return None
