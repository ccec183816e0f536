# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking identity out of a recording: every identifier is replaced, each always by the same made-up one."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

IDENTIFYING = re.compile(r"(^|_)(serial|uuid|guid|mac|asset_tag|hostname|machine_id|chassis_serial|part_serial)(_|$)")
MAC = re.compile(r"(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9a-fA-F:])")
IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
IPV6 = re.compile(r"(?<![0-9a-fA-F:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![0-9a-fA-F:.])")
UUID = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])")
PDI = re.compile(r"(?<=<pdi>0x)[0-9a-fA-F]+")  # what nvidia-smi calls the number that no other device has
SHORTEST = 5  # shorter identifiers would be replaced in the middle of other words
# A text such as 6.8.0.1 may be a version: four numbers are an address when facts or these networks say so.
INTERNAL = [
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
]


def identifiers(facts: Any, key: str = "") -> Iterator[str]:
    """Yield the values that facts hold under a name that identifies: serials, GUIDs, host names."""
    if isinstance(facts, Mapping):
        for name, value in facts.items():
            yield from identifiers(value, str(name))
    elif isinstance(facts, list):
        for value in facts:
            yield from identifiers(value, key)
    elif isinstance(facts, str) and len(facts) >= SHORTEST and IDENTIFYING.search(key):
        yield facts


def addresses(facts: Any) -> Iterator[str]:
    """Yield the IP addresses that facts hold, loopback and multicast left out."""
    if isinstance(facts, Mapping):
        for value in facts.values():
            yield from addresses(value)
    elif isinstance(facts, list):
        for value in facts:
            yield from addresses(value)
    elif isinstance(facts, str) and (facts.count(".") == 3 or facts.count(":") > 1):
        try:
            address = ipaddress.ip_interface(facts).ip
        except ValueError:
            return
        if not (address.is_loopback or address.is_multicast or address.is_unspecified):
            yield str(address)


def _spellings(address: str) -> Iterator[tuple[str, str]]:
    """Yield an address and what it becomes, as people write it and as the kernel does in /proc/net."""
    made = _ipv4(address, known=True) if "." in address else _like_v6(address)
    yield address, made
    old, new = ipaddress.ip_address(address).packed, ipaddress.ip_address(made).packed
    for spell in (_little_endian, bytes.hex):
        yield spell(old), spell(new)


def _binary_uuids(texts: Iterable[str]) -> dict[str, str]:
    """Return how SMBIOS keeps the UUIDs among ``texts``, sixteen bytes as Latin-1, and what they become."""
    known = [uuid.UUID(text) for text in texts if UUID.fullmatch(text)]
    pairs = [(one, uuid.UUID(_like(str(one)))) for one in known]
    return {getattr(old, form).decode("latin-1"): getattr(new, form).decode("latin-1")
            for old, new in pairs for form in ("bytes", "bytes_le")}  # fmt: skip


def _little_endian(packed: bytes) -> str:
    return "".join(packed[i : i + 4][::-1].hex() for i in range(0, len(packed), 4)).upper()


def scrub(recording: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recording without serial numbers, UUIDs, GUIDs, MAC and IP addresses and the host's name.

    ``facts`` are those collected for the recording; they say which texts are identifiers. The same identifier is
    replaced by the same text everywhere, binary files included, so that relations stay.
    """
    known = sorted(set(identifiers(facts)) | {recording["identity"]["hostname"]}, key=len, reverse=True)
    table = {text: _like(text) for text in known if len(text) >= SHORTEST}
    table.update(_binary_uuids(known))
    table.update(pair for address in set(addresses(facts)) for pair in _spellings(address))
    word = re.compile("|".join(map(re.escape, table))) if table else None

    def clean(text: str) -> str:
        if word:
            text = word.sub(lambda found: table[found.group()], text)
        for pattern, stand_in in ((UUID, _like), (PDI, _like), (MAC, _mac), (IPV4, _ipv4), (IPV6, _like_v6)):
            text = pattern.sub(lambda found, to=stand_in: to(found.group()), text)  # type: ignore[misc]
        return text

    result: dict[str, Any] = _mapped(recording, clean)
    return dict(result, scrubbed=True)


def _mapped(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        if set(value) == {"b64"}:
            text = base64.b64decode(value["b64"]).decode("latin-1")
            return {"b64": base64.b64encode(clean(text).encode("latin-1", "replace")).decode()}
        return {clean(key): _mapped(part, clean) for key, part in value.items()}
    return [_mapped(part, clean) for part in value] if isinstance(value, list) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.lower().encode()).hexdigest() * 4


def _like(text: str) -> str:
    """Return another text of the same length and shape: digits for digits, letters for letters, hex stays hex."""
    hexadecimal = re.fullmatch(r"[0-9a-fA-F:.-]+", text) is not None
    digest = iter(_digest(text) * (len(text) // 256 + 1))
    made = []
    for letter in text:
        drawn = int(next(digest), 16)
        if letter.isdigit():
            made.append(str(drawn % 10))
        elif letter.isalpha() and hexadecimal:
            made.append("abcdef"[drawn % 6])
        elif letter.isalpha():
            made.append((chr(65 + drawn) if letter.isupper() else chr(97 + drawn)) if letter.isascii() else "x")
        else:
            made.append(letter)
    return "".join(made)


def _mac(text: str) -> str:
    digest = _digest(text)
    return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


def _ipv4(text: str, known: bool = False) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return text
    if not known and not any(address in net for net in INTERNAL):
        return text
    drawn = int(_digest(text)[:6], 16)
    return f"198.{18 + drawn % 2}.{drawn // 2 % 256}.{drawn // 512 % 254 + 1}"


def _like_v6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return text
    if address.is_loopback or address.is_multicast:
        return text
    digest = _digest(text)
    return "2001:db8:" + ":".join(digest[i : i + 4] for i in range(0, 24, 4))


def dump(recording: Mapping[str, Any]) -> str:
    """Return a recording as the text of its file."""
    return json.dumps(recording, indent=1, sort_keys=True) + "\n"
