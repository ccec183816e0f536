#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
#   tools/setup.sh python                      print the interpreter that would be used
#   tools/setup.sh lock                        write the locked requirements of this Python anew
#   tools/setup.sh need COMMAND PACKAGE        install a program that is no Python package, if it is missing
#   tools/setup.sh runtime|test [COMMAND ...]  set up what is missing, then run COMMAND in it
#
# `runtime` is a virtual environment with what a user needs, and the collection, built and installed into
# .build/collections. `test` adds what the tests need. PYTHON=... names the interpreter. What is there and
# still fits is left as it is: the stamps hold hashes of what it was made from.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
checkout=$PWD
build=$checkout/.build
oldest="3.11"

stop() {
    printf 'muster.fleet: %s\n' "$*" >&2
    exit 1
}

need() { # COMMAND PACKAGE: a program that is no Python package
    ! command -v "$1" >/dev/null || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "muster.fleet: installing $2" >&2
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$2"; } \
            >"$build/apt.log" 2>&1 || stop "$1 is missing and apt-get could not install $2, see $build/apt.log."
    else
        stop "$1 is missing, and this user may not install it: have the package $2 installed."
    fi
}

want() { # COMMAND HOW ...: what only some tests need: tried once, and where it cannot be had they are skipped and say so
    command -v "$1" >/dev/null || [ -e "$build/bin/$1" ] || [ -e "$build/.no-$1" ] || ("${@:2}") || touch "$build/.no-$1"
}

unpack() { # COMMAND PACKAGE: one program out of a package that is not installed, because it would start a service
    local folder="$build/unpacked"
    echo "muster.fleet: unpacking $1" >&2
    rm -rf "$folder"
    mkdir -p "$folder" "$build/bin"
    {
        { [ "$(id -u)" != 0 ] || apt-get -q update; } &&
            (cd "$folder" && apt-get -q download "$2" && dpkg-deb -x ./*.deb . && mv "usr/bin/$1" "$build/bin/")
    } >"$build/apt.log" 2>&1 || stop "$1 is missing and could not be had from the package $2, see $build/apt.log."
    rm -rf "$folder"
}

oldest_on_nodes() { # what machines may still have: tests show that what travels to them runs on it
    local folder="$build/debian-11"
    echo "muster.fleet: unpacking python3.9" >&2
    tools/debian.sh bullseye "$folder" python3.9 python3.9-minimal libpython3.9-minimal libpython3.9-stdlib \
        libssl1.1 libffi7 libmpdec3 >"$build/apt.log" 2>&1 || return
    mkdir -p "$build/bin"
    cat >"$build/bin/python3.9" <<END
#!/bin/sh
LD_LIBRARY_PATH=\$(echo $folder/root/usr/lib/*-linux-gnu) exec $folder/root/usr/bin/python3.9 "\$@"
END
    chmod +x "$build/bin/python3.9"
}

# --- which Python ---------------------------------------------------------------------------------

version_of() { # a shim may exist and yet not run: only an answer counts
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_old() {
    [ "$(printf '%s\n' "$1" "$oldest" | sort -V | head -n 1)" != "$oldest" ]
}

pyenv_builds() { # what lies behind a shim that does not run because no version is selected
    # shellcheck disable=SC2012 # names of versions hold nothing odd
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/"$(basename "$1")" 2>/dev/null | sort -rV
}

find_python() { # sets python and version
    local candidate newest_old="" candidates=(python3 python3.13 python3.12 python3.11)
    if [ -n "${PYTHON:-}" ]; then
        candidates=("$PYTHON")
        while read -r candidate; do candidates+=("$candidate"); done < <(pyenv_builds "$PYTHON")
    fi
    for candidate in "${candidates[@]}"; do
        version=$(version_of "$candidate") || continue
        if is_old "$version"; then
            newest_old=$version
        elif [ -n "${PYTHON:-}" ] || [ -f "requirements/runtime-$version.txt" ]; then
            python=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    [ -z "$newest_old" ] || stop "Python $newest_old is too old, $oldest or newer is needed:" \
        "install one, or name it with PYTHON=python3.13."
    [ -z "${PYTHON:-}" ] || stop "$PYTHON is not here or does not run:" \
        "install it, or name another one with PYTHON=/path/to/python."
    stop "no Python that can be used was found: install Python $oldest or newer, or name one with PYTHON=/path/to/python."
}

# --- virtual environment --------------------------------------------------------------------------

hash_of() {
    sha256sum | cut -d ' ' -f 1
}

make_venv() { # LEVEL
    local lock="requirements/$1-$version.txt" stamp="$venv/.$1" wanted
    [ -f "$lock" ] || stop "there are no locked requirements for Python $version:" \
        "write them with \`make requirements PYTHON=$python\`, or name another Python with PYTHON=python3.13."
    # The folder is part of the stamp, as the scripts of a virtual environment do not survive a move.
    wanted=$({ echo "$venv" "$python"; cat "$lock"; } | hash_of)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    "$python" -c 'import ensurepip, venv' 2>/dev/null || stop "$python has no venv module:" \
        "install it (on Debian and Ubuntu: apt-get install python3-venv)."
    if [ "$(cat "$venv/.place" 2>/dev/null)" != "$venv $python" ]; then
        rm -rf "$venv"
        "$python" -m venv "$venv" >"$build/venv.log" 2>&1 || stop "no virtual environment could be made, see $build/venv.log."
        echo "$venv $python" >"$venv/.place"
    fi
    echo "muster.fleet: installing $lock into ${venv#"$checkout"/}" >&2
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes -r "$lock" \
        >"$build/pip.log" 2>&1 || pip_failed
    echo "$wanted" >"$stamp"
}

pip_failed() {
    if grep -qE 'from versions: none|NewConnectionError|NameResolutionError|Max retries|Read timed out|ProxyError|SSLError' "$build/pip.log"; then
        stop "pip reached no package index: connect this machine, or point pip at a mirror (pip config set global.index-url ...)."
    fi
    stop "pip could not install the requirements: $(grep -m 1 ERROR "$build/pip.log" || echo 'no reason given') (see $build/pip.log)"
}

# --- the collection -------------------------------------------------------------------------------

install_collection() { # what the tests and `make bringup` run is what a user installs, never the checkout
    local stamp="$build/collections/.source" wanted artifact="$build/artifact"
    local sources=(galaxy.yml LICENSE README.md plugins roles playbooks meta docs changelogs)
    wanted=$({ find "${sources[@]}" -type f ! -name '*.pyc' -print0 2>/dev/null || true; } | sort -z | xargs -0 sha256sum | hash_of)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    rm -rf "$artifact" "$build/collections"
    {
        export LC_ALL=C.UTF-8
        "$venv/bin/ansible-galaxy" collection build --force --output-path "$artifact" . &&
        "$venv/bin/ansible-galaxy" collection install --offline --force -p "$build/collections" "$artifact"/*.tar.gz
    } >"$build/collection.log" 2>&1 ||
        stop "the collection could not be built and installed: $(grep -m 1 ERROR "$build/collection.log" || echo 'no reason given') (see $build/collection.log)"
    echo "$wanted" >"$stamp"
}

# --- locked requirements --------------------------------------------------------------------------

lock() {
    local tools="$build/lock-$version" options
    options=(--quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options)
    "$python" -m venv "$tools"
    "$tools/bin/pip" install --quiet pip-tools
    cd requirements # so that the comments of the lock name files, not folders of this machine
    "$tools/bin/pip-compile" "${options[@]}" -o "runtime-$version.txt" runtime.in
    "$tools/bin/pip-compile" "${options[@]}" -c "runtime-$version.txt" -o "test-$version.txt" test.in
}

# --------------------------------------------------------------------------------------------------

verb=${1:-}
[ -z "$verb" ] || shift
[ "$verb" = need ] || find_python
venv=$build/venv-${version:-}

case $verb in
    python)
        echo "$python"
        exit
        ;;
    need)
        mkdir -p "$build"
        exec 9>"$build/lock-need"
        flock 9 2>/dev/null || true # tests that run side by side need the same
        need "$@"
        exit
        ;;
    lock)
        mkdir -p "$build"
        lock
        exit
        ;;
    runtime | test) ;;
    *) stop "usage: tools/setup.sh python | lock | need COMMAND PACKAGE | runtime|test [COMMAND ...]" ;;
esac

mkdir -p "$build" || stop "$checkout cannot be written to: clone it where you may write."
exec 9>"$build/lock"
flock 9 2>/dev/null || true # two makes at a time; where there is no flock(1), one at a time
need ssh openssh-client
make_venv runtime
if [ "$verb" = test ]; then
    make_venv test
    want chromium need chromium chromium
    want promtool unpack promtool prometheus
    want python3.9 oldest_on_nodes
fi
install_collection
exec 9>&-

[ $# -gt 0 ] || exit 0
export PATH="$venv/bin:$build/bin:$PATH" ANSIBLE_COLLECTIONS_PATH="$build/collections" LC_ALL=C.UTF-8
unset PYTHONPATH PYTHONHOME
exec "$@"
