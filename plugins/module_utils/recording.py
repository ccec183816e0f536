# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a recording may hold (``docs/recordings.md``): answers of a machine, as data. Whoever sends one is a stranger.

Nothing in it names a file, a program or a library of the machine that replays it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

SCHEMA = 1
MAPPINGS = ("files", "links", "dirs", "stats", "space", "commands", "http", "tcp", "nvml")
LIBRARY = "nvml_library"


class BadRecording(ValueError):
    """A recording that this version cannot read; the message names it."""


def check(document: Any, name: str) -> Mapping[str, Any]:
    """Return ``document`` when it is a recording of this schema version, else raise :class:`BadRecording`."""
    if not isinstance(document, dict) or "muster_recording" not in document:
        raise BadRecording(f"{name}: not a recording (no muster_recording key)")
    version = document["muster_recording"]
    if version != SCHEMA:
        raise BadRecording(f"{name}: recording has schema version {version!r}, this release reads version {SCHEMA}")
    if LIBRARY in document:
        raise BadRecording(f"{name}: {LIBRARY}: a recording is data and names no library; verify_{LIBRARY} does")
    for key, value in document.items():
        if key not in _KINDS:
            raise BadRecording(f"{name}: unknown key {str(key)[:60]!r}; known are {', '.join(sorted(_KINDS))}")
        said, fits = _KINDS[key]
        if not fits(value):
            raise BadRecording(f"{name}: {key} is not {said}")
    for key, place, said in _misfits(document):
        raise BadRecording(f"{name}: {key}: {str(place)[:120]!r} is not {said}")
    return document


def _misfits(document: Mapping[str, Any]) -> Iterator[Tuple[str, Any, str]]:
    """Yield what stands in a mapping of answers and is none: kind, place, and what belongs there."""
    for key, (said, fits) in _ENTRIES.items():
        for place, value in document.get(key, {}).items():
            if not isinstance(place, str) or not (fits(value) or (value is None and key not in _NEVER_REMOVED)):
                yield key, place, said


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _packed(value: Any) -> bool:
    return _text(value) or (isinstance(value, dict) and _text(value.get("b64")))


def _state(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("state")) and _text(value.get("detail", ""))


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _answer(value: Any) -> bool:
    """Say whether this is what a command or a service answered."""
    return (
        isinstance(value, dict)
        and all(_packed(value.get(key, "")) for key in ("stdout", "stderr", "body"))
        and all(_text(value.get(key, "")) for key in ("state", "detail"))
        and all(_number(value[key]) for key in ("rc", "duration_s", "status", "certificate_ends") if _said(value, key))
    )


def _said(value: Mapping[str, Any], key: str) -> bool:
    return value.get(key) is not None


def _transcript(value: Any) -> bool:
    return _state(value) and isinstance(value.get("transcript"), dict)


def _planted(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _texts(value.get("faults", []))
        and all(
            isinstance(value.get(key, {}), dict) and all(map(_text, value.get(key, {}).values()))
            for key in ("finds", "fleet")
        )
    )


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


Law = Tuple[str, Callable[[Any], bool]]
_KINDS: Dict[str, Law] = {
    "muster_recording": ("a number", _number),
    "name": ("text", _text),
    "recorded_at": ("text", _text),
    "scrubbed": ("true or false", _flag),
    "simulated": ("true or false", _flag),
    "closed": ("true or false", _flag),
    "nvml_transcript": ("a state with a transcript", _transcript),
    "planted": ("a mapping of faults and finds", _planted),
    **dict.fromkeys((*MAPPINGS, "append", "identity"), ("a mapping", _mapping)),
}
_ENTRIES: Dict[str, Law] = {
    "files": ("text, b64 or a state", lambda value: _packed(value) or _state(value)),
    "append": ("text", _text),
    "links": ("text", _text),
    "dirs": ("a list of names", _texts),
    "stats": ("a mapping of numbers", _numbers),
    "space": ("a mapping of numbers", _numbers),
    "commands": ("an answer with state, rc, stdout and stderr", _answer),
    "http": ("an answer with state, status and body", _answer),
    "tcp": ("a state", _state),
    "nvml": ("text", _text),
}
_NEVER_REMOVED = ("append",)
