#!/bin/sh
here=$(dirname "$0")
is() {
    wanted=$1
    shift
    found=$(sh "$here/greet.sh" "$@" 2>&1)
    [ "$found" = "$wanted" ] || { echo "greet.sh $*: $found instead of $wanted"; exit 1; }
}
is "Hello, you."
is "Hello, Ann." --name Ann
is "HELLO, ANN." --name Ann --loud
is "HELLO, ANN." --loud --name Ann
is "Hello, you. --loud words" -- --loud words
is "Hello, Ann. Good day" --name Ann Good day
is "unknown: --soft" --soft
is "--name needs a value" --name
echo passed
