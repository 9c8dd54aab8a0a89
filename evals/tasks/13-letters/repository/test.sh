#!/bin/sh
is() {
    found=$(printf "$2" | ./letters)
    [ "$found" = "$1" ] || { echo "[$2]: $found instead of $1"; exit 1; }
}
is 0 ''
is 3 'abc\n'
is 4 'caf\303\251\n'
is 2 '\343\201\202\360\237\230\200'
is 3 'a\303\277b'
is 4 'a\377bc'
echo passed
