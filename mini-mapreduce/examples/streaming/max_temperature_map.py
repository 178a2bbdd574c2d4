#!/usr/bin/env python3
"""The highest temperature of a year, the map: `station,YYYY-MM-DD,temperature` to a year and a temperature."""
import sys

for line in sys.stdin:
    fields = line.strip().split(",")
    try:
        year, temperature = fields[1][:4], float(fields[2])
    except (IndexError, ValueError):
        sys.stderr.write("reporter:counter:Temperature,Malformed,1\n")
        continue
    print(f"{year}\t{temperature}")
