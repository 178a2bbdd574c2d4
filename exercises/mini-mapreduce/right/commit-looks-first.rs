//! First looks whether all is there, then says what to do.

pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let is_there = |winner: &&AttemptId| {
        files.contains(&temporary_name(**winner)) || files.contains(&part_name(**winner))
    };
    if let Some(missing) = winners.iter().find(|winner| !is_there(winner)) {
        return Err(MissingPart {
            part: part_name(*missing),
            attempt: *missing,
        });
    }
    let to_rename = winners.iter().filter(|winner| files.contains(&temporary_name(**winner)));
    let mut steps: Vec<Step> = to_rename
        .map(|winner| Step::Rename {
            from: temporary_name(*winner),
            to: part_name(*winner),
        })
        .collect();
    let prefix = format!("{TEMPORARY}/");
    let has_temporary = files.range(prefix.clone()..).next().is_some_and(|file| file.starts_with(&prefix));
    steps.extend(has_temporary.then_some(Step::RemoveTemporary));
    steps.extend((!files.contains(output::SUCCESS)).then_some(Step::WriteSuccess));
    Ok(steps)
}
