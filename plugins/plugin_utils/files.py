# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading the YAML that people write, so that every complaint can name file and line; writing files that are whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from . import whole
from .whole import PRIVATE, SHARED, content

__all__ = ["CHECKS", "PROFILES", "ROLES", "SHARED", "BadInput", "Entry", "content", "entries", "lines", "parsed",
           "write", "yaml_files"]  # fmt: skip

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ROLES = Path(__file__).parents[2] / "roles"
CHECKS = ROLES / "verify" / "files" / "checks"
PROFILES = ROLES / "verify" / "files" / "profiles"
DEPTH = 64  # of what people write
NODES = 1_000_000  # values in one file: a cable plan of ten thousand machines has less


class BadInput(ValueError):
    """Something a person wrote that cannot be used; the message names file, line and field."""


class Entry(NamedTuple):
    """One top-level entry of a YAML file, and where it stands (``file:line``)."""

    value: Any
    where: str


def entries(path: Path) -> list[Entry]:
    """Return the entries of a YAML list (or of the single mapping) in a file."""
    try:
        data = whole.content(path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    return parsed(data, path)


def parsed(data: bytes, path: Path) -> list[Entry]:
    """Return the entries of a YAML list (or of the single mapping) in ``data``, which was read from ``path``."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: {error}") from error
    loader = Loader(text)
    try:
        _refuse_excess(text, path)
        root = loader.get_single_node()
        if root is None:
            return []
        _refuse_repeated_keys(root, path, set())
        nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
        return [_entry(loader, node, path) for node in nodes]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    finally:
        loader.dispose()


def lines(path: Path) -> dict[tuple[str, ...], int]:
    """Return the lines of what stands in a YAML file that :func:`entries` reads, by the keys and positions before it.

    An alias stands where its anchor does and has no lines of its own.
    """
    found: dict[tuple[str, ...], int] = {}
    seen: set[int] = set()

    def walk(node: yaml.Node | None, place: tuple[str, ...]) -> None:
        if node is None or id(node) in seen or not isinstance(node, (yaml.MappingNode, yaml.SequenceNode)):
            return
        seen.add(id(node))
        pairs = node.value if isinstance(node, yaml.MappingNode) else ((part, part) for part in node.value)
        for number, (key, part) in enumerate(pairs):
            name = str(key.value) if isinstance(node, yaml.MappingNode) else str(number)
            found[(*place, name)] = key.start_mark.line + 1
            walk(part, (*place, name))

    walk(yaml.compose(whole.content(path).decode("utf-8"), Loader), ())
    return found


def _entry(loader: Any, node: yaml.Node, path: Path) -> Entry:
    where = f"{path}:{node.start_mark.line + 1}"
    try:
        return Entry(loader.construct_object(node, deep=True), where)
    except yaml.YAMLError:
        raise
    except Exception as error:  # a date with 13 months, a tag that its text does not fit
        raise BadInput(f"{where}: a value cannot be read: {error}") from error


def _refuse_excess(text: str, path: Path) -> None:
    """Refuse what is nested too deeply, and aliases that stand for too much or for themselves.

    Counted is what a reader has to walk through: an alias is worth all that it stands for.
    """
    worth: dict[str, int] = {}
    inside: list[list[Any]] = [["", 0]]  # anchor and worth of every collection that is not at its end
    for event in yaml.parse(text, Loader=Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        where, anchor = f"{path}:{line}", str(getattr(event, "anchor", None) or "")
        if isinstance(event, yaml.CollectionStartEvent):
            worth.pop(anchor, None)
            inside.append([anchor, 1])
        elif isinstance(event, yaml.CollectionEndEvent):
            closed, size = inside.pop()
            worth[closed] = size
            inside[-1][1] += size
        elif isinstance(event, yaml.AliasEvent):
            if anchor in [name for name, unused in inside]:
                raise BadInput(f"{where}: alias {anchor!r} stands for something that it is a part of")
            inside[-1][1] += worth.get(anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            worth[anchor] = 1
            inside[-1][1] += 1
        if len(inside) > DEPTH:
            raise BadInput(f"{where}: nested more than {DEPTH} deep")
        if inside[-1][1] > NODES:
            raise BadInput(f"{where}: more than {NODES} values, aliases counted for what they stand for")


def _refuse_repeated_keys(node: yaml.Node, path: Path, known: set[int]) -> None:
    if id(node) in known or not isinstance(node, yaml.CollectionNode):
        return
    known.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, path, known)
        return
    seen = set()
    for key, value in node.value:
        where = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise BadInput(f"{where}: a key is text, no list and no mapping")
        if key.value in seen:
            raise BadInput(f"{where}: {key.value!r} stands twice in one mapping")
        seen.add(key.value)
        _refuse_repeated_keys(value, path, known)


def yaml_files(directory: Path) -> Iterator[Path]:
    """Yield the YAML files of a directory in order; a directory that is not there is an error."""
    if not directory.is_dir():
        raise BadInput(f"{directory}: not a directory")
    yield from sorted(path for path in directory.iterdir() if path.suffix in (".yml", ".yaml"))


def write(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a file so that it is either the old or the new one, whole; for this user alone unless ``mode`` is wider."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(path, text.encode("utf-8", errors="replace"), mode)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror or error}") from error
