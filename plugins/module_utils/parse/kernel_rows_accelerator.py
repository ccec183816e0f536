# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the drivers of accelerators say in trouble: NVIDIA (without an Xid), amdgpu, habanalabs."""

from __future__ import annotations

from .kernel_kind import CRITICAL as _C
from .kernel_kind import INFO as _I
from .kernel_kind import WARNING as _W
from .kernel_kind import Rows, probe

_SOME = r"(?<![\w.])[1-9]\d* (?:new )?"  # "0 …" and "no … errors detected" are good news
_HL = r"(?:habanalabs|accel accel\d)"
_HLN = "habanalabs|accel accel"
_LOST = (
    r"(?:fallen off the bus|lost from the bus|NV_ERR_GPU_IS_LOST|(?i:gpu is lost|gpu lost\b)|status[ =:]+0x0*[fF]\b)"
)
_RESET = (
    r"(?:NV_ERR_RESET_REQUIRED|NV_ERR_GPU_IN_FULLCHIP_RESET|status[ =:]+0x0*62\b|may need to be reset|"
    r"(?i:reset (?:is )?required)|unexpected WPR2 already up)"
)
_BROKEN = r"\[NV_ERR_(?:\w*ECC_ERROR|\w*MEMORY_ERROR|\w*TRAINING\w*|FATAL_ERROR|BROKEN_FB|NVLINK_\w+|\w*POISON\w*)\]"
_AMD = r"amdgpu.*"

# fmt: off
ROWS: Rows = [
    ("nvidia", _C, "lost", "accelerator", "NVRM", "GPU has fallen off the bus", r"NVRM:?.*" + _LOST),
    ("nvidia", _C, "reset_required", "accelerator", "NVRM", "a GPU refuses work until it is reset",
     r"NVRM:?.*" + _RESET),
    ("nvidia", _C, "memory_or_link", "accelerator", "NV_ERR_", "the driver met a broken memory or NVLink of a GPU",
     r"NVRM:?.*" + _BROKEN),
    ("nvidia", _C, "locked", "accelerator", "NVRM", "a GPU does not react any more",
     r"NVRM:.*(?i:probably locked|\bgpu (?:is )?hung\b|watchdog.*(?:locked|hung|expired|timed ?out))"),
    ("nvidia", _W, "crash_dump", "accelerator", "NVRM", "the driver kept a dump of a GPU's crash",
     r"NVRM:.*(?i:crash dump)"),
    ("nvidia", _C, "power", "power", "NVRM", "a GPU lacks power",
     r"NVRM:.*(?:necessary power cables|power connector|NV_ERR_INSUFFICIENT_POWER)"),
    ("nvidia", _C, "init_failed", "accelerator", "NVRM", "the driver could not start a GPU",
     (r"NVRM:.*(?:(?i:rm_?init_?adapter)(?: failed|:.*(?i:cannot|fail))|Cannot (?:attach gpu|initialize GSP)|"
      r"_kgspBootGspRm:|(?i:failed to boot GSP))")),
    ("nvidia", _C, "probe_failed", "driver", "NVRM", "the driver refused a GPU",
     (r"NVRM: (?:The NVIDIA (?:probe routine failed|GPU .* is not supported)|NVIDIA init module failed|"
      r"No NVIDIA (?:GPU|graphics adapter) found)")),
    *probe("nvidia", "probe_failed", r"nvidia[\w-]*", "the driver refused a GPU"),
    ("nvidia", _C, "bar_invalid", "driver", "NVRM", "the BIOS gave a GPU no usable memory window",
     r"NVRM: This PCI I/O region assigned to your NVIDIA device is invalid"),
    ("nvidia", _C, "no_interrupt", "driver", "NVRM", "the driver got no interrupt or memory region for a GPU",
     r"NVRM:.*(?:Can't find an IRQ|request_irq\(\) failed|request_mem_region failed)"),
    ("nvidia", _C, "version_mismatch", "driver", "API mismatch", "library and kernel module differ in version",
     r"NVRM: API mismatch"),
    ("nvidia", _C, "gsp_timeout", "accelerator", "NVRM", "a GPU's own processor (GSP or FSP) stopped answering",
     r"NVRM:.*(?:\bGSP Timeout\b|GSP RM heartbeat timed out|\b[FG]SP command timed out|rpcRecvPoll timed ?out)"),
    ("nvidia", _C, "nvswitch", "accelerator", "nvidia-nvswitch", "an NVSwitch failed or is gone",
     r"^nvidia-nvswitch\d+: (?!SXid).*(?i:\bfatal\b|\blost\b|fallen off)"),
    ("nvidia", _C, "uvm", "accelerator", "uvm", "unified memory (nvidia-uvm) has stopped for good",
     r"(?i)nvidia-uvm:.*fatal error|uvm encountered (?:a )?global fatal error"),
    ("nvidia", _W, "nvlink", "accelerator", "NVRM", "NVLinks of a GPU did not come up as they should",
     r"NVRM:.*(?:knvlink\w*: .*(?i:fail|error|timeout)|(?i:rx ?det(?:ect)? ?link ?mask).*(?i:fail))"),
    ("nvidia", _W, "peermem", "peermem", "peer", "GPUDirect RDMA (peer memory) lost track of a buffer",
     r"\b(?:nvidia[-_]peermem|nv_peer_mem)\b.*(?:ERROR|(?i:invalid context|fail))"),

    ("amdgpu", _C, "ras_uncorrected", "accelerator", "uncorrectable hardware errors", "uncorrected memory error (RAS)",
     _AMD + _SOME + r"uncorrectable hardware errors detected"),
    ("amdgpu", _W, "ras_corrected", "watch", "correctable hardware errors", "corrected memory errors (RAS)",
     _AMD + _SOME + r"correctable hardware errors detected"),
    ("amdgpu", _W, "ras_deferred", "watch", "deferred hardware errors", "poisoned data was set aside (RAS)",
     _AMD + _SOME + r"deferred hardware errors detected"),
    ("amdgpu", _C, "poison", "accelerator", "oison", "poisoned data reached an engine",
     _AMD + r"\b[Pp]oison (?:is )?(?:consum|creat)"),
    ("amdgpu", _C, "rma", "replace", "RMA", "the card asks to be replaced (RMA)",
     r"amdgpu(?!.*(?i:not in rma\b)).*\bRMA\b"),
    ("amdgpu", _C, "bad_pages", "replace", "amdgpu", "too many bad memory pages",
     (_AMD + r"(?:(?i:bad[_ ]pages?|ras records|ras eeprom).*(?<!not )(?:reach|exceed)|"
      r"(?:[Rr]each|[Ee]xceed)\w* .*bad[_ ]page[_ ]threshold)")),
    ("amdgpu", _C, "ras_interrupt", "accelerator", "RAS controller interrupt", "fatal RAS interrupt",
     r"RAS controller interrupt triggered"),
    ("amdgpu", _W, "ras_logged", "watch", "[Hardware ", "the card logged error records (ACA)",
     _AMD + r"\[Hardware [Ee]rror\]"),
    ("amdgpu", _W, "ring_recovered", "application", "soft recovered", "an engine hung and was freed without a reset",
     r"ring (?P<device>\S+) timeout, but soft recovered"),
    ("amdgpu", _C, "ring_timeout", "accelerator", "timeout", "an engine (ring) stopped answering",
     r"(?:amdgpu|drm).*\bring (?P<device>\S+) timeout"),
    ("amdgpu", _C, "ring_test", "accelerator", "test failed", "an engine (ring) failed its self test",
     r"(?:amdgpu|drm).*(?:\bring (?P<device>\S+) test failed|\bIB test failed on (?P<other>\S+))"),
    ("amdgpu", _C, "reset_failed", "accelerator", "GPU", "a GPU reset failed",
     _AMD + r"(?:GPU reset failed|GPU reset\(\d+\) failed|GPU reset end with ret = -|GPU Recovery Failed)"),
    ("amdgpu", _C, "reset", "accelerator", "GPU reset", "the driver had to reset a GPU", _AMD + r"GPU reset begin"),
    ("amdgpu", _I, "reset_succeeded", "note", "GPU reset", "a GPU reset succeeded",
     _AMD + r"GPU reset\(\d+\) succeeded"),
    ("amdgpu", _C, "lost", "accelerator", "amdgpu", "GPU has fallen off the bus",
     _AMD + r"(?:device lost from (?:the )?bus|fallen off the bus)"),
    ("amdgpu", _C, "boot", "accelerator", "fw_status|boot time", "the card failed its own tests when it started",
     _AMD + r"(?:fw_status.*(?i:failed|exception|unknown boot time error)|(?:training|test|load) failed at boot time)"),
    ("amdgpu", _C, "overheated", "cooling", "amdgpu", "the card reached its critical temperature",
     _AMD + r"(?:over temperature range|Critical Temperature Fault|\bCTF\b.*detected|due to GPU SW CTF)"),
    ("amdgpu", _C, "init_failed", "driver", "amdgpu", "the driver could not start a GPU",
     (_AMD + r"(?:Fatal error during GPU init|hw_init of IP block .* failed|amdgpu_device_ip_init failed|"
      r"PSP (?:firmware loading|load \w+) failed|PSP create ring failed|invalid ip discovery|"
      r"Unable to locate a BIOS)")),
    *probe("amdgpu", "probe_failed", "amdgpu", "the driver refused a GPU"),
    ("amdgpu", _C, "queue_stuck", "accelerator", "amdgpu", "a compute queue cannot be stopped",
     (_AMD + r"(?:Queue preemption failed|[Ff]ailed to (?:evict|remove|unmap|suspend|quiesce) .*queues?|HIQ MQD|"
      r"unsuccessful queues? preemption|fence wait loop timeout)")),
    ("amdgpu", _C, "scheduler_stuck", "accelerator", "MES", "the scheduler (MES) stopped answering",
     _AMD + r"MES (?:failed to respon|ring buffer is full|.* timed out)"),
    ("amdgpu", _C, "power_stuck", "accelerator", "SMU: ", "the card's power management (SMU) stopped answering",
     _AMD + r"SMU: (?:I'm not done with your previous command|No response msg_reg)"),
    ("amdgpu", _W, "smu", "accelerator", "amdgpu", "the card's power management (SMU) did not do what was asked",
     r"amdgpu(?=.*(?i:\bsmu\b|metrics|\bdpm\b|send message))(?=.*(?:[Ff]ail|time(?:d )?out))"),
    ("amdgpu", _W, "psp", "accelerator", "psp|PSP", "the card's security processor (PSP) refused a command",
     r"amdgpu(?=.*(?i:\bpsp\b))(?=.*(?:[Ff]ail|time(?:d )?out))"),
    ("amdgpu", _W, "xgmi", "link", "amdgpu", "the link between cards (XGMI) reports an error",
     _AMD + r"(?i:xgmi).*(?i:fail|error|\bdown\b)"),
    ("amdgpu", _I, "page_fault", "application", "page fault", "GPU memory page fault, mostly an application's",
     r"amdgpu.*\[(?:gfx|mm)hub\d*\].*page fault"),

    ("habanalabs", _C, "heartbeat", "accelerator", "heartbeat", "the card's firmware stopped answering",
     _HL + r".*Device heartbeat failed"),
    ("habanalabs", _C, "hard_reset", "accelerator", "reset", "the driver had to reset a card",
     _HL + r".*(?:[Gg]oing to reset device|[Hh]ard[- ]reset|[Ff]ailed to reset)"),
    ("habanalabs", _C, "hard_reset", "accelerator", "RESET device", "the driver had to reset a card",
     _HL + r".*Going to RESET device"),
    ("habanalabs", _C, "unusable", "accelerator", _HLN, "a card cannot be used",
     (_HL + r".*(?:(?:is|device is) not usable|device is unusable|NOT usable|PCI link is broken|"
      r"[Ff]ailed to initialize)")),
    *probe("habanalabs", "unusable", r"habanalabs\w*|accel", "a card cannot be used"),
    ("habanalabs", _C, "boot", "accelerator", _HLN, "a card's firmware did not boot or does not answer",
     (_HL + r".*(?:Device boot (?:\w+ )?error|Device boot progress - (?:.*\bNOT\b|Stuck)|CPU-CP timeout|"
      r"Device CPU packet timeout|[Ff]ailed to communicate with [Dd]evice|"
      r"[Ff]ailed to load (?:\w+ )*(?:firmware|fw|boot|fit|linux)\b)")),
    ("habanalabs", _C, "overheated", "cooling", "attrip|ATTRIP", "a card reached its critical temperature",
     _HL + r".*(?i:cattrip)"),
    ("habanalabs", _C, "ecc", "accelerator", _HLN, "uncorrectable memory error",
     _HL + r".*(?:\bDERR\b|double|uncorrectable|ECC.*\bcritical:? ?[1-9])"),
    ("habanalabs", _I, "ecc_corrected", "note", "ECC", "a memory error was corrected",
     _HL + r".*ECC.*(?:\bSERR\b|\bcritical:? ?0)"),
    ("habanalabs", _W, "event", "watch", "Received", "hardware event",
     _HL + r".*Received (?:a )?H/W interrupt"),
    ("habanalabs", _W, "command_timeout", "application", "ommand submission", "a job's work did not finish in time",
     _HL + r".*\b[Cc]ommand submission \d+ has not finished in"),
    ("habanalabs", _I, "page_fault", "application", "page fault", "memory page fault, mostly an application's",
     _HL + r".*page fault"),
]
# fmt: on
