"""Ways in which the answers of a machine can be damaged on their way: what is left says nothing, or says it wrongly."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

HOSTILE = "{{ lookup('pipe', 'id') }} <script>alert(1)</script> $(reboot) `id` '; DROP TABLE hosts; -- \x1b[2J\x00\n"
EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
NVML_ERRORS = ("!3", "!15", "!999", "!1", "hang 30000")
OTHER_TYPES: tuple[Any, ...] = (None, [], {}, "", "N/A", True, False, [[]], {"value": None}, "١٢", "0x", [None])

Change = Callable[[str, random.Random], Any]


def _truncate(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text))] if text else text


def _shuffle(text: str, chance: random.Random) -> str:
    lines = text.splitlines(True)
    chance.shuffle(lines)
    return "".join(lines)


def _binary(text: str, chance: random.Random) -> dict[str, str]:
    return {"b64": "/v8AgIH/wICQ8J+S" + "AAECA/8=" * chance.randrange(1, 9)}


def _hostile(_text: str, chance: random.Random) -> str:
    return HOSTILE * chance.randrange(1, 4)


def _huge(_text: str, chance: random.Random) -> str:
    return ("x" * chance.randrange(1, 200) + "\n") * 20_000


# What an answer becomes when nothing true is left in it, or all of it in other words …
REPLACING: dict[str, Change] = {
    "empty": lambda text, chance: "",
    "binary": _binary,
    "hostile": _hostile,
    "localised": lambda text, chance: text.translate(EASTERN),
    "huge": _huge,
}
# … and when some of it is left, so that nobody could tell that a line is missing.
LOSING: dict[str, Change] = {"truncated": _truncate, "shuffled": _shuffle}
ANY = {**REPLACING, **LOSING}


def flip(text: str, chance: random.Random) -> str:
    """Return a JSON document with one value turned into one of another type; other text as it is."""
    try:
        document = json.loads(text)
    except ValueError:
        return text
    places = list(_leaves(document))
    if not places:
        return text
    holder, key = chance.choice(places)
    holder[key] = chance.choice([value for value in OTHER_TYPES if type(value) is not type(holder[key])])
    return json.dumps(document)


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _leaves(inner)


def answers(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the places of all answers that a recording holds as text."""
    texts = [("files", key) for key, value in document["files"].items() if isinstance(value, str)]
    commands = [("commands", key) for key, value in document["commands"].items() if _said(value, "stdout")]
    bodies = [("http", key) for key, value in document["http"].items() if _said(value, "body")]
    return texts + commands + bodies + [("nvml", key) for key in document["nvml"] if key != "nvmlDeviceGetCount"]


def _said(value: Any, field: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(field), str)


def damaged(document: dict[str, Any], place: tuple[str, str], change: Change, chance: random.Random) -> Any:
    """Return what stands at ``place`` after a change of it."""
    kind, key = place
    held = document[kind][key]
    if kind == "nvml":
        return chance.choice(NVML_ERRORS)
    if kind == "files":
        return change(held, chance)
    field = {"commands": "stdout", "http": "body"}[kind]
    return {**held, field: change(held[field], chance)}
