#!/bin/sh
here=$(dirname "$0")
is() {
    wanted=$1
    text=$2
    shift 2
    found=$(printf '%s\n' "$text" | perl "$here/fill.pl" "$@" 2>&1)
    [ "$found" = "$wanted" ] || { echo "[$text] gives [$found]"; exit 1; }
}
is 'Hello Ann.' 'Hello {{name}}.' name=Ann
is 'Ann and Bob' '{{a}} and {{b}}' a=Ann b=Bob
is 'Ann, {{who}}' '{{a}}, {{who}}' a=Ann
is '1+1=2' '{{sum}}' sum=1+1=2
is '[]' '[{{none}}]' none=
echo passed
