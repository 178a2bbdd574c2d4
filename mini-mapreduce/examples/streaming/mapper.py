#!/usr/bin/env python3
"""Word count, the map: each word with a one."""
import sys

for line in sys.stdin:
    for word in line.split():
        print(f"{word}\t1")
