#!/usr/bin/env bash
# The README's figures: the whole process over TLS (load.py, api.py), then the engines (a nested package with ordo-one/benchmark; ENGINES=0 skips it).
set -euo pipefail
binary=$(readlink -f "$1")
cd "$(dirname "$0")"
python3 load.py "$binary"
python3 api.py "$binary"
[ "${ENGINES:-1}" = 0 ] || swift package --disable-sandbox benchmark --no-progress
