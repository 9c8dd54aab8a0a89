#!/bin/sh
found=$(perl "$(dirname "$0")/days.pl" 2026-01 2026-12 2024-02 2025-02 1900-02 2000-02 2026-11 | tr '\n' ' ')
[ "$found" = "31 31 29 28 28 29 30 " ] || { echo "$found"; exit 1; }
echo passed
