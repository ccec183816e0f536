# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's answer, looked at before anything uses it: a machine may be broken, or somebody else's.

Sizes are bounded before memory is spent on them: the text as it arrived, what it unpacks to, and how many values that
can hold. Then nesting, texts, numbers and the types of everything that stands beside the facts.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

KINDS: dict[str, tuple[type, ...]] = {
    "facts": (dict,), "identity": (dict,), "simulated": (bool,), "planted": (dict, type(None)),
    "took_s": (int, float), "bytecode": (str,), "cpu_s": (int, float), "recording": (dict,),
}  # fmt: skip
OPTIONAL = ("cpu_s", "recording")
BYTECODE = re.compile(r"[0-9a-f]{8}")
NAME = 1024  # characters of a key outside of a recording
NUMBER = 2**64  # the largest that any counter of a machine reaches


class Limits(NamedTuple):
    """How large an answer may be: ``packed`` and ``unpacked`` in bytes, ``text`` in characters."""

    packed: int
    unpacked: int
    values: int
    depth: int
    text: int


# A whole answer of a large machine has some 200 kB, 20,000 values and a nesting of 10.
FACTS = Limits(8 << 20, 16 << 20, 500_000, 24, 256 << 10)
RECORDING = Limits(48 << 20, 96 << 20, 3_000_000, 32, 16 << 20)


class BadAnswer(ValueError):
    """An answer that cannot be used; the message says why."""


def read(packed: str, limits: Limits = FACTS) -> dict[str, Any]:
    """Return the answer in ``packed`` (base 64 of compressed JSON): whole, within limits and of the right types."""
    answer = _parsed(_unpacked(packed, limits), limits)
    if not isinstance(answer, dict):
        raise BadAnswer(f"it is no mapping but {type(answer).__name__}")
    if "refused" in answer:
        return {"refused": str(answer["refused"])}
    within({key: value for key, value in answer.items() if key != "recording"}, FACTS)
    within(answer.get("recording"), limits)
    _typed(answer)
    return answer


def _unpacked(packed: str, limits: Limits) -> str:
    if len(packed) > limits.packed:
        raise BadAnswer(f"it is larger than {limits.packed >> 20} MiB")
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(packed, validate=True), limits.unpacked + 1)
    if len(data) > limits.unpacked:
        raise BadAnswer(f"it unpacks to more than {limits.unpacked >> 20} MiB")
    if not unpacking.eof or unpacking.unused_data:
        raise BadAnswer("it is cut off" if not unpacking.eof else "something follows its end")
    return data.decode("utf-8")


def _parsed(text: str, limits: Limits) -> Any:
    if sum(map(text.count, ",[{")) > limits.values:  # every value is behind one of them
        raise BadAnswer(f"it holds more than {limits.values} values")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise BadAnswer("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, unused in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadAnswer(f"{twice[:60]!r} stands twice in one mapping")
    return found


def _no_number(said: str) -> Any:
    raise BadAnswer(f"it holds {said}, which is no number")


def within(value: Any, limits: Limits) -> None:
    """Raise ``BadAnswer`` for what is nested too deeply, texts that are too long and numbers that are none."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > limits.depth:
            raise BadAnswer(f"it is nested more than {limits.depth} deep")
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                _texts(each, min(limits.text, NAME) if limits is FACTS else limits.text)
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str):
                _texts((each,), limits.text)
            elif isinstance(each, float) and not math.isfinite(each):
                raise BadAnswer("it holds a number that is not finite")
            elif isinstance(each, int) and abs(each) > NUMBER:
                raise BadAnswer("it holds a number beyond 64 bits")
        level = below


def _texts(texts: Iterable[str], longest: int) -> None:
    if any(len(text) > longest for text in texts):
        raise BadAnswer(f"it holds a text of more than {longest} characters")


def _typed(answer: Mapping[str, Any]) -> None:
    for key in answer.keys() - KINDS.keys():
        raise BadAnswer(f"it says {key[:60]!r}, which nobody asked for")
    for key, kinds in KINDS.items():
        if key not in answer:
            if key in OPTIONAL:
                continue
            raise BadAnswer(f"it lacks {key}")
        value = answer[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise BadAnswer(f"{key} is no {kinds[0].__name__} but {type(value).__name__}")
    if min(answer["took_s"], answer.get("cpu_s", 0)) < 0:
        raise BadAnswer("a time in it is negative")
    if not BYTECODE.fullmatch(answer["bytecode"]):
        raise BadAnswer("bytecode is not eight hexadecimal digits")


def unasked(answer: Mapping[str, Any], domains: Iterable[str], replayed: bool) -> str | None:
    """Return what an answer claims that its question does not allow, if anything.

    That a machine is simulated, and what was planted in it, is said by who asks: by the recordings that were sent.
    """
    more = sorted(answer["facts"].keys() - set(domains))
    if more:
        return f"it holds facts of {more[0][:60]!r}, which were not asked for"
    if not replayed and (answer["simulated"] or answer["planted"] is not None):
        return "it claims to be simulated, which only the inventory can say"
    return None
