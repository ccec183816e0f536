# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collectors as one compressed parcel for a node's standard input: no files there, nothing installed.

The parcel has four compressed parts: a small importer, the program (``module_utils``) and the text of pynvml (or
nothing), each behind a line with its length, and a request. ``python3 -I -S -c BOOT`` on the node runs it.

The program is source, which any Python reads, or bytecode for a node whose Python is known to be of this one's kind:
compiling is a third of what a verification costs a node.
"""

from __future__ import annotations

import ast
import collections
import functools
import importlib.util
import io
import json
import marshal
import re
import sys
import tokenize
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from . import envelope
from .kept import kept
from .report.text import plain

SOURCES = Path(__file__).parents[1] / "module_utils"
PACKAGE = "muster_node"
MARK = "MUSTER1:"
OLD, OTHER, NONE = "MUSTER-OLD-PYTHON:", "MUSTER-OTHER-PYTHON", "MUSTER-NO-PYTHON"
MARKED = re.compile(rf"^[ \t]*({MARK}|{OLD}|{OTHER}|{NONE})(.*)$", re.MULTILINE)
SAID = 300  # characters of what a machine said instead of an answer
TAIL = 1 << 16  # of its output, in which the last line is looked for
OLDEST = (3, 9)
STAYS = ("judge", "release", "facts_module.py")  # judging is done on this side, and modules travel by themselves
PASSED_ON = ("nvml_codes", "nvml_calls", "nvml_child")  # the node gives their text to a child of its own
BYTECODE = importlib.util.MAGIC_NUMBER.hex()  # the kind of bytecode that this Python writes and reads

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
def leave(said):
    b.read()  # to the end: whoever still writes must not take the closed pipe for a lost connection
    print(said)
    sys.exit(127)
if sys.version_info[:2] < %(oldest)r:
    leave("MUSTER-OLD-PYTHON:" + ".".join(map(str, sys.version_info[:3])))
BYTECODE = %(bytecode)r
if BYTECODE and sys.modules["_frozen_importlib_external"].MAGIC_NUMBER.hex() != BYTECODE:
    leave("MUSTER-OTHER-PYTHON")
import json, marshal, zlib
def part():
    return zlib.decompress(b.read(int(b.readline())))
S = marshal.loads(part()) if BYTECODE else json.loads(part().decode("utf-8"))
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
        code = S[name][1]
        exec(compile(code, "<" + name + ">", "exec") if isinstance(code, str) else code, module.__dict__)
    @staticmethod
    def get_source(name):
        return S[name][1] if isinstance(S[name][1], str) else None
sys.meta_path.insert(0, Bundle)
PYNVML = part().decode("utf-8") or None
from %(package)s import remote
remote.main(json.loads(zlib.decompress(b.read())), PYNVML)
"""


class NoAnswer(Exception):
    """The node ran something else, or nothing; the message says what was seen."""


class OtherPython(NoAnswer):
    """The node's Python does not read the bytecode it was sent."""


@functools.cache
def program(bytecode: str = "") -> bytes:
    """Return importer and program as the parcel holds them: the same for every node, so made once and kept.

    ``bytecode``: ``BYTECODE`` for a node that reads it; source without.
    """
    texts = sources()
    made_from = "".join([sys.version, IMPORTER, Path(__file__).read_text(encoding="utf-8"), *texts.values()])
    return kept(f"program{bytecode}", made_from, lambda: _program(texts, bytecode))


@functools.cache
def sources() -> dict[Path, str]:
    """Return the files of ``module_utils`` and what stands in them."""
    return {path: path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.py"))}


@functools.cache
def pynvml() -> bytes:
    """Return the controller's pynvml as the parcel holds it: a node's Python need not have it."""
    found = importlib.util.find_spec("pynvml")
    text = Path(found.origin).read_text(encoding="utf-8") if found and found.origin else ""
    return kept("pynvml", sys.version + text, lambda: _part(text.encode()))


def _program(texts: Mapping[Path, str], bytecode: str) -> bytes:
    modules: dict[str, tuple[bool, Any]] = {}
    for path, text in texts.items():
        relative = path.relative_to(SOURCES)
        if relative.parts[0] not in STAYS:
            parts = [PACKAGE, *relative.with_suffix("").parts]
            package = parts[-1] == "__init__"
            as_text = not bytecode or parts[-1] in PASSED_ON
            modules[".".join(parts[:-1] if package else parts)] = (package, (_bare if as_text else _compiled)(text))
    importer = IMPORTER % {"oldest": OLDEST, "package": PACKAGE, "bytecode": bytecode}
    return _part(importer.encode()) + _part(marshal.dumps(modules) if bytecode else json.dumps(modules).encode())


def _part(data: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    return b"%d\n" % len(packed) + packed


def _compiled(source: str) -> CodeType:
    return _placeless(compile(_bare(source), "<muster>", "exec", dont_inherit=True))


def _placeless(code: CodeType) -> CodeType:
    """Return code that does not tell lines and columns: they are half of its size, and no answer needs them.

    Every byte of the table says "no location" for up to eight instructions (CPython, ``Objects/locations.md``).
    """
    full, rest = divmod(len(code.co_code) // 2, 8)
    table = b"\xff" * full + (bytes([0xF8 | (rest - 1)]) if rest else b"")
    within = tuple(_placeless(const) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_linetable=table, co_consts=within)


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


def parcel(request: Mapping[str, Any], with_pynvml: bool = False, bytecode: str = "") -> bytes:
    """Return what goes to the node's standard input."""
    binding = pynvml() if with_pynvml else _part(b"")
    return program(bytecode) + binding + zlib.compress(json.dumps(request).encode(), 6)


def unpack(stdout: str, stderr: str, rc: int, limits: envelope.Limits = envelope.RECORDING) -> dict[str, Any]:
    """Return a node's answer; raise :class:`NoAnswer` with a reason, one printable line, when there is none."""
    mark, rest = _last_mark(stdout)
    if mark == MARK:
        try:
            answer = envelope.read(rest, limits)
        except (ValueError, zlib.error) as error:
            raise NoAnswer(f"the answer arrived broken: {plain(error, SAID)}") from error
        if "refused" in answer:
            raise NoAnswer(plain(answer["refused"], SAID))
        return answer
    if mark == OLD:
        oldest = ".".join(map(str, OLDEST))
        raise NoAnswer(f"the machine has Python {plain(rest, 40)}; the collectors need {oldest} or newer")
    if mark == OTHER:
        raise OtherPython("the machine's Python is of another kind than the program was compiled for")
    if mark == NONE:
        raise NoAnswer("the machine has no Python 3")
    said = (stderr[-TAIL:].strip() or stdout[-TAIL:].strip() or "nothing").splitlines()[-1]
    raise NoAnswer(f"no answer from the collectors (exit code {rc}); the last thing said was: {plain(said, SAID)}")


def _last_mark(stdout: str) -> tuple[str | None, str]:
    """Return the last mark that begins a line, and the rest of that line; what a login prints around it is no harm."""
    found = collections.deque(MARKED.finditer(stdout), maxlen=1)
    return (found[0][1], found[0][2].strip()) if found else (None, "")
