from __future__ import annotations

import re

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import ethtool

DRIVER = """driver: mlx5_core
version: 24.10-1.1.4
firmware-version: 28.43.2026 (MT_0000000838)
expansion-rom-version:
bus-info: 0000:18:00.0
supports-statistics: yes
"""
RINGS = """Ring parameters for eth0:
Pre-set maximums:
RX:\t\t\t8192
RX Mini:\t\tn/a
RX Jumbo:\t\tn/a
TX:\t\t\t4096
Current hardware settings:
RX:\t\t\t1024
RX Mini:\t\tn/a
TX:\t\t\t512
"""
QSFP = """\tIdentifier                                : 0x18 (QSFP-DD Double Density 8X Pluggable Transceiver)
\tCable assembly length                     : 0m
\tVendor name                               : NVIDIA
\tVendor PN                                 : MMA1Z00-NS400
\tVendor SN                                 : MT2345
\tModule temperature                        : 71.50 degrees C / 160.70 degrees F
\tTransmit avg optical power (Channel 1)    : 1.4521 mW / 1.62 dBm
\tTransmit avg optical power (Channel 2)    : 0.0001 mW / -40.00 dBm
\tRcvr signal avg optical power (Channel 1) : 0.9120 mW / -0.40 dBm
\tModule temperature high alarm             : Off
\tModule temperature high warning           : On
\tLaser rx power low alarm   (Chan 2)       : On
\tModule temperature high alarm threshold   : 80.00 degrees C / 176.00 degrees F
\tModule temperature high warning threshold : 70.00 degrees C / 158.00 degrees F
"""


def test_driver_separates_firmware_and_psid():
    assert ethtool.driver(DRIVER) == {
        "driver": "mlx5_core",
        "driver_version": "24.10-1.1.4",
        "firmware_version": "28.43.2026",
        "psid": "MT_0000000838",
        "bus_info": "0000:18:00.0",
    }


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("0x80001aeb, 1.3429.0", "0x80001aeb, 1.3429.0"),
        ("229.2.54.0/pkg 229.1.123.0", "229.2.54.0/pkg 229.1.123.0"),
        ("N/A", None),
        ("", None),
    ],
)
def test_firmware_of_other_makers(said, version):
    found = ethtool.driver(f"driver: x\nfirmware-version: {said}\n")
    assert (found["firmware_version"], found["psid"]) == (version, None)


def test_link_says_why_it_is_down():
    found = ethtool.link("Settings for eth0:\n\tPort: FIBRE\n\tAuto-negotiation: on\n\tLink detected: no (No cable)\n")
    expected = {"port_type": "FIBRE", "autonegotiation": True, "link_detected": False, "link_detail": "No cable"}
    assert found == expected


def test_pause_is_what_is_set_not_what_was_negotiated():
    text = (
        "Pause parameters for eth0:\nAutonegotiate:\ton\nRX:\t\toff\nTX:\t\toff\nRX negotiated: on\nTX negotiated: on\n"
    )
    assert ethtool.pause(text) == {"autonegotiate": True, "rx": False, "tx": False}


@pytest.mark.parametrize("line", ["Configured FEC encodings", "Supported/Configured FEC encodings"])
@pytest.mark.parametrize("active", ["Active FEC encoding", "Active FEC encodings"])
def test_fec_of_old_and_new_ethtool(line, active):
    assert ethtool.fec(f"FEC parameters for eth0:\n{line}: Auto RS\n{active}: RS\n") == {
        "configured": ["Auto", "RS"],
        "active": ["RS"],
    }


def test_rings_tell_now_from_most():
    assert ethtool.rings(RINGS) == {"rx": 1024, "tx": 512, "rx_max": 8192, "tx_max": 4096}


def test_module_with_lanes_and_alarms():
    found = ethtool.module(QSFP)
    assert found["temperature_c"] == 71.5
    assert (found["temperature_warning_c"], found["temperature_alarm_c"]) == (70.0, 80.0)
    assert found["tx_power_dbm"] == [1.62, -40.0]
    assert found["rx_power_dbm"] == [-0.4]
    assert found["alarms"] == ["Module temperature high warning", "Laser rx power low alarm   (Chan 2)"]
    assert (found["vendor"], found["part_number"], found["serial_number"]) == ("NVIDIA", "MMA1Z00-NS400", "MT2345")
    assert found["length_m"] is None


@pytest.mark.parametrize(
    "text", ["", "garbage", "Identifier", ":::\n: x\n", "\x00\ufffd" * 100, "{{ 7 * 7 }}: <script>"]
)
def test_nothing_is_made_of_garbage(text):
    assert ethtool.module(text) is None
    for parse in (ethtool.driver, ethtool.link, ethtool.pause, ethtool.fec, ethtool.rings):
        assert set(parse(text).values()) == {None}


def test_truncated_module_keeps_what_was_told():
    found = ethtool.module(QSFP[: QSFP.index("Transmit")])
    assert (found["temperature_c"], found["alarms"], found["tx_power_dbm"]) == (71.5, None, None)


def test_long_lines_do_not_take_long():
    assert (
        ethtool.module("Identifier : 0x18\n" + "a" * 2_000_000 + "\n" + " " * 2_000_000 + ":" + "9" * 10**6)["vendor"]
        is None
    )


def test_recorded_module_with_diagnostics(fixtures):
    found = ethtool.module((fixtures / "nic/netdata-ethtool-m-ddm.txt").read_text())
    assert (found["vendor"], found["temperature_c"], found["alarms"]) == ("FS", 38.0, [])
    assert (found["rx_power_dbm"], found["tx_power_dbm"]) == ([-23.57], [5.58])


def test_recorded_copper_cable_has_no_diagnostics(fixtures):
    found = ethtool.module((fixtures / "nic/jc-ethtool--module-info.out").read_text())
    assert (found["vendor"], found["part_number"], found["length_m"]) == ("UbiquitiNetworks", "UDC-2", 2.0)
    assert (found["temperature_c"], found["alarms"], found["serial_number"]) == (None, None, None)


def test_recorded_link(fixtures):
    found = ethtool.link((fixtures / "nic/jc-ethtool--default1.out").read_text())
    assert found["port_type"] == "Twisted Pair"
    assert found["link_detected"] is True


ANSWERLESS = ["N/A", "[Not Supported]", "", "unknown"]


@pytest.mark.parametrize("nothing", ANSWERLESS)
@pytest.mark.parametrize("line", ["Module temperature", "Module voltage", "Transmit avg optical power"])
def test_a_measurement_without_a_value_is_still_one_of_a_module_with_diagnostics(line, nothing):
    lost = re.sub(rf"(?m)^(\s*{line}(?:\s*\(Channel \d+\))?\s*):.*$", rf"\1: {nothing}", QSFP)
    found = ethtool.module(lost)
    assert found["diagnostics"] is True
    assert found["alarms"] == ["Module temperature high warning", "Laser rx power low alarm   (Chan 2)"]


@pytest.mark.parametrize("nothing", ANSWERLESS)
def test_flags_that_say_nothing_are_not_flags_that_are_off(nothing):
    quiet = re.sub(r"(?m)^(.*(?:alarm|warning)(?:\s+\(Chan \d\))?\s*): *On$", r"\1: Off", QSFP)
    assert ethtool.module(quiet)["alarms"] == []
    one_lost = re.sub(r"(?m)^(.*high alarm\s*): *Off$", rf"\1: {nothing}", quiet, count=1)
    assert one_lost != quiet
    assert ethtool.module(one_lost)["alarms"] is None


def test_a_copper_cable_has_no_diagnostics():
    assert ethtool.module("Identifier : 0x0d (QSFP+)\nVendor name : X\nLength (Copper) : 2m\n")["diagnostics"] is False


QUIET = re.sub(r"(?m)^(.*(?:alarm|warning)(?:\s+\(Chan \d\))?\s*): *On$", r"\1: Off", QSFP)


@pytest.mark.parametrize(
    ("line", "alarm"),
    [
        ("Tx fault : Yes", "Tx fault"),
        ("Tx fault : [ No, Yes, No, Yes ]", "Tx fault (lanes 2, 4)"),
        ("Tx adaptive eq fault : [ Yes, No ]", "Tx adaptive eq fault (lane 1)"),
        ("Rx loss of signal : [ Yes, No, No, No ]", "Rx loss of signal (lane 1)"),
        ("Tx loss of signal : Yes", "Tx loss of signal"),
        ("Rx loss of lock : [ No, Yes ]", "Rx loss of lock (lane 2)"),
        ("Tx loss of lock : [ maybe, Yes ]", "Tx loss of lock (lane 2)"),
        ("Module State : 0x05 (ModuleFault)", "Module State 0x05 (ModuleFault)"),
        ("Module-level firmware fault : On", "Module-level firmware fault"),
        ("Data path firmware fault : On", "Data path firmware fault"),
    ],
)
@pytest.mark.parametrize("below", [QUIET, QUIET[: QUIET.index("Module temp")]], ids=["measured", "identity only"])
def test_fault_is_an_alarm(line, alarm, below):
    found = ethtool.module(f"{below}\t{line}\n")
    assert (found["alarms"], found["diagnostics"]) == ([alarm], True)


@pytest.mark.parametrize(
    "line",
    [
        "Tx fault : No",
        "Tx fault : None",
        "Rx loss of signal : None",
        "Rx loss of signal : [ No, No, No, No ]",
        "Module State : 0x03 (ModuleReady)",
        "Module State : 0x01 (ModuleLowPwr)",
        "Module-level firmware fault : Off",
    ],
)
def test_fault_that_is_off_is_no_alarm(line):
    assert ethtool.module(f"{QUIET}\t{line}\n")["alarms"] == []
    identity = ethtool.module(f"{QUIET[: QUIET.index('Module temp')]}\t{line}\n")
    assert (identity["alarms"], identity["diagnostics"]) == (None, False)


@pytest.mark.parametrize("line", ["Tx fault : N/A", "Tx fault :", "Rx loss of signal : [ No, ? ]", "Module State : 9"])
def test_fault_that_says_nothing_is_unknown(line):
    assert ethtool.module(f"{QUIET}\t{line}\n")["alarms"] is None
