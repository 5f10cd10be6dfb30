#!/usr/bin/env bash
# Makes sure that what eks-sim is built and tried with is there: libsqlite3-dev, zlib1g-dev, aws, kubectl, python3, curl.
# Prints the directory to put in front of PATH. Installs only what is missing, with apt-get and pip.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
say() { printf 'setup: %s\n' "$*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
missing=()
[ -e /usr/include/sqlite3.h ] || missing+=(libsqlite3-dev)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
command -v python3 >/dev/null || missing+=(python3 python3-venv)
command -v curl >/dev/null || missing+=(curl)
command -v kubectl >/dev/null || missing+=(kubernetes-client)
command -v aws >/dev/null || python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

bin="$root/.build/clients/bin"
if ! command -v aws >/dev/null && [ ! -x "$bin/aws" ]; then
  say "installing awscli into $root/.build/clients"
  python3 -m venv "$root/.build/clients" >&2
  "$bin/pip" install --quiet --disable-pip-version-check awscli >&2
fi
printf '%s\n' "$bin"
