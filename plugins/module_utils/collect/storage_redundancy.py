# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps data when a drive fails: md arrays, ZFS pools, and the errors that file systems counted.

No source is believed that shows less than another one: an array, pool or file system that is mounted or known to the
kernel and of which its own source says nothing is unknown, and not absent.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..host import ABSENT, OK, Asked
from ..parse import mdstat

MDSTAT, BLOCK, EXT4, POOLS = "/proc/mdstat", "/sys/block", "/sys/fs/ext4", "/proc/spl/kstat/zfs"
REDUNDANT = ("raid1", "raid4", "raid5", "raid6", "raid10")
LEVELS = (*REDUNDANT, "raid0", "linear", "multipath", "container")
_ARRAY = re.compile(r"md(_d)?\d+")
_DEVICE = re.compile(r"/dev/(md(?:_d)?\d+)(?:p\d+)?")
Mounts = Iterable[Mapping[str, Any]]


def collect(asked: Asked, mounted: Mounts) -> Dict[str, Any]:
    """Return the facts of arrays, pools and file systems; ``mounted`` is the whole table of mounts."""
    table = list(mounted)
    arrays, shown = _arrays(asked, table)
    pools, damaged = _pools(asked, table), _filesystems(asked, table)
    return {
        "arrays": arrays,
        "arrays_unhealthy": _arrays_unhealthy(arrays, shown),
        "pools": pools,
        "pools_unhealthy": _pools_unhealthy(pools),
        "filesystems": damaged,
        "filesystems_damaged": _damaged(damaged),
    }


def _arrays(asked: Asked, mounted: Mounts) -> Tuple[Optional[List[Dict[str, Any]]], bool]:
    """Return the md arrays, and whether that is all of them; where the kernel knows of no md there are none."""
    answer = asked.host.read(MDSTAT)
    if answer.state not in (OK, ABSENT):
        asked.fail(MDSTAT, answer.state)
        return None, False
    text = answer.data.decode("utf-8", "replace")
    arrays = mdstat.mdstat(text)
    missing = sorted(_known_arrays(asked, mounted) - {array["name"] for array in arrays})
    if answer.state == OK and not arrays and not text.startswith("Personalities"):
        reason = f"not understood: {text[:60]!r}"
    elif missing:
        reason = f"{answer.state}: shows nothing of {', '.join(missing)}"
    elif answer.state == OK and not mdstat.is_whole(text):
        reason = "cut off: its last line is missing"
    else:
        _note_levels(asked, arrays)
        return arrays, True
    asked.fail(MDSTAT, reason)
    return arrays or None, False


def _note_levels(asked: Asked, arrays: Iterable[Mapping[str, Any]]) -> None:
    for array in arrays:
        if array["state"] == "active" and array["level"] not in LEVELS:
            asked.fail(MDSTAT, f"{array['name']}: level {array['level'] or 'missing'} is not understood")


def _known_arrays(asked: Asked, mounted: Mounts) -> Set[str]:
    """Return the arrays that the kernel lists as block devices, or that something is mounted from."""
    used = [_DEVICE.fullmatch(mount["source"]) for mount in mounted]
    return {found[1] for found in used if found} | {
        name for name in asked.host.names(BLOCK).names if _ARRAY.fullmatch(name)
    }


def _arrays_unhealthy(arrays: Optional[List[Dict[str, Any]]], shown: bool) -> Optional[List[str]]:
    """Return the arrays that are ill; ``None`` while none is seen to be and something of them is not known."""
    states = [(array, _unhealthy(array)) for array in arrays or []]
    ill = [_say_array(array) for array, is_ill in states if is_ill]
    unknown = arrays is None or not shown or any(is_ill is None for unused, is_ill in states)
    return None if unknown and not ill else ill


def _unhealthy(array: Mapping[str, Any]) -> Optional[bool]:
    """Say whether an array is ill.

    ``None`` for one that has members to lose and does not say how many it has, and for one of a level not understood.
    """
    if array["state"] != "active" or array["degraded"] or array["failed"]:
        return True
    if array["level"] not in LEVELS:
        return None
    return None if array["degraded"] is None and array["level"] in REDUNDANT else False


def _say_array(array: Mapping[str, Any]) -> str:
    if array["state"] != "active":
        return f"{array['name']} is {array['state']}"
    lost = f", failed: {', '.join(array['failed'])}" if array["failed"] else ""
    built = f", {array['action']} at {array['progress_percent']:g} %" if array["progress_percent"] is not None else ""
    return f"{array['name']} has {array['active']} of {array['expected']} members{lost}{built}"


def _pools(asked: Asked, mounted: Mounts) -> Optional[List[Dict[str, Any]]]:
    """Return the pools; one that is mounted and that the kernel does not list has no state."""
    answer = asked.host.names(POOLS)
    if answer.state not in (OK, ABSENT):
        asked.fail(POOLS, answer.state)
        return None
    places = {name: f"{POOLS}/{name}/state" for name in answer.names}  # what has no state is no pool
    found = [
        {"label": name, "name": name, "state": asked.text(place) or None}
        for name, place in places.items()
        if asked.host.link(place)
    ]
    used = {mount["source"].split("/")[0] for mount in mounted if mount["fstype"] == "zfs"}
    for name in sorted(used - {pool["name"] for pool in found}):
        asked.fail(f"{POOLS}/{name}/state", "absent: the pool is mounted and has no state")
        found.append({"label": name, "name": name, "state": None})
    return found


def _pools_unhealthy(pools: Optional[List[Dict[str, Any]]]) -> Optional[List[str]]:
    """Return the pools that are not online; ``None`` when none is seen to be ill and of one the state is not known."""
    ill = [_say_pool(each) for each in pools or [] if each["state"] not in (None, "ONLINE")]
    unknown = pools is None or any(each["state"] is None for each in pools)
    return None if unknown and not ill else ill


def _say_pool(pool: Mapping[str, Any]) -> str:
    return f"{pool['name']} is {pool['state']}"


def _filesystems(asked: Asked, mounted: Mounts) -> Optional[List[Dict[str, Any]]]:
    """Return the error counters that ext4 keeps on disk; they last until a check of the file system clears them.

    The kernel names them by block device, which may hide behind a mapper: fewer counters than ext4 file systems that
    are mounted leave the rest without a count.
    """
    answer = asked.host.names(EXT4)
    if answer.state not in (OK, ABSENT):
        asked.fail(EXT4, answer.state)
        return None
    counters = {name: f"{EXT4}/{name}/errors_count" for name in answer.names}
    counts = {name: asked.number(path) for name, path in counters.items() if asked.host.stat(path)}
    found: List[Dict[str, Any]] = [{"label": name, "kind": "ext4", "errors": count} for name, count in counts.items()]
    used = {mount["device"]: mount["source"] for mount in mounted if mount["fstype"] == "ext4"}
    uncounted = [source for source in used.values() if source.rsplit("/", 1)[-1] not in counts]
    for source in sorted(uncounted)[: max(0, len(used) - len(counts))]:
        asked.fail(f"{EXT4}/{source.rsplit('/', 1)[-1]}/errors_count", "absent: the file system is mounted")
        found.append({"label": source, "kind": "ext4", "errors": None})
    return found


def _damaged(filesystems: Optional[List[Dict[str, Any]]]) -> Optional[List[str]]:
    """Return the file systems with errors; what none is known of stays unknown while a counter cannot be read."""
    found = [_say_damage(each) for each in filesystems or [] if each["errors"]]
    unread = filesystems is None or any(each["errors"] is None for each in filesystems)
    return None if unread and not found else found


def _say_damage(filesystem: Mapping[str, Any]) -> str:
    return f"{filesystem['label']}: {filesystem['errors']} errors"
