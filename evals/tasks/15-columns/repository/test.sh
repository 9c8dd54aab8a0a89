#!/bin/sh
here=$(dirname "$0")
table() { printf 'key\tfull name\tcity\n1\tAnn Lee\tRome\n2\t\tOslo\n3\tBob\t\n'; }
found=$(table | awk -v want=city -f "$here/columns.awk")
[ "$found" = '1=Rome
2=Oslo
3=' ] || { echo "city: $found"; exit 1; }
found=$(table | awk -v want='full name' -f "$here/columns.awk")
[ "$found" = '1=Ann Lee
2=
3=Bob' ] || { echo "name: $found"; exit 1; }
found=$(table | awk -v want=age -f "$here/columns.awk" 2>&1) && { echo "age is found: $found"; exit 1; }
[ "$found" = 'no column age' ] || { echo "age: $found"; exit 1; }
echo passed
