//! Record batches, format v2 (`DefaultRecordBatch`, `DefaultRecord`): the bytes that Kafka has on the wire and in its files.
