#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
#   tools/debian.sh SUITE FOLDER PACKAGE ...    packages of another release of Debian, unpacked into FOLDER/root
#
# From the mirror that this machine uses. Nothing is installed, and what apt knows of this machine stays as it is.

set -euo pipefail
suite=$1 folder=$2
shift 2

mirror=$(apt-get indextargets --format "\$(REPO_URI)" | sed -n '/-security/!{p;q}')
rm -rf "$folder"
mkdir -p "$folder"/{lists,cache/archives}/partial "$folder/root"
cd "$folder"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >sources.list
apt=(apt-get -q -o Dir::Etc::sourceparts=- -o "Dir::Etc::sourcelist=$PWD/sources.list" -o "Dir::State::lists=$PWD/lists"
    -o "Dir::Cache=$PWD/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" download "$@"
for package in ./*.deb; do dpkg-deb -x "$package" root; done
rm -rf lists cache ./*.deb
