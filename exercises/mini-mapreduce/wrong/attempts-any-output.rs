//! Does not look whose output is lost: late news of an older attempt throw away what the newer one made.
//! caught-by: attempts::a_task_whose_output_is_gone_is_done_again

impl Task {
    pub fn lose_output(&mut self, number: u64) -> bool {
        let _ = number;
        self.winner.take().is_some()
    }
}
