#!/bin/bash
# pack.sh FROM TO: copies every .txt file of FROM to TO, with .bak behind its name.
from=$1
to=$2
mkdir -p $to
for file in $(ls $from/*.txt); do
    cp $file $to/$(basename $file).bak
done
