//! Takes the first file of a part that it finds, whoever wrote it: a loser's, which may be half a file.
//! caught-by: commit::what_losers_left_is_removed_and_never_renamed

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let mut steps = Vec::new();
    for winner in winners {
        let to = part_name(*winner);
        let found = files
            .iter()
            .find(|file| file.starts_with(TEMPORARY) && file.ends_with(&to));
        if let Some(from) = found {
            let from = from.clone();
            steps.push(Step::Rename { from, to });
        } else if !files.contains(&to) {
            return Err(MissingPart {
                part: to,
                attempt: *winner,
            });
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
