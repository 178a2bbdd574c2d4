#!/usr/bin/env python3
"""The mean of the numbers of a key. No combiner: a mean of means is none."""
import sys
from itertools import groupby


def pairs(lines):
    for line in lines:
        key, number = line.rstrip("\n").split("\t")
        yield key, float(number)


for key, group in groupby(pairs(sys.stdin), key=lambda pair: pair[0]):
    total = count = 0
    for _, number in group:
        total += number
        count += 1
    print(f"{key}\t{total / count:.2f}")
