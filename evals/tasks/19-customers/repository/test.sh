#!/bin/sh
cd "$(dirname "$0")" || exit 1
found=$(sqlite3 :memory: '.read schema.sql' "
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Eve'), (4, 'Ann');
INSERT INTO orders VALUES (1, 1, 500), (2, 1, 250), (3, 2, 100);
INSERT INTO notes VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c'), (4, 3, 'd');
" '.read totals.sql' | sort)
wanted='Ann|0|0|0
Ann|2|750|3
Bob|1|100|0
Eve|0|0|1'
[ "$found" = "$wanted" ] || { echo "$found"; exit 1; }
echo passed
