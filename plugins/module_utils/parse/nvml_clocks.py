# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How fast the GPU runs and why not faster, from a transcript of NVML."""

from __future__ import annotations

from typing import Any, Dict

from . import clock_reasons
from .gpu_shape import percent
from .nvml_answers import Answers


def clocks(gpu: Answers) -> Dict[str, Any]:
    """Return clocks in MHz, the performance state, and the causes that hold the clocks.

    ``sm_percent`` is the clock of the multiprocessors over the one that they run at unless told otherwise: the
    default applications clock where the board has one, else the highest.
    """
    newer = gpu.get("nvmlDeviceGetCurrentClocksEventReasons")
    mask = newer if newer is not None else gpu.get("nvmlDeviceGetCurrentClocksThrottleReasons")
    causes = {} if mask is None else clock_reasons.of_mask(mask)
    sm, default = gpu.get("nvmlDeviceGetClockInfo(1)"), gpu.get("nvmlDeviceGetDefaultApplicationsClock(1)")
    most, state = gpu.get("nvmlDeviceGetMaxClockInfo(1)"), gpu.get("nvmlDeviceGetPerformanceState")
    return {
        "clocks": {
            "graphics_mhz": gpu.get("nvmlDeviceGetClockInfo(0)"),
            "sm_mhz": sm,
            "memory_mhz": gpu.get("nvmlDeviceGetClockInfo(2)"),
            "sm_max_mhz": most,
            "memory_max_mhz": gpu.get("nvmlDeviceGetMaxClockInfo(2)"),
            "sm_application_mhz": gpu.get("nvmlDeviceGetApplicationsClock(1)"),
            "sm_default_mhz": default,
            "sm_percent": percent(sm, default or most),
        },
        "performance_state": f"P{state}" if state is not None else None,
        "throttle": clock_reasons.throttle(causes),
        "clock_reasons": clock_reasons.clock_reasons(causes),
    }
