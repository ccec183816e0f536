# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine is held against, in layers: hardware (data sheets), baseline (recommended), site (a user's own).

A class is a hardware profile, or a site's profile that extends one. Between the two lies a baseline, which a site
switches off (``baseline: none``), replaces by another, or takes back key by key with ``null``. Of each value it is
known which layer and file stated it, so that a report can say whose expectation a machine does not meet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .files import PROFILES, BadInput, yaml_files
from .profile_files import BASELINE, NO_BASELINE, SITE, Layer, Place, Stated, conditional, read
from .schema.profile import HARDWARE

RECOMMENDED = "recommended"


class Shelf(NamedTuple):
    """Where profiles of one kind lie: name to file."""

    kind: str
    files: dict[str, Path]


def profile(name: str, directories: Iterable[Path] = (), baseline: str | None = None) -> dict[str, Any]:
    """Return a class of machines: ``{"name", "title", "baseline", "values", "sources", "layers"}``.

    ``layers`` is a tree like ``values`` that names the layer of each value; ``sources`` is by dotted path.
    """
    found = layers(name, directories, baseline)
    kept = laid(found)
    return {
        "name": name,
        "title": next((layer.head["title"] for layer in found[::-1] if _has_title(layer)), name),
        "baseline": next((layer.head["name"] for layer in found[::-1] if layer.kind == BASELINE), None),
        "values": _tree({path: stated.value for path, stated in kept.items()}),
        "sources": {".".join(path): stated.source for path, stated in kept.items() if stated.source},
        "layers": _tree({path: stated.layer for path, stated in kept.items()}),
    }


def layers(name: str, directories: Iterable[Path] = (), baseline: str | None = None) -> list[Layer]:
    """Return the layers of a class of machines, the lowest first. ``baseline`` is asked for over what profiles say."""
    places = list(directories)
    own = _chain(name, [*_shelves(places, SITE), *_shelves(places, HARDWARE)], places)
    site = [layer for layer in own if layer.kind == SITE]
    hardware = [layer for layer in own if layer.kind == HARDWARE]
    said = [layer.head["baseline"] for layer in site if "baseline" in layer.head]
    wanted = baseline or (said[0] if said else RECOMMENDED if hardware else NO_BASELINE)
    machine = _tree({path: stated.value for path, stated in laid([*reversed(hardware), *reversed(site)]).items()})
    machine[HARDWARE] = [layer.head["name"] for layer in hardware]
    shelves = _shelves(places, BASELINE)
    lain = [] if wanted == NO_BASELINE else _baseline(wanted, shelves, machine, places)
    untaken = [] if not (hardware or said) else [_taken_back(wanted, _baseline(RECOMMENDED, shelves[-1:], machine))]
    return [*untaken, *reversed(hardware), *lain, *reversed(site)]


def _baseline(name: str, shelves: list[Shelf], machine: Mapping[str, Any], places: Iterable[Path] = ()) -> list[Layer]:
    """Return a baseline and what it extends, the lowest first, as they are meant for a machine."""
    found = reversed(_chain(name, shelves, places))
    return [layer._replace(stated=[*layer.stated, *conditional(layer, machine)]) for layer in found]


def _taken_back(name: str, recommended: list[Layer]) -> Layer:
    """Return a layer below all others: what is recommended, and nobody states, is not asked for, and that is no gap."""
    stated = [each._replace(value=None, source=None, layer=f"{BASELINE} {name}") for each in laid(recommended).values()]
    return Layer(f"{BASELINE} {name}", BASELINE, recommended[0].file, {"name": name}, stated)


def laid(found: Iterable[Layer]) -> dict[Place, Stated]:
    """Return what holds when layers lie on each other, by path: the highest layer that says something has it."""
    kept: dict[Place, Stated] = {}
    for stated in (stated for layer in found for stated in layer.stated):
        path = stated.path
        if stated.value == {} and any(known[: len(path)] == path and len(known) > len(path) for known in kept):
            continue  # an empty mapping takes nothing away
        for known in [known for known in kept if known[: len(path)] == path or path[: len(known)] == known]:
            del kept[known]
        kept[path] = stated
    return kept


def names(directories: Iterable[Path] = ()) -> list[str]:
    """Return the classes that there are: the shipped hardware, and those of ``directories``."""
    places = list(directories)
    return sorted({name for kind in (SITE, HARDWARE) for shelf in _shelves(places, kind) for name in shelf.files})


def every_file(directories: Iterable[Path] = ()) -> list[Path]:
    """Return every file that may have a say in a profile."""
    places = list(directories)
    shelves = [shelf for kind in (SITE, BASELINE, HARDWARE) for shelf in _shelves(places, kind)]
    return [path for shelf in shelves for path in shelf.files.values()]


def _shelves(directories: Iterable[Path], kind: str) -> list[Shelf]:
    """Return where profiles of a kind lie, the places that are looked at first in front."""
    found = [Shelf(kind, _files(place if kind == SITE else place / kind, kind == SITE)) for place in directories]
    return found if kind == SITE else [*found, Shelf(kind, _files(PROFILES / kind, True))]


def _files(place: Path, needed: bool) -> dict[str, Path]:
    return {path.stem: path for path in yaml_files(place)} if needed or place.is_dir() else {}


def _chain(name: str, shelves: list[Shelf], places: Iterable[Path] = ()) -> list[Layer]:
    """Return a profile and what it extends, from the top down.

    A site's profile may have the name of the hardware that it extends: what it extends is looked for below it. What
    hardware extends is hardware.
    """
    found: list[Layer] = []
    wanted: Any = name
    left = shelves
    while True:
        shelf = next((shelf for shelf in left if wanted in shelf.files), None)
        if shelf is None:
            raise BadInput(_unknown(wanted, shelves, found))
        layer = read(shelf.files[wanted], shelf.kind, places)
        if any(layer.file == known.file for known in found):
            circle = " > ".join([*(known.head["name"] for known in found), wanted])
            raise BadInput(f"{layer.file}: profiles extend each other in a circle: {circle}")
        found.append(layer)
        if "extends" not in layer.head:
            return found
        left = [other for other in shelves if layer.kind in (other.kind, SITE)]
        if layer.head["extends"] == wanted:
            left = left[left.index(shelf) + 1 :]
        wanted = layer.head["extends"]


def _unknown(name: Any, shelves: Iterable[Shelf], chain: list[Layer]) -> str:
    known = sorted({known for shelf in shelves for known in shelf.files})
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"; did you mean {near[0]}?" if near else "."
    what = "baseline" if next(iter(shelves)).kind == BASELINE else "profile"
    by = f" (extended by {chain[-1].head['name']}, {chain[-1].file})" if chain else ""
    return f"unknown {what} {name!r}{by}{hint} Known are {', '.join(known)}."


def _tree(values: Mapping[Place, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        here = tree
        for name in path[:-1]:
            here = here.setdefault(name, {})
        here[path[-1]] = value
    return tree


def _has_title(layer: Layer) -> bool:
    return layer.kind != BASELINE and "title" in layer.head
