#!/usr/bin/env python3
"""Word count, the reduce: lines come sorted by word, so a word is over when another one comes."""
import sys

current_word = None
current_count = 0

for line in sys.stdin:
    word, count = line.rstrip("\n").split("\t", 1)
    if word != current_word:
        if current_word is not None:
            print(f"{current_word}\t{current_count}")
        current_word = word
        current_count = 0
    current_count += int(count)

if current_word is not None:
    print(f"{current_word}\t{current_count}")
