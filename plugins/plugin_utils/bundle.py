# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collectors as one compressed parcel for a node's standard input: no files there, nothing installed.

The parcel has three compressed parts: a program (a small importer and the sources of ``module_utils``) and the text of
pynvml (or nothing), each behind a line with its length, and a request. ``python3 -I -S -c BOOT`` on the node runs it.
"""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import importlib.util
import io
import json
import os
import sys
import tokenize
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C

SOURCES = Path(__file__).parents[1] / "module_utils"
PACKAGE = "muster_node"
MARK = "MUSTER1:"
OLDEST = (3, 9)
STAYS = ("judge", "facts_module.py", "release")  # judging is done on this side, and modules travel by themselves

BOOT = "import sys,zlib;b=sys.stdin.buffer;exec(zlib.decompress(b.read(int(b.readline()))))"
# One round trip finds an interpreter and runs it; no double quotes or dollars inside BOOT.
COMMAND = (
    'for p in {pythons}; do command -v "$p" >/dev/null 2>&1 && exec "$p" -I -S -c "{boot}"; done; '
    "echo MUSTER-NO-PYTHON; exit 127"
)
PYTHONS = "python3 /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python"

# Runs on whatever interpreter is there, so it is older in style than the rest.
IMPORTER = """
import sys
if sys.version_info[:2] < %(oldest)r:
    print("MUSTER-OLD-PYTHON:" + ".".join(map(str, sys.version_info[:3])))
    sys.exit(127)
import json, zlib
S = json.loads(%(sources)r)
class Bundle(object):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in S:
            spec = type(sys.__spec__)(name, cls, is_package=S[name][0])
            if S[name][0]:
                spec.submodule_search_locations = []
            return spec
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        name = module.__spec__.name
        exec(compile(S[name][1], "<" + name + ">", "exec"), module.__dict__)
    @staticmethod
    def get_source(name):
        return S[name][1]
sys.meta_path.insert(0, Bundle)
PYNVML = zlib.decompress(b.read(int(b.readline()))).decode("utf-8") or None
from %(package)s import remote
remote.main(json.loads(zlib.decompress(b.read())), PYNVML)
"""


class NoAnswer(Exception):
    """The node ran something else, or nothing; the message says what was seen."""


@functools.cache
def program() -> bytes:
    """Return the program as the parcel holds it: the same for every node, so made once and kept for later runs."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.py"))}
    made_from = "".join([sys.version, IMPORTER, Path(__file__).read_text(encoding="utf-8"), *texts.values()])
    return _kept("program", made_from, lambda: _program(texts))


@functools.cache
def pynvml() -> bytes:
    """Return the controller's pynvml as the parcel holds it: a node's Python need not have it."""
    found = importlib.util.find_spec("pynvml")
    return _part(Path(found.origin).read_bytes() if found and found.origin else b"")


def _program(texts: Mapping[Path, str]) -> bytes:
    sources: dict[str, tuple[bool, str]] = {}
    for path, text in texts.items():
        relative = path.relative_to(SOURCES)
        if relative.parts[0] not in STAYS:
            parts = [PACKAGE, *relative.with_suffix("").parts]
            package = parts[-1] == "__init__"
            sources[".".join(parts[:-1] if package else parts)] = (package, _bare(text))
    text = IMPORTER % {"oldest": OLDEST, "sources": json.dumps(sources), "package": PACKAGE}
    return _part(text.encode())


def _part(data: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    return b"%d\n" % len(packed) + packed


def _kept(name: str, made_from: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make`` makes, from Ansible's home directory when an earlier run made it from the same."""
    folder = Path(C.config.get_config_value("ANSIBLE_HOME")).expanduser() / "muster"
    path = folder / f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:24]}"
    try:
        if path.stat().st_uid == os.getuid():
            return path.read_bytes()
    except OSError:
        pass
    made = make()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(made)
        draft.rename(path)
        for older in folder.glob(f"{name}-*"):
            if older != path and not older.suffix:
                older.unlink(missing_ok=True)
    except OSError:
        pass  # it is made again next time
    return made


def _bare(source: str) -> str:
    """Strip comments and docstrings: they need not travel.

    The text itself is cut, and not written anew from its syntax tree: a newer Python would write what an older one on
    the node cannot read (nested quotes in f-strings).
    """
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        first = node.body[0] if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
            lines[first.lineno - 1 : first.end_lineno] = [
                "" for unused in range(first.lineno, first.end_lineno or 0)
            ] + [" " * first.col_offset + "''"]
    return "\n".join(lines)


def command(interpreter: str | None) -> str:
    """Return the shell command that runs a parcel, with a given interpreter or the first that is found."""
    given = (interpreter or "").replace(" ", "\\ ")  # a virtual environment may lie below a folder with a blank
    return COMMAND.format(pythons=given or PYTHONS, boot=BOOT)


def parcel(request: Mapping[str, Any], with_pynvml: bool = False) -> bytes:
    """Return what goes to the node's standard input."""
    binding = pynvml() if with_pynvml else _part(b"")
    return program() + binding + zlib.compress(json.dumps(request).encode(), 6)


def unpack(stdout: str, stderr: str, rc: int) -> dict[str, Any]:
    """Return a node's answer; raise :class:`NoAnswer` with a reason when there is none."""
    for line in reversed(stdout.splitlines()):
        line = line.strip()
        if line.startswith(MARK):
            try:
                answer: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(line[len(MARK) :])))
            except (ValueError, zlib.error) as error:
                raise NoAnswer(f"the answer arrived broken: {error}") from error
            if "refused" in answer:
                raise NoAnswer(answer["refused"])
            return answer
        if line.startswith("MUSTER-OLD-PYTHON:"):
            oldest = ".".join(map(str, OLDEST))
            raise NoAnswer(f"the machine has Python {line.split(':')[1]}; the collectors need {oldest} or newer")
        if line == "MUSTER-NO-PYTHON":
            raise NoAnswer("the machine has no Python 3")
    said = (stderr.strip() or stdout.strip() or "nothing").splitlines()[-1][:300]
    raise NoAnswer(f"no answer from the collectors (exit code {rc}); the last thing said was: {said}")
