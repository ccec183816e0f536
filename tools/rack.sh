#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Run by `make rack`: the simulated rack as recordings in inventories/lab/.build. With a C compiler its NVML
# is asked through a library, as on a real machine. Nothing is done when nothing changed.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../lab"
out=$(cd ../inventories/lab && pwd)/.build
log=$out/log
stamp=$out/.source

source=$({ pwd; find builder nvml -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" != "$source" ] || exit 0

rm -rf "$out"
mkdir "$out"
if ! {
    python nvml/build.py "$out/nvml" && python -m builder "$out"
} >"$log" 2>&1; then
    echo "muster.fleet: the simulated rack could not be made: $(tail -n 1 "$log") (see $log)" >&2
    exit 1
fi
echo "$source" >"$stamp"
