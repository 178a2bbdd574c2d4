//! The scenes of mini-hdfs.

pub(super) mod bit_rot;
pub(super) mod cut_off_rack;
pub(super) mod dead_writer;
pub(super) mod decommission;
pub(super) mod kill_datanode;
pub(super) mod kill_two;
pub(super) mod replace_datanode;
pub(super) mod restart_namenode;
