#!/usr/bin/env bash
# Installs kopf, kr8s and the Python client from PyPI, once; prints the python that has them. Exit 1 when they cannot be had.
set -euo pipefail
venv="$(cd "$(dirname "$0")/../../.." && pwd)/.build/operators"
python="$venv/bin/python"
if ! "$python" -c 'import kopf, kr8s, kubernetes' 2>/dev/null; then
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check kopf==1.45.2 kr8s==0.20.15 kubernetes >&2
fi
printf '%s\n' "$python"
