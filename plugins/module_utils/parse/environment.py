# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of NCCL, CUDA, ROCm and their like that harm every job when they are set for a whole machine."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, NamedTuple

ON, OFF = r"(?i)[1-9]\d*|true|yes|on|y", r"(?i)0+|false|no|off|n"
ANY = r".*"
# Variable -> the values that harm. Names alone are looked for: no other variable of the files enters the facts.
HARMFUL: Mapping[str, str] = {
    "AMD_LOG_LEVEL": r"[2-9]",
    "AMD_SERIALIZE_COPY": ON,
    "AMD_SERIALIZE_KERNEL": ON,
    "COMPUTE_PROFILE": ON,
    "CUDA_CACHE_DISABLE": ON,
    "CUDA_DEVICE_WAITS_ON_EXCEPTION": ON,
    "CUDA_DISABLE_PTX_JIT": ON,
    "CUDA_FORCE_PTX_JIT": ON,
    "CUDA_INJECTION64_PATH": r".+",
    "CUDA_LAUNCH_BLOCKING": ON,
    "CUDA_MEMCHECK": ON,
    "CUDA_PROFILE": ON,
    "CUDA_VISIBLE_DEVICES": ANY,
    "GPU_DEVICE_ORDINAL": ANY,
    "HABANA_VISIBLE_MODULES": ANY,
    "HCCL_OVER_TCP": ON,
    "HIP_LAUNCH_BLOCKING": ON,
    "HIP_VISIBLE_DEVICES": ANY,
    "HSA_ENABLE_SDMA": OFF,
    "HSA_OVERRIDE_GFX_VERSION": r".+",
    "NCCL_DEBUG": r"(?i)trace",
    "NCCL_DMABUF_ENABLE": OFF,
    "NCCL_IB_DISABLE": ON,
    "NCCL_MNNVL_ENABLE": OFF,
    "NCCL_NET": r"(?i)socket",
    "NCCL_NET_GDR_LEVEL": r"(?i)loc|0",
    "NCCL_NVLS_ENABLE": OFF,
    "NCCL_P2P_DISABLE": ON,
    "NCCL_P2P_LEVEL": r"(?i)loc|0",
    "NCCL_SHM_DISABLE": ON,
    "NVIDIA_TF32_OVERRIDE": OFF,
    "NVIDIA_VISIBLE_DEVICES": r"(?i)none|void",
    "NVSHMEM_DISABLE_P2P": ON,
    "OPENCL_PROFILE": ON,
    "ROCR_VISIBLE_DEVICES": ANY,
    "UCX_TLS": r"(?i)tcp(,(self|sm))*|(self|sm),tcp",
}
_VALUE = r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s;\"']*)"
_NAMES = "|".join(sorted(HARMFUL, key=len, reverse=True))
_SET = re.compile(rf"(?:^|(?<=[\s\"';])|(?<=Environment=))({_NAMES})(?:=|\s+DEFAULT=){_VALUE}")
_SETENV = re.compile(rf"\bsetenv\s+({_NAMES})\s+{_VALUE}")
_COMMENT = re.compile(r"^\s*[#;]")


class Setting(NamedTuple):
    """A variable as a file sets it; ``harms`` is ``None`` where the value is worked out when the file is read."""

    name: str
    value: str
    harms: Any


def settings(text: str) -> List[Setting]:
    """Return the settings of such variables in a shell profile, a systemd unit, nccl.conf, pam_env.conf or environment.

    The last setting of a variable in one file counts. ``export``, ``setenv``, ``Environment=`` and plain lines are
    read; a variable that is unset or used is none that is set.
    """
    found = {}
    for line in text.splitlines():
        if _COMMENT.match(line):
            continue
        for pattern in (_SET, _SETENV):
            for name, value in pattern.findall(line.partition(" #")[0]):
                bare = value.strip("\"'")
                harms = bool(re.fullmatch(HARMFUL[name], bare))
                found[name] = Setting(name, bare, None if "$" in bare and not harms else harms)
    return list(found.values())
