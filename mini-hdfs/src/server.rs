//! The shell: gRPC, HTTP, sockets, files, timers. All I/O of the crate is below this module and in `main.rs`.
