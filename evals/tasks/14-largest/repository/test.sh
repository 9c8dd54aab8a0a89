#!/bin/sh
here=$(dirname "$0")
found=$(printf 'ann 9\nbob 10\nann -1\neve 100\nbob 5\n' | awk -f "$here/report.awk")
wanted='ann 8
bob 15
eve 100
largest: eve 100'
[ "$found" = "$wanted" ] || { echo "$found"; exit 1; }
found=$(printf 'ann -5\nbob -3\n' | awk -f "$here/report.awk")
wanted='ann -5
bob -3
largest: bob -3'
[ "$found" = "$wanted" ] || { echo "all below zero: $found"; exit 1; }
echo passed
