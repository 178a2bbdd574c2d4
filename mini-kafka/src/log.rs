//! A partition's log (`UnifiedLog`, `LocalLog`): segments of record batches, named by their first offset.
