#!/usr/bin/env python3
"""A join, the reduce: keeps the customer, and lets the orders stream by."""
import sys

customer = name = None
for line in sys.stdin:
    key, table, value = line.rstrip("\n").split("\t")
    if table == "0":
        customer, name = key, value
    elif key == customer:
        print(f"{name}\t{value}")
    else:
        sys.stderr.write("reporter:counter:Join,OrdersWithoutCustomer,1\n")
