#!/bin/bash
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
here=$(dirname "$0")
printf 'echo a\necho b\n' > "$place/good"
printf 'echo a\nfalse\necho c\n' > "$place/bad"
found=$(bash "$here/build.sh" "$place/good") || { echo "good steps fail"; exit 1; }
[ "$found" = $'1: a\n2: b\n2 steps done' ] || { echo "good: $found"; exit 1; }
found=$(bash "$here/build.sh" "$place/bad" 2>&1) && { echo "a failure is hidden"; exit 1; }
[ "$found" = $'1: a\nstep 2 failed' ] || { echo "bad: $found"; exit 1; }
echo passed
