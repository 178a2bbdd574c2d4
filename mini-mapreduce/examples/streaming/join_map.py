#!/usr/bin/env python3
"""A join, the map: which table a line is of is told by its file, and stands in the key, so that customers come before their orders.

customers: `id,name`; orders: `id,customer,amount`. The key is `customer TAB table`: run it with
-D stream.num.map.output.key.fields=2 -D mapreduce.partition.keypartitioner.options=-k1,1 -partitioner KeyFieldBasedPartitioner
"""
import os
import sys

is_customers = "customers" in os.environ["mapreduce_map_input_file"]
for line in sys.stdin:
    fields = line.rstrip("\n").split(",")
    if is_customers:
        print(f"{fields[0]}\t0\t{fields[1]}")
    else:
        print(f"{fields[1]}\t1\t{fields[2]}")
