"""Builds the simulated NVML library: ``python3 lab/nvml/build.py OUTPUT_DIRECTORY``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
NAME = "libnvidia-ml.so.1"
COMPILERS = ("cc", "gcc", "clang")


def compiler() -> str | None:
    """Return the C compiler to use: ``CC``, else the first of the usual names."""
    names = [os.environ["CC"]] if os.environ.get("CC") else COMPILERS
    return next((found for name in names if (found := shutil.which(name))), None)


def build(output: Path) -> Path | None:
    """Build the library in ``output`` and return its path, or ``None`` when there is no compiler.

    A library newer than its source is kept. Raises CalledProcessError when the compiler refuses.
    """
    library = output / NAME
    if library.exists() and library.stat().st_mtime >= SOURCE.stat().st_mtime:
        return library
    program = compiler()
    if program is None:
        return None
    output.mkdir(parents=True, exist_ok=True)
    partial = library.with_suffix(f".{os.getpid()}")  # two builds side by side must not meet half a library
    flags = ["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", f"-Wl,-soname,{NAME}"]
    try:
        subprocess.run(
            [program, *flags, "-o", str(partial), str(SOURCE)], check=True, capture_output=True, text=True, timeout=120
        )
        partial.replace(library)
    finally:
        partial.unlink(missing_ok=True)
    return library


def main(output: str) -> int:
    """Say what was built; no compiler is no failure, the lab then replays the answers in Python."""
    try:
        library = build(Path(output))
    except subprocess.CalledProcessError as problem:
        print(f"simulated NVML library: {problem.cmd[0]} failed: {problem.stderr.strip()}", file=sys.stderr)
        return 1
    print(library or "simulated NVML library: no C compiler (cc, gcc, clang), NVML is replayed without it")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
