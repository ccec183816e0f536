# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a report, each of them whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Mapping

from .. import whole
from ..files import BadInput
from . import html, json_file, junit, markdown, prometheus

Run = Mapping[str, Any]
LAST = "run.json"  # what everybody takes for the sign of a finished run

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

    All formats are rendered and on the disk before the first replaces its file, each in one step, ``run.json`` last:
    a directory that has one has the whole report. Raises NotWritten.
    """
    folder = Path(directory)
    texts = {name: render(run) for name, render in FORMATS.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        whole.sweep(folder)
        _replace_all({folder / name: text.encode() for name, text in texts.items()})
        whole.settle(folder)
    except OSError as exc:
        raise NotWritten(f"cannot write the report to {folder}: {exc.strerror or exc}") from exc
    return [folder / name for name in texts]


def _replace_all(files: Mapping[Path, bytes]) -> None:
    drafts: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            drafts[path] = whole.draft(path, data, whole.SHARED)
        for path in sorted(files, key=lambda path: path.name == LAST):
            os.replace(drafts[path], path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
