//! Checks that a recorded history of concurrent operations is linearizable (Herlihy and Wing, 1990).
