# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The framing of SMBIOS tables (DSP0134): entry point, structures, strings. What they mean is in ``smbios_records``."""

from __future__ import annotations

import re
import struct
from typing import List, NamedTuple, Optional, Tuple

END_OF_TABLE = 127
INACTIVE = 126
HEX_ROW = re.compile(r"\s+(?:[0-9A-F]{2}\s*)+", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"[\W_]*|not (specified|available|provided|applicable|present|set)|default( string)?|to be filled by o\.?e\.?m\.?"
    r"|none|null|unknown|undefined|empty|n/?a|no (dimm|module installed|asset (tag|information))|invalid"
    r"|0?123456789(0)?|(system|chassis|base ?board|board) (manufacturer|product name|version|serial number|asset tag)"
    r"|[x*]+|(0x)?0{4,}|f{8,}|o\.e\.m\.|oem|sku|asset[- ]?(tag|1234567890)?|serial|version|product name|manufacturer"
    r"|sku=notprovided.*",
    re.IGNORECASE,
)


class Structure(NamedTuple):
    """One structure of the table: ``data`` is the formatted area with its 4-byte header, offsets count from there."""

    kind: int
    handle: int
    data: bytes
    strings: Tuple[str, ...]

    def number(self, offset: int, form: str = "B") -> Optional[int]:
        """Return the little-endian number at an offset (``struct`` letter), ``None`` past the structure's end."""
        if offset + struct.calcsize("<" + form) > len(self.data):
            return None
        value: int = struct.unpack_from("<" + form, self.data, offset)[0]
        return value

    def raw(self, offset: int) -> Optional[str]:
        """Return the string whose number stands at an offset, as the maker wrote it."""
        number = self.number(offset)
        return self.strings[number - 1] if number and number <= len(self.strings) else None

    def string(self, offset: int) -> Optional[str]:
        """Return the string whose number stands at an offset; ``None`` for the makers' placeholders."""
        return meant(self.raw(offset))


class Table(NamedTuple):
    """A walked table; ``problems`` says where it could not be followed."""

    structures: List[Structure]
    problems: List[str]

    def of(self, kind: int) -> List[Structure]:
        """Return the structures of a type, in table order."""
        return [structure for structure in self.structures if structure.kind == kind]


def meant(text: Optional[str]) -> Optional[str]:
    """Return a maker's text without surrounding blanks, ``None`` when it only fills the field."""
    stripped = (text or "").strip()
    return None if PLACEHOLDER.fullmatch(stripped) else stripped


def version(entry: Optional[bytes]) -> Optional[str]:
    """Return the SMBIOS version of an entry point (``"3.3"``); ``None`` when the bytes are no entry point."""
    if not entry:
        return None
    for anchor, size, offset in ((b"_SM3_", 24, 7), (b"_SM_", 31, 6)):
        if entry.startswith(anchor) and len(entry) >= size:
            return f"{entry[offset]}.{entry[offset + 1]}"
    return None


def walk(data: bytes) -> Table:
    """Split a structure table; stops at the end mark, at the end of the bytes, or where framing breaks."""
    table = Table([], [])
    offset = 0
    while offset + 4 <= len(data):
        kind, length, handle = struct.unpack_from("<BBH", data, offset)
        if length < 4:
            table.problems.append(f"structure at byte {offset} says it is {length} bytes long")
            return table
        end = data.find(b"\0\0", offset + length)
        if end < 0:
            table.problems.append(f"structure 0x{handle:04x} (type {kind}) is cut off")
            return table
        if kind != INACTIVE:
            body = data[offset : offset + length]
            table.structures.append(Structure(kind, handle, body, _strings(data[offset + length : end])))
        if kind == END_OF_TABLE:
            return table
        offset = end + 2
    table.problems.append("the table has no end mark")
    return table


def _strings(area: bytes) -> Tuple[str, ...]:
    texts = (piece.decode("utf-8", "replace") for piece in area.split(b"\0") if piece)
    return tuple("".join(c if c.isprintable() else " " for c in text).strip() for text in texts)


def from_dmidecode(text: str) -> Tuple[Optional[str], bytes]:
    """Rebuild version and table from ``dmidecode -u``, which prints each structure's bytes in hexadecimal."""
    found = re.search(r"^SMBIOS (\d+\.\d+)\S* present", text, re.MULTILINE)
    table = bytearray()
    for block in re.split(r"^Handle 0x", text, flags=re.MULTILINE)[1:]:
        header, _mark, strings = block.partition("Strings:")
        table += b"".join(map(_hex_row, header.splitlines())) + (_hex_strings(strings) or b"\0") + b"\0"
    return (found.group(1) if found else None), bytes(table)


def _hex_row(line: str) -> bytes:
    return bytes.fromhex(line) if HEX_ROW.fullmatch(line) else b""


def _hex_strings(text: str) -> bytes:
    """Join the rows of each string up to its NUL; the line after that repeats it as text ("A1" looks like a byte)."""
    strings = bytearray()
    lines = iter(text.splitlines())
    for line in lines:
        strings += _hex_row(line)
        if strings.endswith(b"\0"):
            next(lines, None)
    return bytes(strings)
