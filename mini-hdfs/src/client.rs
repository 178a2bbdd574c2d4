//! The client core.
