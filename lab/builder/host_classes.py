# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the hosts of each class are made of."""

from __future__ import annotations

from typing import NamedTuple

GIB_KB = 1 << 20  # kB in a GiB
NOT_AFFECTED = "Not affected"
FLAWS = (
    "gather_data_sampling",
    "indirect_target_selection",
    "itlb_multihit",
    "l1tf",
    "mds",
    "meltdown",
    "mmio_stale_data",
    "reg_file_data_sampling",
    "retbleed",
    "spec_rstack_overflow",
    "spec_store_bypass",
    "spectre_v1",
    "spectre_v2",
    "srbds",
    "tsa",
    "tsx_async_abort",
    "vmscape",
)
IBRS = "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; RSB filling; PBRSB-eIBRS: "
BYPASS = "Mitigation: Speculative Store Bypass disabled via prctl"
INTEL_FLAWS = {
    "spec_store_bypass": BYPASS,
    "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
    "spectre_v2": IBRS + "SW sequence; BHI: BHI_DIS_S",
    "vmscape": "Mitigation: IBPB before exit to userspace",
}
AMD_FLAWS = {
    "spec_rstack_overflow": "Mitigation: Safe RET",
    "spec_store_bypass": BYPASS,
    "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
    "spectre_v2": IBRS + "Not affected; BHI: Not affected",
    "tsa": "Mitigation: Clear CPU buffers",
    "vmscape": "Mitigation: IBPB before exit to userspace",
}
ARM_FLAWS = {"spec_store_bypass": BYPASS, "spectre_v1": "Mitigation: __user pointer sanitization"}
INTEL_FLAGS = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat clflush dts acpi mmx fxsr sse sse2 ss ht tm "
    "syscall nx pdpe1gb rdtscp lm constant_tsc nonstop_tsc aperfmperf avx512f sha_ni avx512_bf16 amx_tile amx_int8"
)
AMD_FLAGS = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat clflush mmx fxsr sse sse2 ht syscall nx mmxext "
    "pdpe1gb rdtscp lm constant_tsc nonstop_tsc aperfmperf svm avx512f sha_ni avx512_bf16 succor smca overflow_recov"
)
ARM_FEATURES = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 "
    "sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg dcpodp sve2 svebf16 i8mm bf16 dgh bti"
)


class HostClass(NamedTuple):
    """One class: memory in GiB a socket, frequency in MHz, ``system`` the version of Ubuntu."""

    vendor: str
    model: str
    family: int
    number: int
    stepping: int
    microcode: str
    sockets: int
    cores: int
    smt: bool
    max_mhz: int
    driver: str
    memory_gib: int
    distance: int
    controllers: tuple[str, ...]
    flaws: dict[str, str]
    clocks: str
    iommu: tuple[str, ...]
    system: str
    kernel: str
    arguments: str
    modules: tuple[str, ...]
    packages: dict[str, str]
    sysctl: dict[str, str]
    huge_pages: int = 0
    accelerator_memory_gib: int = 0  # shown by the kernel as NUMA nodes without CPUs
    accelerators: int = 0


INTEL_MC = tuple(f"Intel_10nm Socket#{socket} IMC#{imc}" for socket in (0, 1) for imc in range(4))
KERNEL = "6.8.0-84-generic"
BASE = {"chrony": "4.2-2ubuntu2", "openssh-server": "1:8.9p1-3ubuntu0.13"}
FABRIC = ("mlx5_core", "mlx5_ib", "ib_core", "ib_uverbs", "ib_umad", "rdma_cm", "rdma_ucm")
SETTINGS = {"vm/swappiness": "10", "vm/zone_reclaim_mode": "0"}

CLASSES: dict[str, HostClass] = {
    "hgx_h100": HostClass(
        *(
            "GenuineIntel",
            "Intel(R) Xeon(R) Platinum 8480+",
            6,
            143,
            8,
            "0x2b000639",
            2,
            56,
            True,
            3800,
            "intel_pstate",
        ),
        *(1024, 21, INTEL_MC, INTEL_FLAWS, "tsc hpet acpi_pm", ("dmar0", "dmar1", "dmar2", "dmar3")),
        *("22.04", KERNEL, "iommu=pt intel_iommu=on numa_balancing=disable pci=realloc=off"),
        *(("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_peermem", "gdrdrv", *FABRIC),),
        *({**BASE, "nvidia-fabricmanager-570": "570.172.08-1"},),
        *({**SETTINGS, "kernel/panic_on_oops": "1", "net/core/rmem_max": "268435456"},),
    ),
    "gb200_tray": HostClass(
        *("ARM", "", 0, 0, 0, "", 2, 72, False, 3402, "cppc_cpufreq"),
        *(
            480,
            40,
            ("ghes_edac",),
            ARM_FLAWS,
            "arch_sys_counter",
            ("smmu3.0x0000000011000000", "smmu3.0x0000000012000000"),
        ),
        *("24.04", "6.8.0-1043-nvidia-64k", "iommu.passthrough=1 numa_balancing=disable init_on_alloc=0"),
        *(("nvidia", "nvidia_uvm", "nvidia_modeset", *FABRIC),),
        *({"chrony": "4.5-1ubuntu4.2", "openssh-server": "1:9.6p1-3ubuntu13.13", "nvidia-imex": "570.172.08-1"},),
        {**SETTINGS, "kernel/panic_on_oops": "1"},
        *(0, 184, 4),
    ),
    "mi300x": HostClass(
        *("AuthenticAMD", "AMD EPYC 9554 64-Core Processor", 25, 17, 1, "0xa101154", 2, 64, True, 3100, "acpi-cpufreq"),
        *(1152, 32, ("F19h_M10h", "F19h_M10h"), AMD_FLAWS, "tsc hpet acpi_pm", ("ivhd0", "ivhd1", "ivhd2", "ivhd3")),
        *("22.04", KERNEL, "iommu=pt amd_iommu=on pci=realloc=off numa_balancing=disable"),
        *(("amdgpu", "amdttm", "amdkcl", "bnxt_en", "bnxt_re", *FABRIC),),
        *({**BASE, "rocm-core": "6.4.1.60401-83~22.04"},),
        *({**SETTINGS, "net/ipv4/conf/all/arp_announce": "2", "net/ipv4/conf/all/arp_ignore": "1"},),
    ),
    "gaudi3": HostClass(
        *(
            "GenuineIntel",
            "INTEL(R) XEON(R) PLATINUM 8568Y+",
            6,
            207,
            2,
            "0x210002b3",
            2,
            48,
            True,
            4000,
            "intel_pstate",
        ),
        *(1024, 21, INTEL_MC, INTEL_FLAWS, "tsc hpet acpi_pm", ("dmar0", "dmar1", "dmar2", "dmar3")),
        *("22.04", KERNEL, "iommu=pt intel_iommu=on numa_balancing=disable"),
        *(("habanalabs", "habanalabs_cn", "habanalabs_ib", *FABRIC),),
        {**BASE, "habanalabs-dkms": "1.21.2-8"},
        SETTINGS,
        15000,
    ),
    "cpu_only": HostClass(
        *(
            "AuthenticAMD",
            "AMD EPYC 9354P 32-Core Processor",
            25,
            17,
            1,
            "0xa101154",
            1,
            32,
            True,
            3800,
            "acpi-cpufreq",
        ),
        *(384, 10, ("F19h_M10h",), AMD_FLAWS, "tsc hpet acpi_pm", ("ivhd0", "ivhd1", "ivhd2", "ivhd3")),
        *(
            "22.04",
            KERNEL,
            "console=ttyS0,115200n8",
            FABRIC,
            BASE,
            {"vm/swappiness": "60", "vm/zone_reclaim_mode": "0"},
        ),
    ),
}
