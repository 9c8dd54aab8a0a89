#!/bin/sh
set -e
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp "$(dirname "$0")"/Makefile "$(dirname "$0")"/*.[ch] "$place"
cd "$place"
make -s clean
make -s
[ "$(./sum)" = 55 ] || { echo "sum: $(./sum)"; exit 1; }
touch -d '1 minute ago' *.o sum
echo '#define MOST 3' > limits.h
make -s
[ "$(./sum)" = 6 ] || { echo "after the change: $(./sum)"; exit 1; }
make -q || { echo "it is never done"; exit 1; }
touch clean
make -s clean
[ ! -e sum ] || { echo "sum is still there"; exit 1; }
echo passed
