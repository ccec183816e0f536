# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers that no collector gives: broken, cut, of other types, too large, or made up by whoever holds the machine."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.muster.fleet.plugins.plugin_utils import bundle

ESCAPES = "\x1b]0;title\x07\x1b[2J\x1b[32mALL READY\x1b[0m\r\x9b31m\u202e\x00"
OTHERS: dict[str, Any] = {
    "null": None, "true": True, "number": 7, "negative": -7, "float": 0.5, "text": "570", "empty text": "",
    "list": [1], "empty list": [], "mapping": {"a": {"b": 1}}, "empty mapping": {},
    "markup": "<script>alert(1)</script>",
    "template": "{{ lookup('pipe', 'id') }}", "escapes": ESCAPES, "surrogate": "\ud800", "big": 2**63,
}  # fmt: skip

SOME = {name: OTHERS[name] for name in ("null", "number", "text", "list", "mapping", "escapes")}


def honest(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a whole answer over these facts."""
    return {
        "facts": facts,
        "identity": {"hostname": "n1", "uid": 0},
        "simulated": False,
        "planted": None,
        "took_s": 0.2,
        "cpu_s": 0.1,
        "bytecode": bundle.BYTECODE,
    }


def packed(text: str | bytes) -> str:
    """Return a text as a node would send it."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return f"banner\n{bundle.MARK}{base64.b64encode(zlib.compress(data)).decode()}\n"


def unusable(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and standard output of answers that are refused as a whole."""
    whole = honest(facts)
    for name, value in OTHERS.items():
        yield f"all is {name}", packed(json.dumps(value))
        for key in whole:
            if not _fits(key, value):
                yield f"{key} is {name}", packed(json.dumps({**whole, key: value}))
    for key in set(whole) - {"cpu_s"}:
        yield f"{key} is missing", packed(json.dumps({name: value for name, value in whole.items() if name != key}))
    text = json.dumps(whole)
    for word in ("NaN", "Infinity", "-Infinity", "1e999", "1" * 5000, str(2**65)):
        yield (
            f"took_s is {word[:12]}",
            packed(json.dumps({**whole, "took_s": 0}).replace('"took_s": 0', f'"took_s": {word}')),
        )
        yield (
            f"a fact is {word[:12]}",
            packed(json.dumps({**whole, "facts": {"gpu": {"x": 12345}}}).replace("12345", word)),
        )
    yield "facts stand twice", packed(text[:-1] + ', "facts": {}}')
    yield "a fact stands twice", packed(json.dumps({**whole, "facts": {}}).replace("{}", '{"gpu": {"a": 1, "a": 2}}'))
    yield "another key", packed(json.dumps({**whole, "verdict": "ready"}))
    yield "facts nobody asked for", packed(json.dumps({**whole, "facts": {**facts, "../../evil": {}}}))
    yield "simulated", packed(json.dumps({**whole, "simulated": True}))
    yield "planted", packed(json.dumps({**whole, "planted": {"faults": ["x"], "finds": {}}}))
    yield "simulated and planted", packed(json.dumps({**whole, "simulated": True, "planted": {"finds": {}}}))
    yield "refused", packed(json.dumps({"refused": ESCAPES}))
    yield "refused with a mapping", packed(json.dumps({"refused": {"a": ESCAPES}}))
    yield from _sizes(whole)
    yield from _cut(text)


def _fits(key: str, value: Any) -> bool:
    """Say whether a value of ``OTHERS`` is what belongs there."""
    if key in ("took_s", "cpu_s"):
        return type(value) in (int, float) and value >= 0
    if key == "simulated":
        return False  # true is a claim that nobody asked for
    return {"planted": value is None, "identity": isinstance(value, dict), "facts": value == {}}.get(key, False)


def _sizes(whole: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "nested deeply", packed(json.dumps({**whole, "facts": 12345}).replace("12345", "[" * 500 + "]" * 500))
    yield "nested beyond all", packed("[" * 100_000 + "]" * 100_000)
    yield "nested facts", packed(json.dumps({**whole, "facts": {"gpu": _nested(40)}}))
    yield "a long text", packed(json.dumps({**whole, "facts": {"gpu": {"x": "a" * 300_000}}}))
    yield "a long key", packed(json.dumps({**whole, "facts": {"gpu": {"k" * 5000: 1}}}))
    yield "a bomb of text", packed(b'{"facts": "' + b"a" * (17 << 20) + b'"}')
    yield "a bomb of lists", packed(b"[" + b"[]," * (7 << 20) + b"[]]")
    yield "many values", packed(b"[" + b"[]," * 700_000 + b"[]]")
    yield "large as it arrives", f"{bundle.MARK}{'A' * (9 << 20)}\n"


def _nested(depth: int) -> Any:
    return {"x": _nested(depth - 1)} if depth else 1


def _cut(text: str) -> Iterator[tuple[str, str]]:
    whole = packed(text)
    for part in range(1, 40):
        yield f"cut at {part}/40", whole[: len("banner\n") + (len(whole) - 7) * part // 40] + "\n"
    body = whole.split(bundle.MARK, 1)[1].strip()
    yield "not base 64", f"{bundle.MARK}!!!\n"
    yield "not compressed", f"{bundle.MARK}{base64.b64encode(text.encode()).decode()}\n"
    yield "base 64 with noise", f"{bundle.MARK}{body[:20]}\x1b[2J{body[20:]}\n"
    yield "not text", packed(b"\xff\xfe{}")
    yield "more behind its end", f"{bundle.MARK}{base64.b64encode(zlib.compress(text.encode()) + b'more').decode()}\n"
    yield "not JSON", packed("{'facts': {}}")
    yield "nothing", ""
    yield "only a mark", f"{bundle.MARK}\n"
    yield "an old Python", f"MUSTER-OLD-PYTHON:{ESCAPES}3.1\n"
    yield "no Python", "MUSTER-NO-PYTHON\n"
    yield "only noise", f"{ESCAPES}\n"


def odd(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and standard output of answers whose facts are odd: some of it may be used."""
    whole = honest(facts)
    for domain, found in facts.items():
        for name, value in SOME.items():
            yield f"{domain} is {name}", packed(json.dumps({**whole, "facts": {**facts, domain: value}}))
            yield f"errors of {domain} are {name}", _with(whole, domain, {"errors": value})
        rest = {key: other for key, other in facts.items() if key != domain}
        yield f"{domain} is missing", packed(json.dumps({**whole, "facts": rest}))
        yield f"only {domain}", packed(json.dumps({**whole, "facts": {domain: found}}))
    for path in (("gpu", "driver"), ("host", "kernel"), ("host", "os"), ("firmware", "bios"), ("gpu", "devices"),
                 ("nic", "interfaces"), ("pci", "devices"), ("firmware", "system"), ("log", "errors")):  # fmt: skip
        for name, value in SOME.items():
            yield f"{'.'.join(path)} is {name}", _with(whole, path[0], {path[1]: value})
            yield f"{'.'.join(path)} is a list of {name}", _with(whole, path[0], {path[1]: [value, value]})


def _with(whole: dict[str, Any], domain: str, changed: dict[str, Any]) -> str:
    facts = {**whole["facts"], domain: {**whole["facts"][domain], **changed}}
    return packed(json.dumps({**whole, "facts": facts}))
