# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""YAML that people write: whatever stands in it, the answer comes soon, and a complaint names file and line."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import (
    attestations,
    catalogue,
    evidence,
    files,
    fleet,
    golive_input,
    whole,
)
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput, entries
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet import cables


def bomb(levels, width=10):
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


MERGED = "\n".join(
    ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 30)]
)
HOSTILE = {
    "multiplying": (bomb(9), r":\d+: more than 1000000 values"),
    "multiplying in mappings": (MERGED, r":\d+: more than"),
    "multiplying far": (bomb(2000), r":\d+: more than"),
    "recursive list": ("a: &a [*a]", ":1: alias 'a' stands for something that it is a part of"),
    "recursive mapping": ("\na: &a\n  b: *a", ":3: alias 'a' stands"),
    "recursive far": ("a: &a [[[{b: [*a]}]]]", ":1: alias 'a' stands"),
    "recursive merge": ("a: &a {<<: *a}", ":1: alias 'a' stands"),
    "recursive root": ("&a [*a]", ":1: alias 'a' stands"),
    "deep lists": ("[" * 20000, ":1: nested more than 64 deep"),
    "deep lists that end": ("x: " + "[" * 20000 + "]" * 20000, ":1: nested more than 64 deep"),
    "deep mappings": ("{a: " * 5000, ":1: nested more than 64 deep"),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(500)), ":64: nested more than 64 deep"),
    "deep dashes": ("- " * 5000 + "x", ":1: nested more than 64 deep"),
    "a list as key": ("a: 1\n? [1, 2]\n: x", ":2: a key is text"),
    "a mapping as key": ("{{a: 1}: x}", ":1: a key is text"),
    "an alias to a list as key": ("a: &a [1]\n*a : x", ":2: a key is text|:1: a key is text"),
    "an unknown alias": ("a: *nobody", ":1: not YAML"),
    "an unknown tag": ("a: !!python/object/apply:os.system [id]", "not YAML|cannot be read"),
    "a tag that does not fit": ("a: 1\nb: !!int x", r":\d+: a value cannot be read"),
    "another one": ("b: !!timestamp x", ":1: a value cannot be read"),
    "a month that is none": ("when: 2026-13-01", ":1: a value cannot be read"),
    "a number without an end": ("a: " + "9" * 5000, ":1: a value cannot be read"),
    "a key twice": ("a: 1\na: 2", ":2: 'a' stands twice"),
    "a key twice behind an alias": ("a: &a {b: 1}\nc: [*a, {d: 1, d: 2}]", ":2: 'd' stands twice"),
    "two documents": ("a: 1\n---\na: 2", r":\d+: not YAML"),
    "control characters": ("a: \x01", "not YAML"),
    "bytes that are no text": (b"a: \xff\xfe\x80", "codec can't decode"),
    "half of it": ("a: [1, 2", r":\d+: not YAML"),
    "a tab": ("a:\n\tb: 1", ":2: not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_by_file_and_line(tmp_path, name):
    text, said = HOSTILE[name]
    path = tmp_path / "own.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.process_time()
    with pytest.raises(BadInput, match=rf"own\.yml.*({said})"):
        entries(path)
    assert time.process_time() - started < 5


# Every file that a user writes, by what reads it.
READERS = {
    "profile": lambda path: catalogue.profile(path.stem, [path.parent]),
    "checks": lambda path: list(catalogue.checks([path.parent])),
    "waivers": lambda path: catalogue.waivers(path, ["gpu.count"]),
    "fleet checks": lambda path: fleet.checks([fleet.FLEET, path.parent]),
    "cable plan": cables.plan,
    "golive": golive_input.read,
    "attestation": attestations.parse,
    "evidence": lambda path: evidence.declared(path, []),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "name", ["multiplying", "recursive mapping", "deep lists", "a list as key", "a month that is none"]
)
def test_every_reader_of_peoples_files_refuses_it(tmp_path, reader, name):
    path = tmp_path / "own.yml"
    path.write_text(HOSTILE[name][0])
    started = time.process_time()
    with pytest.raises(BadInput, match=r"own\.yml:\d+: "):
        READERS[reader](path)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing", "too large"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, reader, kind, monkeypatch):
    path = tmp_path / "own.yml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "too large":
        with path.open("wb") as stream:
            stream.truncate(whole.LIMIT + 1)
    elif reader in ("profile", "checks", "fleet checks"):
        path.symlink_to("nowhere")
    with pytest.raises(BadInput, match=r"own"):
        READERS[reader](path)


def test_aliases_that_people_use_are_taken(tmp_path):
    path = tmp_path / "own.yml"
    path.write_text("usual: &usual {a: 1, b: [1, 2]}\none: {<<: *usual, a: 2}\ntwo: *usual\nlist: [*usual, *usual]")
    assert entries(path)[0].value["one"] == {"a": 2, "b": [1, 2]}


@pytest.mark.parametrize(
    ("mask", "mode", "seen"),
    [
        (0o022, None, 0o600),
        (0o077, None, 0o600),
        (0o022, files.SHARED, 0o644),
        (0o077, files.SHARED, 0o600),
        (0o027, files.SHARED, 0o640),
    ],
)
def test_what_is_written_obeys_the_umask_and_is_private_unless_shared(tmp_path, mask, mode, seen):
    before = os.umask(mask)
    try:
        files.write(tmp_path / "new" / "x.json", "{}", *([mode] if mode else []))
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "x.json").stat().st_mode & 0o777 == seen
    assert os.listdir(tmp_path / "new") == ["x.json"]
