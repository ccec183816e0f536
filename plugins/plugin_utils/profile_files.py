# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One file of a profile: what it states, with the line of each value, and what it says about itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..module_utils.judge.paths import look
from .files import BadInput, entries, lines
from .schema.profile import HARDWARE, refuse

BASELINE, SITE = "baseline", "site"
NO_BASELINE = "none"
HEAD = {
    HARDWARE: ("name", "title", "description", "extends", "sources"),
    BASELINE: ("name", "title", "description", "extends", "sources", "when"),
    SITE: ("name", "title", "description", "extends", "sources", "baseline"),
}
MACHINE = "machine"  # what an entry of a baseline's ``when`` asks: a value of hardware or site, or ``hardware`` itself
Place = tuple[str, ...]


class Stated(NamedTuple):
    """One value as one file states it; ``source`` is where the file has it from, ``where`` is ``file:line``.

    A list is one value. A mapping is one only where ``{value: ..., source: ...}`` says it, or when it is empty.
    """

    path: Place
    value: Any
    source: str | None
    where: str
    layer: str


class Layer(NamedTuple):
    """One file: ``name`` is its kind and its profile's name ("site a01_node"), ``head`` what is no value of it."""

    name: str
    kind: str
    file: Path
    head: dict[str, Any]
    stated: list[Stated]


def read(path: Path, kind: str, directories: Iterable[Path] = ()) -> Layer:
    """Return the layer that a file is; raise ``BadInput`` with file and line when it cannot be one.

    ``directories`` are those of the site's own profiles.
    """
    found = entries(path)
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise BadInput(f"{path}: a profile is one mapping")
    raw = found[0].value
    if raw.get("name") != path.stem:
        raise BadInput(f"{found[0].where}: name is {raw.get('name')!r}, the file says {path.stem!r}")
    places = {place: f"{path}:{line}" for place, line in lines(path).items()}
    head = {key: value for key, value in raw.items() if key in HEAD[kind]}
    _check_head(head, {key: places.get((key,), found[0].where) for key in head})
    refuse(raw, path, HEAD[kind], directories)
    layer = Layer(f"{kind} {raw['name']}", kind, path, head, [])
    values = {key: value for key, value in raw.items() if key not in HEAD[kind]}
    return layer._replace(stated=list(_stated(layer, values, places, head.get("sources", {}))))


def _check_head(head: Mapping[str, Any], where: Mapping[str, str]) -> None:
    for key, value in head.items():
        if key == "sources" and not _is_texts(value):
            raise BadInput(f"{where[key]}: sources is a mapping of paths to texts")
        if key == "when" and not (isinstance(value, list) and all(map(_is_conditional, value))):
            raise BadInput(f"{where[key]}: when is a list of mappings, each with a {MACHINE} it is for")
        if key not in ("sources", "when") and not (isinstance(value, str) and value):
            hint = f"; write {NO_BASELINE} for no baseline" if key == "baseline" else ""
            raise BadInput(f"{where[key]}: {key} is a text, this is {value!r}{hint}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)


def _is_conditional(value: Any) -> bool:
    asked = value.get(MACHINE) if isinstance(value, dict) else None
    named = isinstance(asked, dict) and bool(asked) and all(isinstance(path, str) for path in asked)
    return named and _is_texts(value.get("sources", {}))


def conditional(layer: Layer, machine: Mapping[str, Any]) -> Iterator[Stated]:
    """Yield what a baseline states of machines like this one, in the order of its ``when``."""
    places = {place: f"{layer.file}:{line}" for place, line in lines(layer.file).items()}
    for number, entry in enumerate(layer.head.get("when", [])):
        if all(_is_one_of(look(machine, path), wanted) for path, wanted in entry[MACHINE].items()):
            within = ("when", str(number))
            here = {place[2:]: where for place, where in places.items() if place[:2] == within and len(place) > 2}
            values = {key: value for key, value in entry.items() if key not in (MACHINE, "sources")}
            yield from _stated(layer, values, here, {**layer.head.get("sources", {}), **entry.get("sources", {})})


def _is_one_of(shown: Any, wanted: Any) -> bool:
    """Say whether a machine's value, or one of its list, is what is wanted, or one of several that are."""
    these, those = (value if isinstance(value, list) else [value] for value in (shown, wanted))
    return any(one == other and type(one) is type(other) for one in these for other in those)


def _stated(
    layer: Layer, value: Any, places: Mapping[Place, str], sources: Mapping[str, str], path: Place = ()
) -> Iterator[Stated]:
    """Yield what a part of a file states. What says no source has the one stated for the nearest part around it."""
    said = None
    whole = isinstance(value, dict) and "value" in value and set(value) <= {"value", "source"}
    if whole:
        value, said = value["value"], value.get("source")
    elif isinstance(value, dict) and (value or not path):
        for key, part in value.items():
            yield from _stated(layer, part, places, sources, (*path, str(key)))
        return
    name = ".".join(path)
    around = [stated for stated in sources if name == stated or name.startswith(f"{stated}.")]
    if said is None and around and value is not None:
        said = sources[max(around, key=len)]
    where = next((places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), str(layer.file))
    yield Stated(path, value, None if said is None else str(said), where, layer.name)
