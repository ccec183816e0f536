# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a report, each of them whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Mapping

from ..files import BadInput
from . import html, json_file, junit, markdown, prometheus

Run = Mapping[str, Any]

FORMATS: dict[str, Callable[[Run], str]] = {
    "run.json": json_file.render,
    "junit.xml": junit.render,
    "summary.md": markdown.render,
    "muster.prom": prometheus.render,
    "index.html": html.render,
}


class NotWritten(BadInput):
    """A report could not be written; the message says where and why."""


def write_all(run: Run, directory: str | os.PathLike[str]) -> list[Path]:
    """Write every format into ``directory``, which is made if need be, and return the paths.

    All formats are rendered before the first is written; each then replaces its file in one step. Raises NotWritten.
    """
    folder = Path(directory)
    texts = {name: render(run) for name, render in FORMATS.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _replace(folder / name, text.encode())
    except OSError as exc:
        raise NotWritten(f"cannot write the report to {folder}: {exc.strerror or exc}") from exc
    return [folder / name for name in texts]


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, bring it to the disk, then take the file's place."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
