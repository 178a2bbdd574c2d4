"""The same work in PySpark, DuckDB and Polars: ENGINE WORK OUTPUT INPUT..., each as its users would write it, on two threads."""

import os
import sys

engine, work, output, *inputs = sys.argv[1:]
# A separator that is in no line makes a line one column.
ONE_COLUMN = "\x01"


def spark():
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import col, concat_ws, explode, split

    session = SparkSession.builder.config("spark.sql.shuffle.partitions", 2).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    if work == "join":
        left, right = (
            session.read.csv(path, sep="\t", schema=f"k string, {name} string")
            for path, name in zip(inputs, "lr")
        )
        rows = left.join(right, "k").select(concat_ws("\t", "k", "l", "r"))
    else:
        lines = session.read.text(inputs[0])
        if work == "sort":
            rows = lines.sort("value")
        else:
            words = lines.select(explode(split(col("value"), " ")).alias("w"))
            counts = words.groupBy("w").count()
            rows = counts.select(concat_ws("\t", "w", col("count").cast("string")))
    rows.write.text(output)
    session.stop()


def duckdb():
    import duckdb as engine

    def table(path, *columns, sep="\t"):
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
        return (
            f"read_csv('{path}', columns = {{{types}}}, delim = '{sep}', quote = '', escape = '', "
            "header = false, auto_detect = false)"
        )

    if work == "join":
        left, right = table(inputs[0], "k", "l"), table(inputs[1], "k", "r")
        query = f"SELECT k, l, r FROM {left} AS a JOIN {right} AS b USING (k)"
    elif work == "sort":
        query = f"SELECT line FROM {table(inputs[0], 'line', sep=ONE_COLUMN)} ORDER BY line"
    else:
        lines = table(inputs[0], "line", sep=ONE_COLUMN)
        words = f"SELECT unnest(string_split(line, ' ')) AS w FROM {lines}"
        query = f"SELECT w, count(*) FROM ({words}) GROUP BY w"
    connection = engine.connect(config={"threads": 2})
    connection.execute("SET preserve_insertion_order = %s" % ("true" if work == "sort" else "false"))
    connection.execute(
        f"COPY ({query}) TO '{output}' (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '')"
    )


def polars():
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl

    def table(path, *columns, sep="\t"):
        types = {name: pl.String for name in columns}
        return pl.scan_csv(path, has_header=False, separator=sep, quote_char=None, schema=types)

    if work == "join":
        left, right = table(inputs[0], "k", "l"), table(inputs[1], "k", "r")
        rows = left.join(right, on="k")
    else:
        lines = table(inputs[0], "line", sep=ONE_COLUMN)
        if work == "sort":
            rows = lines.sort("line")
        else:
            words = lines.select(pl.col("line").str.split(" ").explode().alias("w"))
            rows = words.group_by("w").len()
    rows.sink_csv(output, include_header=False, separator="\t", quote_style="never")


{"spark": spark, "duckdb": duckdb, "polars": polars}[engine]()
