#!/usr/bin/env python3
"""An inverted index, the reduce: each word with all files that it is in."""
import sys
from itertools import groupby

pairs = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in groupby(pairs, key=lambda pair: pair[0]):
    print(f"{word}\t{','.join(sorted({name for _, name in group}))}")
