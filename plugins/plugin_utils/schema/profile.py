# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a profile may say: the keys that ``roles/verify/files/schema/profile.yml`` declares, and those under ``own``.

``own`` holds what a site's own checks expect (``profile.own.…``); what none of them reads is refused, too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..files import PROFILES, BadInput, entries, lines, yaml_files
from . import DECLARED, hint
from .values import Declaration, Problem, problems

OWN = "own"
HARDWARE = "hardware"  # the folder of hardware profiles, and what ``when`` asks for by their names
STATED = ("value", "source")


@functools.cache
def keys() -> dict[str, Declaration]:
    """Return the declared keys of profiles by path."""
    raw: dict[str, dict[str, Any]] = entries(DECLARED / "profile.yml")[0].value
    return {path: Declaration(**_frozen(declared)) for path, declared in raw.items()}


def _frozen(declared: Mapping[str, Any]) -> dict[str, Any]:
    choices = declared.get("choices")
    return {**declared, **({"choices": tuple(choices)} if choices else {})}


@functools.cache
def sections() -> frozenset[str]:
    """Return the paths that keys stand under."""
    return frozenset(".".join(path.split(".")[:depth]) for path in keys() for depth in range(1, path.count(".") + 1))


def refuse(own: Mapping[str, Any], path: Path, head: Iterable[str], directories: Iterable[Path] = ()) -> None:
    """Raise ``BadInput`` with file and line for what a profile's own file says that no profile of its kind may say.

    ``head`` are the keys of such a file that are no values of the profile, ``directories`` those of the site's own.
    """
    for where, wrong in _of_file(own, tuple(head), hardware(directories)):
        places = lines(path)
        line = next((places[where[:end]] for end in range(len(where), 0, -1) if where[:end] in places), 1)
        raise BadInput(f"{path}:{line}: {'.'.join(where)}: {wrong}")


def refuse_unread(values: Mapping[str, Any], read: Iterable[str]) -> None:
    """Raise ``BadInput`` for values under ``own`` that no check reads; ``read`` are paths of profile keys."""
    wanted = {path for path in read if path.split(".")[0] == OWN}
    for path in _leaves(values.get(OWN) or {}, OWN):
        if not any(path == one or path.startswith(f"{one}.") for one in wanted):
            raise BadInput(f"profile key {path}: no check reads it{hint(path, wanted)}")


def hardware(directories: Iterable[Path] = ()) -> set[str]:
    """Return the names of the shipped hardware, and of what lies in the folder ``hardware`` of the site's own."""
    folders = [place / HARDWARE for place in (PROFILES, *directories)]
    return {file.stem for folder in folders if folder.is_dir() for file in yaml_files(folder)}


def _of_file(own: Mapping[str, Any], head: tuple[str, ...], known_hardware: Iterable[str]) -> Iterator[Problem]:
    for key, value in own.items():
        if key == "sources":
            yield from _sources(value)
        elif key == "when" and "when" in head:
            for number, entry in enumerate(value if isinstance(value, list) else []):
                found = _conditional(entry, known_hardware)
                yield from ((("when", str(number), *where), wrong) for where, wrong in found)
        elif key not in head and key != OWN:
            yield from _below(value, (str(key),), head)


def _conditional(entry: Any, known_hardware: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong with an entry of ``when``: keys of a profile, for the machines that ``machine`` describes."""
    for key, value in entry.items() if isinstance(entry, dict) else ():
        if key == "machine":
            for path, wanted in value.items() if isinstance(value, dict) else ():
                for wrong in _described(str(path), wanted, known_hardware):
                    yield ("machine", str(path)), wrong
        elif key == "sources":
            yield from _sources(value)
        else:
            yield from _below(value, (str(key),), ("machine", "sources"))


def _described(path: str, wanted: Any, known_hardware: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with the value, or one of the values, that a machine is described by."""
    if path not in keys() and path != HARDWARE:
        yield f"no such key{hint(path, [*keys(), HARDWARE])}"
        return
    if wanted == []:
        yield "an empty list describes no machine"
    declared = Declaration("text", "", choices=tuple(sorted(known_hardware))) if path == HARDWARE else keys()[path]
    if declared.type.startswith(("entries", "record", "mapping")):
        yield "no machine can be described by it: it holds more than one value"
        return
    single = declared._replace(type=declared.type.removeprefix("list of "))
    for value in wanted if isinstance(wanted, list) else [wanted]:
        if value is None:
            yield "a value is expected, not null"
        yield from (wrong for unused, wrong in problems(value, single))


def _below(value: Any, where: tuple[str, ...], head: tuple[str, ...]) -> Iterator[Problem]:
    path = ".".join(where)
    if "." in where[-1]:
        yield (
            where,
            f"unknown key; each word is a key of its own: {path.replace('.', ': {')}: ...{'}' * path.count('.')}",
        )
    elif path in keys():
        for inside, wrong in _leaf(value, keys()[path]):
            yield (*where, *inside), wrong
    elif path not in sections():
        yield where, f"unknown key{_near(where, head)}"
    elif not isinstance(value, dict):
        yield where, f"is a section of a profile and holds keys, not {value!r}; leave it out to change nothing"
    else:
        for key, part in value.items():
            yield from _below(part, (*where, str(key)), head)


def _near(where: tuple[str, ...], head: tuple[str, ...]) -> str:
    prefix = "".join(f"{name}." for name in where[:-1])
    siblings = {known.removeprefix(prefix).split(".")[0] for known in keys() if known.startswith(prefix)}
    also = () if prefix else (*head, OWN)
    return hint(where[-1], {*siblings, *also}) or hint(".".join(where), keys(), 0.75)


def _leaf(value: Any, declared: Declaration) -> Iterator[Problem]:
    wrong: list[Problem] = []
    yield from problems(_plain(value, (), wrong), declared)
    yield from wrong


def _plain(value: Any, where: tuple[str, ...], wrong: list[Problem]) -> Any:
    """Return a value without the ``{value, source}`` around it or its parts; what else stands there is ``wrong``."""
    if not isinstance(value, dict):
        return value
    if "value" not in value:
        return {key: _plain(part, (*where, str(key)), wrong) for key, part in value.items()}
    strange = [str(key) for key in value if key not in STATED]
    wrong += [((*where, key), f"unknown key{hint(key, STATED)}; known are {', '.join(STATED)}") for key in strange]
    if not isinstance(value.get("source", ""), str):
        wrong.append(((*where, "source"), f"a text is expected, not {value['source']!r}"))
    return value["value"]


def _sources(value: Any) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield ("sources",), f"a mapping of key or section to text is expected, not {value!r}"
        return
    known = {*keys(), *sections(), OWN}
    for path, text in value.items():
        name = str(path)
        if name not in known and not any(name.startswith(f"{one}.") for one in (*keys(), OWN)):
            yield ("sources", name), f"no such key or section{hint(name, known)}"
        elif not isinstance(text, str) or not text.strip():
            yield ("sources", name), f"a text is expected, not {text!r}"


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value and "value" not in value:
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}")
    elif value not in (None, {}):
        yield path
