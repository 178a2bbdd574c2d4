//! A partition as its broker sees it (`Partition`): a log, its leader epoch, its high watermark, and what of it is durable.
