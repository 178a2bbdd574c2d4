//! Knows no half-done commit: after a crash of the coordinator the parts that are renamed already are missing.
//! caught-by: commit::a_commit_that_was_cut_off_anywhere_goes_on_from_there

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let mut steps = Vec::new();
    for winner in winners {
        let (from, to) = (temporary_name(*winner), part_name(*winner));
        if !files.contains(&from) {
            return Err(MissingPart {
                part: to,
                attempt: *winner,
            });
        }
        steps.push(Step::Rename { from, to });
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
