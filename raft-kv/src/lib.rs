//! etcd in miniature.
