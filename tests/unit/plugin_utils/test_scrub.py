"""A scrubbed recording names nobody, and what was the same stays the same."""

from __future__ import annotations

import base64
import json
import uuid

from ansible_collections.muster.fleet.plugins.plugin_utils.scrub import scrub

SERIAL, HOST, MAC, IP, UUID = (
    "1652922004711",
    "gpu-a01-03",
    "b8:ce:f6:00:11:22",
    "10.20.30.40",
    "GPU-3a1b2c3d-1111-2222-3333-444455556666",
)
GUID = "b8ce:f603:0011:2233"
RECORDING = {
    "muster_recording": 1,
    "identity": {"hostname": HOST, "now": 1.0},
    "files": {
        "/etc/hostname": HOST + "\n",
        "/sys/class/infiniband/mlx5_0/node_guid": GUID,
        "/sys/firmware/dmi/tables/DMI": {"b64": base64.b64encode(b"\x01\xff" + SERIAL.encode() + b"\x00").decode()},
        "/proc/version": "Linux version 6.8.0.1",
    },
    "commands": {
        f"ping {IP}": {
            "stdout": f"{MAC} {IP} {UUID} serial {SERIAL} fe80::1234:5678:9abc:def0 127.0.0.1 driver 580.105.08"
        }
    },
}
FACTS = {"gpu": {"devices": [{"serial": SERIAL, "uuid": UUID}]}, "nic": {"rdma": [{"node_guid": GUID}]}}


def test_identifiers_are_gone_everywhere():
    text = json.dumps(scrub(RECORDING, FACTS))
    raw = base64.b64decode(scrub(RECORDING, FACTS)["files"]["/sys/firmware/dmi/tables/DMI"]["b64"])
    for secret in (SERIAL, HOST, MAC, IP, UUID, UUID[4:], GUID, "fe80::1234"):
        assert secret not in text
        assert secret.encode() not in raw


def test_the_same_identifier_becomes_the_same_text():
    clean = scrub(RECORDING, FACTS)
    said = next(iter(clean["commands"].values()))["stdout"].split(" serial ")[1].split()[0]
    raw = base64.b64decode(clean["files"]["/sys/firmware/dmi/tables/DMI"]["b64"])
    assert len(said) == len(SERIAL)
    assert raw == b"\x01\xff" + said.encode() + b"\x00"
    assert clean["identity"]["hostname"] == clean["files"]["/etc/hostname"].strip()


def test_the_system_uuid_is_gone_from_binary_tables_too():
    system = uuid.UUID("4c4c4544-0042-3510-8052-b4c04f564432")
    recording = {
        **RECORDING,
        "files": {"/sys/firmware/dmi/tables/DMI": {"b64": base64.b64encode(b"\x01" + system.bytes_le).decode()}},
    }
    clean = scrub(recording, {"firmware": {"system": {"uuid": str(system)}}})
    raw = base64.b64decode(clean["files"]["/sys/firmware/dmi/tables/DMI"]["b64"])
    assert len(raw) == 17
    assert system.bytes_le not in raw


def test_what_identifies_nobody_stays():
    clean = scrub(RECORDING, FACTS)
    said = next(iter(clean["commands"].values()))["stdout"]
    assert "127.0.0.1 driver 580.105.08" in said
    assert clean["files"]["/proc/version"] == "Linux version 6.8.0.1"
    assert clean["scrubbed"] is True


def test_per_device_number_of_nvidia_smi_is_replaced():
    told = "<pdi>0xf4b16fe2f8fe52a1</pdi><pci_device_id>233010DE</pci_device_id>"
    recording = {"identity": {"hostname": HOST}, "commands": {"nvidia-smi -q -x": {"stdout": told}}}
    made = scrub(recording, {})["commands"]["nvidia-smi -q -x"]["stdout"]
    assert "f4b16fe2f8fe52a1" not in made
    assert made.startswith("<pdi>0x")
    assert made.endswith("</pdi><pci_device_id>233010DE</pci_device_id>")
