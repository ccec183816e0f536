# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading the YAML that people write, so that every complaint can name file and line; writing files that are whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ROLES = Path(__file__).parents[2] / "roles"
CHECKS = ROLES / "verify" / "files" / "checks"
PROFILES = ROLES / "verify" / "files" / "profiles"


class BadInput(ValueError):
    """Something a person wrote that cannot be used; the message names file, line and field."""


class Entry(NamedTuple):
    """One top-level entry of a YAML file, and where it stands (``file:line``)."""

    value: Any
    where: str


def entries(path: Path) -> list[Entry]:
    """Return the entries of a YAML list (or of the single mapping) in a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    loader = Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return []
        _refuse_repeated_keys(root, path)
        nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
        return [Entry(loader.construct_object(node, deep=True), f"{path}:{node.start_mark.line + 1}") for node in nodes]
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

    walk(yaml.compose(path.read_text(encoding="utf-8"), Loader), ())
    return found


def _refuse_repeated_keys(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadInput(f"{path}:{key.start_mark.line + 1}: {key.value!r} stands twice in one mapping")
            seen.add(key.value)
            _refuse_repeated_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, path)


def yaml_files(directory: Path) -> Iterator[Path]:
    """Yield the YAML files of a directory in order; a directory that is not there is an error."""
    if not directory.is_dir():
        raise BadInput(f"{directory}: not a directory")
    yield from sorted(path for path in directory.iterdir() if path.suffix in (".yml", ".yaml"))


def write(path: Path, text: str) -> None:
    """Write a file so that it is either the old or the new one, whole, whatever happens meanwhile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException as error:
        Path(draft).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
        raise
