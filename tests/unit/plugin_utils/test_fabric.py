# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``ibnetdiscover`` printed shows on which port of which switch each adapter ends; anything else is an error."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet import fabric

PRINTED = """\
#
# Topology file: generated on Mon Nov 23 02:14:00 2026
#
vendid=0x2c9
devid=0xd2f2
switchguid=0x1070fd030011aa00(1070fd030011aa00)
Switch\t65 "S-1070fd030011aa00"\t\t# "MF0;ib-leaf-1:MQM9700/U1" enhanced port 0 lid 3 lmc 0
[17]\t"H-0c42a10300605e88"[1](c42a10300605e88) \t\t# "gpu-a01-01 mlx5_0" lid 4 4xNDR
[33]\t"S-1070fd030011bb00"[1]\t\t# "MF0;ib-spine-1:MQM9700/U1" lid 1 4xNDR

caguid=0xc42a10300605e88
Ca\t2 "H-0c42a10300605e88"\t\t# "gpu-a01-01 mlx5_0"
[1](c42a10300605e88) \t"S-1070fd030011aa00"[17]\t\t# lid 4 lmc 0 "MF0;ib-leaf-1:MQM9700/U1" lid 3 4xNDR
[2](c42a10300605e89) \t"S-1070fd030011bb00"[9]\t\t# lid 5 lmc 0 "unmanaged switch" lid 1 4xNDR
"""


def test_each_port_of_an_adapter_has_its_switch_and_port() -> None:
    assert fabric.parse(PRINTED) == {
        "0c42a10300605e88": {
            1: {"chassis_name": "ib-leaf-1", "port_id": "17", "port_description": None},
            2: {"chassis_name": "unmanaged switch", "port_id": "9", "port_description": None},
        }
    }


def test_a_host_is_found_by_the_guid_of_its_adapter() -> None:
    seen = fabric.Fabric(fabric.parse(PRINTED), None)
    found = fabric.neighbours(seen, [{"name": "mlx5_4", "node_guid": "0c42:a103:0060:5e88"}, {"name": "mlx5_5"}, "x"])
    assert {name: entry[0]["port_id"] for name, entry in found.items()} == {
        "mlx5_4": "17",
        "mlx5_4/1": "17",
        "mlx5_4/2": "9",
    }
    assert fabric.neighbours(seen, None) == fabric.neighbours(fabric.Fabric(), [{"name": "mlx5_4"}]) == {}


def test_what_is_old_cannot_be_relied_on(tmp_path: Path) -> None:
    path = tmp_path / "fabric.txt"
    path.write_text(PRINTED)
    assert fabric.read(path).flaw is None
    then = time.time() - 30 * 3600
    os.utime(path, (then, then))
    assert fabric.read(path).flaw == f"{path} is 30 hours old, at most 24 are allowed"


@pytest.mark.parametrize("text", ["", "CA   134  1 0x7cfe9003003b4b96 4x EDR - SW 1719 10 0x7cfe\n", "\x00\xff"])
def test_what_shows_no_adapter_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fabric.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"fabric\.txt: shows no adapter on a switch"):
        fabric.read(path)
    with pytest.raises(BadInput, match=r"none\.txt: cannot be read: No such file"):
        fabric.read(tmp_path / "none.txt")


@given(st.text(alphabet='CaSwitch "H-[]()#0f;:\n', max_size=400))
def test_nothing_makes_it_raise(text: str) -> None:
    fabric.parse(text)


def test_a_recorded_fabric(fixtures: Path) -> None:
    links = fabric.parse((fixtures / "ib" / "superbench-ib_traffic_topo_aware_ibnetdiscover.txt").read_text())
    assert links["0ff08c4321664e96"][1]["chassis_name"] == "rmd70-0101-0919-01ib0"
    assert links["0ff08c4321664e96"][1]["port_id"] == "1"
    assert len(links) > 3
