//! Takes the slowest task, which may be nearly done: the job ends no sooner.
//! caught-by: speculation::the_task_that_will_end_last_is_chosen_and_not_the_slowest_one

pub fn choose(
    running: &[Running],
    speeds: &BTreeMap<WorkerId, f64>,
    asking: WorkerId,
    slots: u32,
    config: &LateConfig,
    now: Time,
) -> Option<u32> {
    let speculated = running.iter().filter(|task| task.speculated).count();
    let cap = (slots.saturating_mul(config.cap_percent) / 100).max(1);
    if speculated >= usize::try_from(cap).unwrap_or(usize::MAX) {
        return None;
    }
    let slow_node = percentile(speeds.values().copied(), config.slow_node_percent).unwrap_or(0.0);
    if speeds.get(&asking).is_some_and(|speed| *speed < slow_node) {
        return None;
    }
    let rates = running.iter().map(|task| task.rate(now));
    let slow = percentile(rates, config.slow_task_percent)?;
    let worth = |task: &&Running| {
        !task.speculated
            && task.worker != asking
            && now.since(task.started) >= config.runtime_min
            && task.rate(now) <= slow
    };
    let slower = |a: &&Running, b: &&Running| a.rate(now).total_cmp(&b.rate(now));
    let last = running.iter().filter(worth).min_by(slower)?;
    Some(last.task)
}
