#!/bin/bash
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/my files"
echo 1 > "$place/my files/one.txt"
echo 2 > "$place/my files/number two.txt"
echo 3 > "$place/my files/*.txt"
bash "$(dirname "$0")/pack.sh" "$place/my files" "$place/a copy" || exit 1
[ "$(cat "$place/a copy/number two.txt.bak")" = 2 ] || { echo "two is missing"; exit 1; }
[ "$(cat "$place/a copy/*.txt.bak")" = 3 ] || { echo "the star is wrong"; exit 1; }
mkdir "$place/empty"
bash "$(dirname "$0")/pack.sh" "$place/empty" "$place/none" || { echo "empty fails"; exit 1; }
[ -z "$(ls -A "$place/none")" ] || { echo "something came of nothing"; exit 1; }
echo passed
