//! Knows no limit: on a bad day every slot runs something for the second time, and other jobs wait.
//! caught-by: speculation::never_more_second_attempts_than_may_be

pub fn choose(
    running: &[Running],
    speeds: &BTreeMap<WorkerId, f64>,
    asking: WorkerId,
    slots: u32,
    config: &LateConfig,
    now: Time,
) -> Option<u32> {
    let _ = slots;
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
    let later = |a: &&Running, b: &&Running| {
        let by_time = a.seconds_left(now).total_cmp(&b.seconds_left(now));
        by_time.then(b.task.cmp(&a.task))
    };
    let last = running.iter().filter(worth).max_by(later)?;
    Some(last.task)
}
