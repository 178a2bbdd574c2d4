//! The keys, and how their values are written.

use super::SettingError;

/// What the value of a key is, and its unit when none is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A plain number.
    Count,
    /// Bytes; `64k`, `128m`, `1g`.
    Bytes,
    /// A time; `500ms`, `3s`, `5m`, `6h`; otherwise in seconds.
    Seconds,
    /// The same; otherwise in milliseconds.
    Millis,
    /// From 0 to 1, kept in thousandths.
    Fraction,
    /// `true` or `false`, kept as 1 or 0.
    Flag,
    /// `NEVER`, `DEFAULT` or `ALWAYS`, kept as 0, 1 or 2.
    Policy,
    /// A time; otherwise in hours.
    Hours,
    /// One of these names, kept as its place; HDFS's class of that name, with its package or without, is the same.
    Name(&'static [&'static str]),
    /// Any text.
    Text,
}

/// `dfs.datanode.fsdataset.volume.choosing.policy`.
pub(super) const CHOOSING_POLICIES: &[&str] = &["RoundRobin", "AvailableSpace"];

/// Every key that has an effect.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("dfs.block.invalidate.limit", Kind::Count),
    ("dfs.balancer.getBlocks.min-block-size", Kind::Bytes),
    ("dfs.balancer.getBlocks.size", Kind::Bytes),
    ("dfs.balancer.max-size-to-move", Kind::Bytes),
    ("dfs.block.scanner.cursor.save.interval.ms", Kind::Millis),
    ("dfs.block.scanner.volume.bytes.per.second", Kind::Bytes),
    ("dfs.blockreport.intervalMsec", Kind::Millis),
    ("dfs.blocksize", Kind::Bytes),
    (
        "dfs.client.block.write.replace-datanode-on-failure.best-effort",
        Kind::Flag,
    ),
    (
        "dfs.client.block.write.replace-datanode-on-failure.enable",
        Kind::Flag,
    ),
    (
        "dfs.client.block.write.replace-datanode-on-failure.policy",
        Kind::Policy,
    ),
    ("dfs.client.retry.window.base", Kind::Millis),
    ("dfs.client.socket-timeout", Kind::Millis),
    (
        "dfs.datanode.available-space-volume-choosing-policy.balanced-space-preference-fraction",
        Kind::Fraction,
    ),
    (
        "dfs.datanode.available-space-volume-choosing-policy.balanced-space-threshold",
        Kind::Bytes,
    ),
    ("dfs.datanode.balance.bandwidthPerSec", Kind::Bytes),
    ("dfs.datanode.balance.max.concurrent.moves", Kind::Count),
    ("dfs.datanode.data.dir", Kind::Text),
    ("dfs.datanode.directoryscan.interval", Kind::Seconds),
    ("dfs.datanode.du.reserved", Kind::Bytes),
    ("dfs.datanode.failed.volumes.tolerated", Kind::Count),
    (
        "dfs.datanode.fsdataset.volume.choosing.policy",
        Kind::Name(CHOOSING_POLICIES),
    ),
    (
        "dfs.datanode.fileio.profiling.sampling.percentage",
        Kind::Count,
    ),
    ("dfs.datanode.max.transfer.threads", Kind::Count),
    ("dfs.datanode.min.outlier.detection.disks", Kind::Count),
    ("dfs.datanode.min.outlier.detection.nodes", Kind::Count),
    ("dfs.datanode.outliers.report.interval", Kind::Millis),
    (
        "dfs.datanode.peer.metrics.min.outlier.detection.samples",
        Kind::Count,
    ),
    ("dfs.datanode.peer.stats.enabled", Kind::Flag),
    ("dfs.datanode.scan.period.hours", Kind::Hours),
    ("dfs.datanode.slowdisk.low.threshold.ms", Kind::Millis),
    ("dfs.datanode.slowpeer.low.threshold.ms", Kind::Millis),
    ("dfs.datanode.synconclose", Kind::Flag),
    ("dfs.heartbeat.interval", Kind::Seconds),
    ("dfs.hosts", Kind::Text),
    ("dfs.hosts.exclude", Kind::Text),
    ("dfs.ls.limit", Kind::Count),
    ("dfs.namenode.avoid.read.slow.datanode", Kind::Flag),
    (
        "dfs.namenode.block-placement-policy.exclude-slow-nodes.enabled",
        Kind::Flag,
    ),
    ("dfs.namenode.checkpoint.check.period", Kind::Seconds),
    ("dfs.namenode.checkpoint.period", Kind::Seconds),
    ("dfs.namenode.checkpoint.txns", Kind::Count),
    ("dfs.namenode.decommission.interval", Kind::Seconds),
    ("dfs.namenode.fs-limits.min-block-size", Kind::Bytes),
    (
        "dfs.namenode.full.block.report.lease.length.ms",
        Kind::Millis,
    ),
    ("dfs.namenode.heartbeat.recheck-interval", Kind::Millis),
    ("dfs.namenode.lease-hard-limit-sec", Kind::Seconds),
    ("dfs.namenode.lease-recheck-interval-ms", Kind::Millis),
    ("dfs.namenode.lease-soft-limit-sec", Kind::Seconds),
    ("dfs.namenode.maintenance.replication.min", Kind::Count),
    ("dfs.namenode.max.full.block.report.leases", Kind::Count),
    ("dfs.namenode.max.slowpeer.collect.nodes", Kind::Count),
    ("dfs.namenode.num.checkpoints.retained", Kind::Count),
    (
        "dfs.namenode.reconstruction.pending.timeout-sec",
        Kind::Seconds,
    ),
    ("dfs.namenode.redundancy.interval.seconds", Kind::Seconds),
    ("dfs.namenode.replication.max-streams", Kind::Count),
    (
        "dfs.namenode.replication.max-streams-hard-limit",
        Kind::Count,
    ),
    ("dfs.namenode.replication.min", Kind::Count),
    (
        "dfs.namenode.replication.work.multiplier.per.iteration",
        Kind::Count,
    ),
    ("dfs.namenode.safemode.extension", Kind::Millis),
    ("dfs.namenode.safemode.min.datanodes", Kind::Count),
    ("dfs.namenode.safemode.threshold-pct", Kind::Fraction),
    ("dfs.namenode.stale.datanode.interval", Kind::Millis),
    ("dfs.replication", Kind::Count),
    ("dfs.replication.max", Kind::Count),
];

/// With 0 of these nothing would work, or without a pause.
pub(super) const POSITIVE: &[&str] = &[
    "dfs.balancer.getBlocks.size",
    "dfs.balancer.max-size-to-move",
    "dfs.block.invalidate.limit",
    "dfs.blocksize",
    "dfs.client.socket-timeout",
    "dfs.datanode.balance.bandwidthPerSec",
    "dfs.datanode.balance.max.concurrent.moves",
    "dfs.datanode.directoryscan.interval",
    "dfs.datanode.max.transfer.threads",
    "dfs.datanode.scan.period.hours",
    "dfs.heartbeat.interval",
    "dfs.namenode.max.full.block.report.leases",
    "dfs.namenode.num.checkpoints.retained",
    "dfs.namenode.replication.max-streams-hard-limit",
    "dfs.namenode.replication.min",
    "dfs.namenode.replication.work.multiplier.per.iteration",
    "dfs.replication",
    "dfs.replication.max",
];

pub(super) fn bad_value(kind: Kind, key: &str, value: &str) -> SettingError {
    SettingError::BadValue {
        key: key.to_owned(),
        value: value.to_owned(),
        expected: match kind {
            Kind::Count => "a whole number",
            Kind::Bytes => "a number of bytes, such as 1048576, 64k, 128m or 1g",
            Kind::Seconds => "a time, such as 500ms, 3s, 5m or 6h, or a number of seconds",
            Kind::Millis => "a time, such as 500ms, 3s, 5m or 6h, or a number of milliseconds",
            Kind::Fraction => "a fraction from 0 to 1, such as 0.999",
            Kind::Flag => "true or false",
            Kind::Policy => "NEVER, DEFAULT or ALWAYS",
            Kind::Hours => "a time, such as 500ms, 3s, 5m or 6h, or a number of hours",
            Kind::Text => "a text",
            Kind::Name(_) => "the name of a policy, such as RoundRobin or AvailableSpace",
        },
    }
}

pub(super) fn parse_value(kind: Kind, value: &str) -> Option<u64> {
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, suffix) = value.split_at(digits);
    match kind {
        Kind::Fraction => return parse_fraction(number, suffix),
        Kind::Flag => return value.parse::<bool>().ok().map(u64::from),
        Kind::Policy => {
            let names = ["NEVER", "DEFAULT", "ALWAYS"];
            let place = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(value));
            return place.map(|place| place as u64);
        }
        Kind::Name(names) => {
            let class = value.rsplit_once('.').map_or(value, |(_, class)| class);
            let name = class.strip_suffix("VolumeChoosingPolicy").unwrap_or(class);
            let place = names.iter().position(|known| *known == name)?;
            return u64::try_from(place).ok();
        }
        Kind::Text => return None,
        Kind::Count | Kind::Bytes | Kind::Seconds | Kind::Millis | Kind::Hours => {}
    }
    let unit: u64 = match (kind, suffix.to_ascii_lowercase().as_str()) {
        (Kind::Count | Kind::Bytes | Kind::Millis, "") => 1,
        (Kind::Seconds, "") => 1000,
        (Kind::Hours, "") => 60 * 60 * 1000,
        (Kind::Bytes, "k") => 1 << 10,
        (Kind::Bytes, "m") => 1 << 20,
        (Kind::Bytes, "g") => 1 << 30,
        (Kind::Bytes, "t") => 1 << 40,
        (Kind::Seconds | Kind::Millis | Kind::Hours, "ms") => 1,
        (Kind::Seconds | Kind::Millis | Kind::Hours, "s") => 1000,
        (Kind::Seconds | Kind::Millis | Kind::Hours, "m") => 60 * 1000,
        (Kind::Seconds | Kind::Millis | Kind::Hours, "h") => 60 * 60 * 1000,
        (Kind::Seconds | Kind::Millis | Kind::Hours, "d") => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Thousandths; further digits are dropped.
fn parse_fraction(whole: &str, rest: &str) -> Option<u64> {
    let decimals = rest.strip_prefix('.').or(rest.is_empty().then_some(""))?;
    if !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u64 = format!("{decimals:0<3}")[..3].parse().ok()?;
    let permille = whole.parse::<u64>().ok()?.checked_mul(1000)? + thousandths;
    (permille <= 1000).then_some(permille)
}

pub(super) fn nearest(key: &str) -> &'static str {
    let names = KEYS.iter().map(|(known, _)| *known);
    names.min_by_key(|known| distance(key, known)).unwrap_or("")
}

/// How many bytes to add, drop or change to get from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
