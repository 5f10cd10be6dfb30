#!/usr/bin/env bash
# The README's figures: the whole process over TLS (load.py, api.py), then the engines (a nested package with ordo-one/benchmark; ENGINES=0 skips it).
# WORLD=1 makes a world of 1,000 nodes and 50,000 pods as well, and 100,000 Services, which takes minutes.
set -euo pipefail
binary=$(readlink -f "$1")
cd "$(dirname "$0")"
python3 load.py "$binary"
python3 api.py "$binary"
[ "${WORLD:-0}" = 0 ] || { python3 world.py "$binary"; python3 services.py "$binary"; }
[ "${ENGINES:-1}" = 0 ] || swift package --disable-sandbox benchmark --no-progress
