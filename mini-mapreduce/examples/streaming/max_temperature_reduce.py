#!/usr/bin/env python3
"""The highest temperature of a year, the reduce; a combiner, too, since a maximum of maxima is one."""
import sys
from itertools import groupby


def pairs(lines):
    for line in lines:
        year, temperature = line.rstrip("\n").split("\t")
        yield year, float(temperature)


for year, group in groupby(pairs(sys.stdin), key=lambda pair: pair[0]):
    print(f"{year}\t{max(temperature for _, temperature in group)}")
