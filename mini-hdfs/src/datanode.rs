//! The DataNode core.
