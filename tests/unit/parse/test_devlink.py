from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import devlink


def info(running, stored):
    versions = {"fixed": {"fw.psid": "MT_1"}, "running": running, "stored": stored}
    return {"info": {"pci/0000:18:00.0": {"driver": "mlx5_core", "serial_number": " S1 ", "versions": versions}}}


@pytest.mark.parametrize(
    ("running", "stored", "pending"),
    [
        ({"fw.version": "28.43.1"}, {"fw.version": "28.43.1"}, False),
        ({"fw": "28.43.1"}, {"fw.version": "28.45.0", "fw": "28.45.0"}, True),
        ({"fw.version": "28.43.1"}, {}, None),
        ({"fw.version": "28.43.1"}, None, None),
        ({"fw.version": ["x"]}, {"fw.version": "28.43.1"}, None),
    ],
)
def test_pending_firmware(running, stored, pending):
    (found,) = devlink.adapters(info(running, stored))
    assert found["firmware_pending"] is pending
    assert (found["pci_address"], found["psid"], found["serial_number"]) == ("0000:18:00.0", "MT_1", "S1")


def test_other_buses_are_left_out():
    assert devlink.adapters({"info": {"auxiliary/mlx5_core.eth.0": {}, "pci/0000:01:00.0": {}, "pci/x": 7}}) == [
        {
            "label": "PCI 0000:01:00.0",
            "pci_address": "0000:01:00.0",
            "driver": None,
            "serial_number": None,
            "board_serial_number": None,
            "psid": None,
            "firmware_running": None,
            "firmware_stored": None,
            "firmware_pending": None,
        }
    ]


@pytest.mark.parametrize("document", [None, [], "x", {}, {"info": None}, {"info": []}])
def test_no_answer_is_none(document):
    assert devlink.adapters(document) is None
