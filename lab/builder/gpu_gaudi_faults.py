# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with Gaudi 3 cards, as hl-smi and the driver answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import pcimap
from .faults import Fault
from .gpu_gaudi_answers import CARDS, CLOCKS, HEALTH, card, links, tables
from .node import Node
from .pcimap import GPU
from .recording import Recording

Apply = Callable[[Node, Recording], None]
OLD_FIRMWARE = "hl-gaudi3-1.20.0-fw-58.0.0-sec-9"


def fault(name: str, does: str, finds: Mapping[str, str], apply: Apply) -> Fault:
    """A fault of this class of node."""
    return Fault(name, does, ("gaudi3",), finds, apply)


def shows(number: int, **files: str) -> Apply:
    """The driver's files of one card say otherwise."""

    def apply(node: Node, rec: Recording) -> None:
        for name, text in files.items():
            rec.file(f"{card(node, number)}/{name}", f"{text}\n")

    return apply


def prints(number: int, **fields: str) -> Apply:
    """hl-smi says otherwise of one card; dots of a field are written as "__"."""

    def apply(node: Node, rec: Recording) -> None:
        tables(node, rec, pcimap.of(node.klass, GPU), **{name: {number: text} for name, text in fields.items()})

    return apply


def heat(number: int, celsius: int) -> Apply:
    """hl-smi and the driver say how hot a card is."""

    def apply(node: Node, rec: Recording) -> None:
        prints(number, temperature__aip=str(celsius))(node, rec)
        rec.file(f"{card(node, number)}/hwmon/hwmon{number + 4}/temp1_input", f"{celsius * 1000}\n")

    return apply


def ports(number: int, text: str) -> Apply:
    """hl-smi says otherwise of one card's ports."""
    return lambda node, rec: rec.command(f"hl-smi -n link -i {pcimap.one(node.klass, GPU, number).address}", text)


def _missing(node: Node, rec: Recording) -> None:
    """The driver gave the card up: it is on the bus, and nowhere else."""
    gone = pcimap.one(node.klass, GPU, 3)
    rec.remove(f"{card(node, 3)}/driver")
    rec.remove(f"/sys/bus/pci/drivers/{gone.driver}/{gone.address}")
    rec.remove(f"/sys/class/accel/{gone.name}")
    tables(node, rec, [function for function in pcimap.of(node.klass, GPU) if function.index != 3])


def _both(*parts: Apply) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        for part in parts:
            part(node, rec)

    return apply


def _no_module(node: Node, rec: Recording) -> None:
    rec.remove("/sys/module/habanalabs")
    rec.no_command("hl-smi")
    for function in pcimap.of(node.klass, GPU):
        rec.remove(f"{card(node, function.index)}/driver")
        rec.remove(f"/sys/class/accel/{function.name}")


def _hangs(node: Node, rec: Recording) -> None:
    for query in (CARDS, HEALTH, CLOCKS):
        rec.command(f"hl-smi -Q {query} -f csv", state="timeout", duration_s=60)


UNASKED = {  # sysfs still tells the rest
    "gpu.driver.state": "fail",
    **dict.fromkeys(
        (
            "gaudi.clock.limit", "gaudi.port.active", "gaudi.port.count", "gpu.ecc.aggregate_uncorrected",
            "gpu.ecc.corrected", "gpu.ecc.enabled", "gpu.ecc.pending", "gpu.ecc.uncorrected", "gpu.memory.total",
            "gpu.uuid.unique",
        ),
        "unknown",
    ),
}  # fmt: skip
NOT_LOADED = {
    **dict.fromkeys(("gaudi.driver.module_state", "gpu.count.driver", "gpu.driver.state", "pci.gpu.driver"), "fail"),
    **dict.fromkeys(
        (
            "gaudi.clock.limit", "gaudi.cpld.uniform", "gaudi.firmware.matches_driver", "gaudi.firmware.uniform",
            "gaudi.module_id.unique",
            "gaudi.port.active", "gaudi.port.count", "gaudi.power.maximum", "gaudi.reset.hard",
            "gaudi.security.enabled", "gaudi.temperature.initialised", "gpu.device.state",
            "gpu.ecc.aggregate_uncorrected", "gpu.ecc.corrected", "gpu.ecc.enabled", "gpu.ecc.pending",
            "gpu.ecc.uncorrected", "gpu.memory.total", "gpu.model.expected", "gpu.model.uniform", "gpu.pcie.generation",
            "gpu.pcie.generation_possible", "gpu.pcie.width", "gpu.temperature.gpu", "gpu.uuid.unique",
        ),
        "unknown",
    ),
}  # fmt: skip

FAULTS = [
    fault("hl_card3_missing", "the driver has given up card 3",
          {"gpu.count.driver": "fail", "pci.gpu.driver": "fail"}, _missing),
    fault("hl_card5_port_down", "port 4 of card 5 is down", {"gaudi.port.active": "fail"}, ports(5, links(down=[4]))),
    fault("hl_card5_port_masked", "card 5 does not show port 4", {"gaudi.port.count": "fail"},
          ports(5, links().replace("port  4:\tUP\n", ""))),
    fault("hl_fw_mismatch", "card 6 runs the firmware of the last release",
          {"gaudi.firmware.matches_driver": "fail", "gaudi.firmware.uniform": "fail"},
          shows(6, cpucp_ver=OLD_FIRMWARE)),
    fault("hl_cpld_odd", "card 1 has another CPLD", {"gaudi.cpld.uniform": "fail"},
          shows(1, cpld_ver="0x00000018_20240604")),
    fault("hl_card2_malfunction", "card 2 malfunctions", {"gpu.device.state": "fail"}, shows(2, status="malfunction")),
    fault("hl_card1_reset", "card 1 was reset three times", {"gaudi.reset.hard": "fail"}, shows(1, hard_reset_cnt="3")),
    fault("hl_card4_cold", "card 4 reads 0 °C: it did not come up properly", {"gaudi.temperature.initialised": "fail"},
          heat(4, 0)),
    fault("hl_card6_hot", "card 6 is hot", {"gpu.temperature.gpu": "fail"}, heat(6, 88)),
    fault("hl_card0_ecc", "card 0 has uncorrected memory errors",
          {"gpu.ecc.uncorrected": "fail", "gpu.ecc.aggregate_uncorrected": "fail"},
          prints(0, ecc__errors__uncorrected__volatile__total="2", ecc__errors__uncorrected__aggregate__total="2")),
    fault("hl_card7_capped", "the power of card 7 is capped", {"gaudi.power.maximum": "fail"},
          shows(7, max_power="600000000")),
    fault("hl_card3_clock_limited", "the clock of card 3 is limited", {"gaudi.clock.limit": "fail"},
          prints(3, clocks__limit__soc="1100")),
    fault("hl_card2_ecc_pending", "ECC of card 2 ends with the next reset", {"gpu.ecc.pending": "fail"},
          prints(2, ecc__mode__pending="Disabled")),
    fault("hl_card5_x8", "card 5 trained at x8", {"gpu.pcie.width": "fail", "pci.gpu.width": "fail"},
          shows(5, current_link_width="8")),
    fault("hl_card7_gen4", "card 7 trained at PCIe Gen4", {"gpu.pcie.generation": "fail", "pci.gpu.speed": "fail"},
          shows(7, current_link_speed="16.0 GT/s PCIe")),
    fault("hl_smi_missing", "hl-smi is not installed", UNASKED, lambda node, rec: rec.no_command("hl-smi")),
    fault("hl_smi_hangs", "hl-smi hangs", UNASKED, _hangs),
    fault("habanalabs_not_loaded", "the habanalabs module is not loaded", NOT_LOADED, _no_module),
]  # fmt: skip
