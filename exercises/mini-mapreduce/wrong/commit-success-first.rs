//! Says that all is there, and then puts it there: the next job reads half an output.
//! caught-by: commit::each_winner_s_part_gets_its_name_and_success_comes_last

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let mut steps = Vec::new();
    if !files.contains(output::SUCCESS) {
        steps.push(Step::WriteSuccess);
    }
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
    let below = format!("{TEMPORARY}/");
    if files.iter().any(|file| file.starts_with(&below)) {
        steps.push(Step::RemoveTemporary);
    }
    Ok(steps)
}
