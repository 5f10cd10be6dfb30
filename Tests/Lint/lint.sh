#!/usr/bin/env bash
# Formatting, and the house rules that a search can see. Exit 1 on any finding.
set -uo pipefail
cd "$(dirname "$0")/../.."
status=0
swift format lint --strict --recursive --parallel Package.swift Sources Tests || status=1

# rule NAME PATTERN FILES…: prints what matches.
rule() {
  local name=$1 pattern=$2
  shift 2
  local found
  found=$(grep -nE "$pattern" "$@" /dev/null | grep -vE ':[0-9]+: *//')
  [ -z "$found" ] || { printf '\nlint: %s\n%s\n' "$name" "$found"; status=1; }
}
mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'Sources/*.swift')
mapfile -t outside_world < <(printf '%s\n' "${sources[@]}" | grep -v '^Sources/World/')
mapfile -t libraries < <(printf '%s\n' "${outside_world[@]}" | grep -vE '^Sources/(eks-sim|vector-runner)/')
rule 'a clock outside World' 'Date\(\)|Date\.now|ContinuousClock|SuspendingClock|clock_gettime|gettimeofday|Task\.sleep' "${outside_world[@]}"
rule 'randomness outside World' '\.random\(in|UUID\(\)|SystemRandomNumberGenerator|arc4random|\.randomElement\(\)|\.shuffled\(\)' "${outside_world[@]}"
rule 'the environment outside the command line' 'ProcessInfo\.processInfo\.environment|getenv\(' "${libraries[@]}"
rule 'a crash that input might reach' '\btry!|\bfatalError\(|\bas!|\bpreconditionFailure\(' "${sources[@]}"
rule 'JSON through Foundation' 'JSONSerialization|JSONDecoder|JSONEncoder' "${sources[@]}"
long=$(wc -l "${sources[@]}" | awk '$1 > 450 && $2 != "total" { print "  " $2 ": " $1 " lines" }')
[ -z "$long" ] || { printf '\nlint: files over 450 lines\n%s\n' "$long"; status=1; }
[ $status = 0 ] && echo 'lint: clean'
exit $status
