# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Evidence that a user names: files, addresses and commands, read on the controller, bounded in time and size.

What is read never becomes a fact: only whether something is there, how old it is, its hash, and whether it holds what
it must. Addresses are told without credentials and queries, commands without arguments.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..module_utils.host import OK, Host
from .files import BadInput, Entry, entries
from .site import is_pattern

KINDS = ("file", "url", "command")
FIELDS = {*KINDS, "max_age_days", "match", "dated", "live"}
LIMIT = 4 << 20  # bytes
TIMEOUT_S = 20
AT_ONCE = 8
DAY_S = 86400


class Got(NamedTuple):
    """What became of reading: the bytes, when they were made (seconds since the epoch), or why there are none."""

    data: bytes = b""
    made: float | None = None
    error: str | None = None


def declared(path: Path, known: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return definition id -> what the user's file declares for it; keys there are ids or covered items."""
    names = {name: definition["id"] for definition in known for name in (definition["id"], *definition["covers"])}
    found: dict[str, dict[str, Any]] = {}
    for entry in entries(path):
        if not isinstance(entry.value, dict):
            raise BadInput(f"{entry.where}: evidence is declared as a mapping of checklist items")
        for key, value in entry.value.items():
            place = f"{path}: {key}"
            if key not in names:
                raise BadInput(f"{place}: nothing that evidence is asked for")
            if names[key] in found:
                raise BadInput(f"{place}: {names[key]} is declared twice")
            found[names[key]] = _valid(Entry(value, place))
    return found


def _valid(entry: Entry) -> dict[str, Any]:
    raw = entry.value
    if not isinstance(raw, dict) or len(set(KINDS) & set(raw)) != 1 or set(raw) - FIELDS:
        raise BadInput(
            f"{entry.where}: names one of {', '.join(KINDS)}; may say {', '.join(sorted(FIELDS - {*KINDS}))}"
        )
    command, age = raw.get("command", ["x"]), raw.get("max_age_days", 1)
    wrong = {
        "file": not isinstance(raw.get("file", ""), str),
        "url": "url" in raw and urlsplit(str(raw["url"])).scheme not in ("http", "https"),
        "command": not isinstance(command, list) or not command or not all(isinstance(part, str) for part in command),
        "max_age_days": isinstance(age, bool) or not isinstance(age, (int, float)) or not 0 < age < math.inf,
        "match": "match" in raw and not is_pattern(raw["match"]),
        "dated": "dated" in raw and not isinstance(raw["dated"], datetime.date) and not is_pattern(raw["dated"]),
        "live": not isinstance(raw.get("live", False), bool),
    }
    bad = [key for key, is_wrong in wrong.items() if is_wrong]
    if bad:
        raise BadInput(f"{entry.where}: {bad[0]} cannot be {type(raw[bad[0]]).__name__} {str(raw[bad[0]])[:40]!r}")
    return raw


def read(declarations: Mapping[str, Mapping[str, Any]], base: Path, now: float | None = None) -> dict[str, Any]:
    """Return the facts: ``{source, items: {id: {kind, name, present, age_days, sha256, matches, error}}}``.

    ``base`` is where relative paths of files start; ``now`` is in seconds since the epoch.
    """
    at = time.time() if now is None else now
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda declaration: _item(declaration, base, at), declarations.values())
        return {"source": str(base), "items": dict(zip(declarations, found, strict=True))}


def _item(declaration: Mapping[str, Any], base: Path, at: float) -> dict[str, Any]:
    kind = next(kind for kind in KINDS if kind in declaration)
    try:
        got = READ[kind](declaration[kind], base)
    except Exception as error:  # whatever an address or a file does, the other items are still answered
        got = Got(error=f"{type(error).__name__}")
    item = {
        "kind": kind,
        "name": name(kind, declaration[kind]),
        "present": got.error is None and bool(got.data.strip()),
    }
    text = got.data.decode("utf-8", "replace")
    made, undated = _made(declaration, got, text, at)
    wanted = declaration.get("match")
    return item | {
        "age_days": None if made is None else round((at - made) / DAY_S, 2),
        "sha256": hashlib.sha256(got.data).hexdigest() if item["present"] else None,
        "matches": bool(re.search(wanted, text, re.MULTILINE)) if wanted and item["present"] else None,
        "error": got.error or undated,
    }


def name(kind: str, what: Any) -> str:
    """Return how evidence is called in reports, without anything that may be a secret."""
    if kind == "command":
        return str(what[0])
    if kind == "file":
        return str(what)
    parts = urlsplit(what)
    host = parts.netloc.rsplit("@", 1)[-1]
    return f"{parts.scheme}://{host}{parts.path}"


def _made(declaration: Mapping[str, Any], got: Got, text: str, at: float) -> tuple[float | None, str | None]:
    """Return when the evidence was made, and why that is not known where a date was promised."""
    dated = declaration.get("dated")
    if got.error or dated is None:
        return (at if declaration.get("live") and not got.error else got.made), None
    if isinstance(dated, str):
        found = re.search(dated, text, re.MULTILINE)
        if not found:
            return None, "its date was not found in it"
        said = found.group(1) if found.groups() else found.group()
        try:
            dated = datetime.date.fromisoformat(said.strip()[:10])
        except ValueError:
            return None, "what was found as its date is no date"
    day = datetime.datetime(dated.year, dated.month, dated.day, tzinfo=datetime.timezone.utc)
    return (None, "it is dated in the future") if day.timestamp() > at + DAY_S else (day.timestamp(), None)


def _file(what: str, base: Path) -> Got:
    path = base / Path(what).expanduser()
    host = Host()
    got, stat = host.read(str(path), LIMIT), host.stat(str(path))
    if got.state != OK:
        return Got(error=got.detail or got.state)
    return Got(error=_too_much()) if got.truncated else Got(got.data, stat["mtime"] if stat else None)


def _command(what: list[str], unused_base: Path) -> Got:
    done = Host().run(what, TIMEOUT_S, LIMIT)
    if done.state != OK:
        return Got(error=done.detail or done.state)
    return Got(done.stdout, time.time()) if done.rc == 0 else Got(error=f"it ended with {done.rc}")


def _url(what: str, unused_base: Path) -> Got:
    import urllib.error  # late: with TLS and HTTP it costs more than the rest of a run's start
    import urllib.request

    deadline = time.monotonic() + TIMEOUT_S
    data = bytearray()
    try:
        with urllib.request.urlopen(what, timeout=TIMEOUT_S / 2) as reply:
            while piece := reply.read1(1 << 16):
                data += piece
                if len(data) > LIMIT:
                    return Got(error=_too_much())
                if time.monotonic() > deadline:
                    return Got(error=f"no end after {TIMEOUT_S} s")
            if reply.length:
                return Got(error=f"it broke off {reply.length} bytes before its end")
            said = reply.headers.get("Last-Modified")
    except urllib.error.HTTPError as error:
        return Got(error=f"HTTP status {error.code}")
    except OSError as error:
        return Got(error=str(getattr(error, "reason", None) or error.strerror or type(error).__name__))
    return Got(bytes(data), email.utils.parsedate_to_datetime(said).timestamp() if said else None)


def _too_much() -> str:
    return f"more than {LIMIT >> 20} MiB"


READ: dict[str, Callable[[Any, Path], Got]] = {"file": _file, "url": _url, "command": _command}
