#!/usr/bin/env bash
# Makes sure that what eks-sim is built and tried with is there: libsqlite3-dev, zlib1g-dev, aws, boto3, kubectl, python3, curl.
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
{ command -v aws && python3 -c 'import boto3'; } >/dev/null 2>&1 || python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

bin="$root/.build/clients/bin"
packages=()
command -v aws >/dev/null || [ -x "$bin/aws" ] || packages+=(awscli)
python3 -c 'import boto3' 2>/dev/null || "$bin/python3" -c 'import boto3' 2>/dev/null || packages+=(boto3)
if [ ${#packages[@]} -gt 0 ]; then
  say "installing ${packages[*]} into $root/.build/clients"
  [ -x "$bin/pip" ] || python3 -m venv "$root/.build/clients" >&2
  "$bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
fi
printf '%s\n' "$bin"
