"""How the tables beside this file were made: python3 make.py, with duckdb and polars from PyPI."""

import datetime
import decimal

import duckdb
import polars

odd = ["tab\there", "line\nhere", "back\\slash", "\\N", "", "é"]
rows = range(250)
polars.DataFrame(
    {
        "word": [None if i % 50 == 7 else f"w{i % 7}" for i in rows],
        "odd": [odd[i % 6] for i in rows],
        "count": list(rows),
        "part": [i / 4 for i in rows],
        "good": [i % 3 == 0 for i in rows],
        "day": [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in rows],
        "at": [datetime.datetime(2024, 1, 1, 12, 0, 0, i) for i in rows],
        "price": [decimal.Decimal(i) / 100 for i in rows],
        "small": [i % 200 for i in rows],
        "bytes": [bytes([i % 200]) for i in rows],
        "nested": [[i] for i in rows],
    },
    schema_overrides={"price": polars.Decimal(10, 2), "small": polars.UInt8},
).write_parquet("mixed.parquet", compression="gzip", row_group_size=100)

duckdb.sql(
    "COPY (SELECT i % 1000 AS id, 'w' || (i % 100) AS word, i * 0.5::DOUBLE AS half FROM range(5000) t(i))"
    " TO 'words.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)"
)
moments = [0, 1, -1, 1_704_110_400_000_000_123, None]
times = [0, 1, 86_399_999_999_999, 5, None]
polars.DataFrame({"at": moments, "n": list(range(5)), "time": times}).with_columns(
    polars.col("at").cast(polars.Datetime("ns")), polars.col("time").cast(polars.Time)
).write_parquet("nanoseconds.parquet", compression="uncompressed")

duckdb.sql("COPY (SELECT 1 AS id WHERE false) TO 'empty.parquet' (FORMAT parquet)")
