# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shared libraries as files: where the loader finds them (ld.so.cache), and whether one can be loaded at all (ELF)."""

from __future__ import annotations

import struct
from typing import List, Optional

HEADER_BYTES = 64  # of an ELF file of 64 bits
MACHINES = {"x86_64": 62, "aarch64": 183}  # elf.h: EM_X86_64, EM_AARCH64
SHARED_OBJECT = 3  # elf.h: ET_DYN
CACHE_MAGIC = b"glibc-ld.so.cache1.1"
CACHE_HEADER, CACHE_ENTRY = 48, 24
CACHE_FLAGS = {"x86_64": 0x0303, "aarch64": 0x0A03}  # libc6, and the bits of the processor


def defect(header: bytes, size: int, machine: Optional[str]) -> Optional[str]:
    """Return why a file cannot be loaded as a library of ``machine``, ``None`` when its header is in order.

    ``header``: its first 64 bytes; ``size`` in bytes. A file that ends before its own tables do was cut short.
    """
    if size == 0:
        return "empty"
    if header[:4] != b"\x7fELF":
        return "no ELF file"
    if len(header) < HEADER_BYTES:
        return "cut short"
    if header[4:6] != b"\x02\x01":
        return "not of 64 bits, little-endian"
    kind, made_for = struct.unpack_from("<HH", header, 16)
    segments, sections = struct.unpack_from("<QQ", header, 32)
    segment_size, segment_count, section_size, section_count = struct.unpack_from("<4H", header, 54)
    if kind != SHARED_OBJECT:
        return "no shared library"
    if machine in MACHINES and made_for != MACHINES[machine]:
        return "for another processor"
    ends = (segments + segment_size * segment_count, sections + section_size * section_count)
    return "cut short" if max(ends) > size else None


def cached(cache: bytes, name: str, machine: Optional[str]) -> Optional[List[str]]:
    """Return where ``/etc/ld.so.cache`` finds a library for ``machine``, in order; ``None`` when it cannot be read."""
    start = cache.find(CACHE_MAGIC)
    if start < 0 or len(cache) < start + CACHE_HEADER:
        return None
    count = struct.unpack_from("<I", cache, start + len(CACHE_MAGIC))[0]
    if start + CACHE_HEADER + count * CACHE_ENTRY > len(cache):
        return None
    found = []
    for number in range(count):
        flags, key, value = struct.unpack_from("<III", cache, start + CACHE_HEADER + number * CACHE_ENTRY)
        if flags == CACHE_FLAGS.get(machine or "", flags) and _text(cache, start + key) == name:
            found.append(_text(cache, start + value))
    return found


def _text(cache: bytes, at: int) -> str:
    end = cache.find(b"\0", at)
    return cache[at : end if end >= 0 else len(cache)].decode("utf-8", "replace")
