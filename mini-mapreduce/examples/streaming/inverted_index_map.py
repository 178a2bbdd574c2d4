#!/usr/bin/env python3
"""An inverted index, the map: each word with the file that it is in."""
import os
import re
import sys

name = os.path.basename(os.environ["mapreduce_map_input_file"])
for line in sys.stdin:
    for word in set(re.findall(r"\w+", line.lower())):
        print(f"{word}\t{name}")
