//! One pass over the tasks, keeping the best one so far.

pub fn choose(
    running: &[Running],
    speeds: &BTreeMap<WorkerId, f64>,
    asking: WorkerId,
    slots: u32,
    config: &LateConfig,
    now: Time,
) -> Option<u32> {
    let cap = (slots * config.cap_percent / 100).max(1);
    let mut second = 0;
    for task in running {
        second += u32::from(task.speculated);
    }
    let slow_node = percentile(speeds.values().copied(), config.slow_node_percent).unwrap_or(0.0);
    let is_slow = speeds.get(&asking).is_some_and(|speed| *speed < slow_node);
    if second >= cap || is_slow {
        return None;
    }
    let slow = percentile(running.iter().map(|task| task.rate(now)), config.slow_task_percent)?;
    let mut best: Option<&Running> = None;
    for task in running {
        if task.speculated || task.worker == asking || task.rate(now) > slow {
            continue;
        }
        if now.since(task.started) < config.runtime_min {
            continue;
        }
        let left = task.seconds_left(now);
        let is_later = match best {
            None => true,
            Some(best) if left == best.seconds_left(now) => task.task < best.task,
            Some(best) => left > best.seconds_left(now),
        };
        if is_later {
            best = Some(task);
        }
    }
    Some(best?.task)
}
