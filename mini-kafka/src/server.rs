//! The shell: Kafka's protocol over TCP, the files of the log directory, timers.
