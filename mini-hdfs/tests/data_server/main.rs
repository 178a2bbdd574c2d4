//! Data servers of several DataNodes in one process, spoken to over their wire, without a NameNode.
#![allow(clippy::unwrap_used)] // What tests share is test code too.

mod copies;
mod harness;
mod pipelines;
mod refusals;
