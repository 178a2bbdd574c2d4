//! The group coordinator (`GroupCoordinator`): who is in a group, who reads which partition, how far each has got.
