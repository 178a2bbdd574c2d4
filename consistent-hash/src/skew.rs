//! Skew: keys are not asked for equally often, and no partitioner helps against that.
//!
//! A strategy spreads *keys*. Where one key in a million gets a tenth of all requests, its node gets that tenth, however well the
//! others are spread: requests for keys follow Zipf's law more often than not ([`zipf`]). So one measures what each node gets
//! ([`load`]), finds the few keys that matter without counting all ([`space_saving`]), and cuts those into pieces that can be
//! placed apart ([`salting`]). DynamoDB calls it write sharding and adaptive capacity, HBase salting; Kafka's users add
//! a number to their record keys.

pub mod load;
pub mod salting;
pub mod space_saving;
pub mod zipf;
