//! Renames what is there, and calls the rest whole too.
//! caught-by: commit::a_part_that_is_nowhere_stops_all_of_it

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let mut steps = Vec::new();
    for winner in winners {
        let (from, to) = (temporary_name(*winner), part_name(*winner));
        if files.contains(&from) {
            steps.push(Step::Rename { from, to });
        }
    }
    let below = format!("{TEMPORARY}/");
    if files.iter().any(|file| file.starts_with(&below)) {
        steps.push(Step::RemoveTemporary);
    }
    if !files.contains(output::SUCCESS) {
        steps.push(Step::WriteSuccess);
    }
    Ok(steps)
}
