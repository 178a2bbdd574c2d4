//! Says that all is whole, and then cleans up: whoever copies the directory at that sign copies what losers have left.
//! caught-by: commit::what_losers_left_is_removed_and_never_renamed

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let mut steps = Vec::new();
    for winner in winners {
        let (from, to) = (temporary_name(*winner), part_name(*winner));
        if files.contains(&from) {
            steps.push(Step::Rename { from, to });
        } else if !files.contains(&to) {
            return Err(MissingPart {
                part: to,
                attempt: *winner,
            });
        }
    }
    if !files.contains(output::SUCCESS) {
        steps.push(Step::WriteSuccess);
    }
    let below = format!("{TEMPORARY}/");
    if files.iter().any(|file| file.starts_with(&below)) {
        steps.push(Step::RemoveTemporary);
    }
    Ok(steps)
}
