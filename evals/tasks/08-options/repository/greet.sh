#!/bin/sh
# greet.sh [--name NAME] [--loud] [--] [WORD...]
name=you
loud=
while [ $# -gt 0 ]; do
    case $1 in
        --name) name=$2 ;;
        --loud) loud=yes ;;
        --) break ;;
        -*) echo "unknown: $1" >&2; exit 2 ;;
        *) break ;;
    esac
    shift
done
text="Hello, $name.${*:+ $*}"
if [ -n "$loud" ]; then
    text=$(echo "$text" | tr a-z A-Z)
fi
echo "$text"
