//! Takes whatever ends last, slow or not: what began last ends last, and a second attempt begins later still.
//! caught-by: speculation::only_a_slow_task_is_worth_it

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
    let worth = |task: &&Running| {
        !task.speculated
            && task.worker != asking
            && now.since(task.started) >= config.runtime_min
    };
    let later = |a: &&Running, b: &&Running| {
        let by_time = a.seconds_left(now).total_cmp(&b.seconds_left(now));
        by_time.then(b.task.cmp(&a.task))
    };
    let last = running.iter().filter(worth).max_by(later)?;
    Some(last.task)
}
