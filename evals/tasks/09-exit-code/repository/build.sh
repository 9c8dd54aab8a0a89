#!/bin/bash
# build.sh STEPS: runs each line of the file as a command, numbers its output, stops at a failure.
number=0
cat "$1" | while read -r step; do
    number=$((number + 1))
    bash -c "$step" | sed "s/^/$number: /"
    if [ $? -ne 0 ]; then
        echo "step $number failed" >&2
        exit 1
    fi
done
echo "$number steps done"
