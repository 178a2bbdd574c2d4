//! Time and order without a common clock.
