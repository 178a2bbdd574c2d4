//! Real clients against a real broker process: kcat, confluent-kafka (librdkafka), kafka-python, aiokafka and our own; and
//! what no client does.
//!
//! The clients of others have to be there:
//!
//! ```text
//! apt-get install kcat
//! python3 -m venv target/clients
//! target/clients/bin/pip install confluent-kafka kafka-python aiokafka lz4 python-snappy zstandard
//! ```
//!
//! A test whose client is missing says so, and fails where `CI` is set.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod aiokafka;
mod broker;
mod confluent;
mod crash;
mod disk;
mod hostile;
mod idle;
mod kafka_python;
mod kcat;
mod kcat_groups;
mod metrics;
mod own;
mod own_group;
mod own_trouble;
mod tools;
mod tracing;
