//! The plain types of `protocol.rs` as messages of gRPC, and back. What comes is not trusted to be whole.

use node::Time;
use tonic::Status as Refusal;

use crate::coordinator::delay::Locality;
use crate::coordinator::history::{AttemptRecord, Outcome};
use crate::coordinator::job::JobState;
use crate::coordinator::status::Status;
use crate::counters::Counters;
use crate::job::{JobSpec, Settings, Split};
use crate::protocol::{
    AttemptId, AttemptReport, AttemptState, FetchFailure, JobId, MapEvent, Order, Registration,
    Reply, Report, TaskId, TaskKind, WorkerId,
};

/// The messages.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated"
)]
pub mod pb {
    tonic::include_proto!("mini_mapreduce");
}

/// A part without which a message says nothing.
fn needed<T>(part: Option<T>, name: &str) -> Result<T, Refusal> {
    part.ok_or_else(|| Refusal::invalid_argument(format!("the message has no {name}")))
}

fn all<A, B>(list: Vec<A>, from: impl Fn(A) -> Result<B, Refusal>) -> Result<Vec<B>, Refusal> {
    list.into_iter().map(from).collect()
}

pub(super) fn attempt_to(id: AttemptId) -> pb::AttemptId {
    pb::AttemptId {
        job: id.task.job.0,
        is_reduce: id.task.kind == TaskKind::Reduce,
        index: id.task.index,
        number: id.number,
    }
}

pub(super) fn attempt_from(id: pb::AttemptId) -> AttemptId {
    let kind = if id.is_reduce {
        TaskKind::Reduce
    } else {
        TaskKind::Map
    };
    AttemptId {
        task: TaskId {
            job: JobId(id.job),
            kind,
            index: id.index,
        },
        number: id.number,
    }
}

fn attempt_needed(id: Option<pb::AttemptId>) -> Result<AttemptId, Refusal> {
    Ok(attempt_from(needed(id, "attempt")?))
}

pub(super) fn spec_to(spec: JobSpec) -> pb::JobSpec {
    pb::JobSpec {
        program: spec.program,
        args: spec.args,
        inputs: spec.inputs,
        output: spec.output,
        reduces: spec.reduces,
        settings: spec.settings.0.into_iter().collect(),
    }
}

pub(super) fn spec_from(spec: Option<pb::JobSpec>) -> Result<JobSpec, Refusal> {
    let spec = needed(spec, "job")?;
    Ok(JobSpec {
        program: spec.program,
        args: spec.args,
        inputs: spec.inputs,
        output: spec.output,
        reduces: spec.reduces,
        settings: Settings(spec.settings.into_iter().collect()),
    })
}

fn counters_to(counters: &Counters) -> Vec<pb::Counter> {
    let counter = |(group, name, value): (&str, &str, u64)| pb::Counter {
        group: group.to_owned(),
        name: name.to_owned(),
        value,
    };
    counters.iter().map(counter).collect()
}

fn counters_from(list: Vec<pb::Counter>) -> Counters {
    let mut counters = Counters::default();
    for counter in list {
        counters.add(&counter.group, &counter.name, counter.value);
    }
    counters
}

pub(super) fn registration_to(registration: Registration) -> pb::Registration {
    let outputs = registration.outputs.into_iter();
    pb::Registration {
        worker: registration.worker.0,
        address: registration.address,
        host: registration.host,
        rack: registration.rack,
        map_slots: registration.map_slots,
        reduce_slots: registration.reduce_slots,
        outputs: outputs.map(attempt_to).collect(),
    }
}

pub(super) fn registration_from(registration: pb::Registration) -> Result<Registration, Refusal> {
    // Empty, it would mean to reduces that a map's output is lost.
    if registration.address.is_empty() {
        let reason = "a worker has to say where its map outputs are served";
        return Err(Refusal::invalid_argument(reason));
    }
    let outputs = registration.outputs.into_iter();
    Ok(Registration {
        worker: WorkerId(registration.worker),
        address: registration.address,
        host: registration.host,
        rack: registration.rack,
        map_slots: registration.map_slots,
        reduce_slots: registration.reduce_slots,
        outputs: outputs.map(attempt_from).collect(),
    })
}

pub(super) fn report_to(report: Report) -> pb::Report {
    use pb::attempt_report::State;
    let attempt = |report: AttemptReport| pb::AttemptReport {
        attempt: Some(attempt_to(report.attempt)),
        counters: match &report.state {
            AttemptState::Running { counters, .. } => counters_to(counters),
            _ => Vec::new(),
        },
        state: Some(match report.state {
            AttemptState::Running {
                progress, ticks, ..
            } => State::Running(pb::Running { progress, ticks }),
            AttemptState::Done { counters } => State::Done(pb::Done {
                counters: counters_to(&counters),
            }),
            AttemptState::Failed { reason } => State::Failed(reason),
            AttemptState::GivenUp { reason } => State::GivenUp(reason),
        }),
    };
    let failure = |failure: FetchFailure| pb::FetchFailure {
        reduce: Some(attempt_to(failure.reduce)),
        map: Some(attempt_to(failure.map)),
        failures: failure.failures,
    };
    pb::Report {
        worker: report.worker.0,
        sequence: report.sequence,
        attempts: report.attempts.into_iter().map(attempt).collect(),
        fetch_failures: report.fetch_failures.into_iter().map(failure).collect(),
        jobs: report
            .jobs
            .iter()
            .map(|(job, known)| (job.0, *known))
            .collect(),
    }
}

pub(super) fn report_from(report: pb::Report) -> Result<Report, Refusal> {
    use pb::attempt_report::State;
    let attempt = |report: pb::AttemptReport| {
        let attempt = attempt_needed(report.attempt)?;
        let state = match needed(report.state, "state of an attempt")? {
            State::Running(pb::Running { progress, ticks }) => AttemptState::Running {
                progress,
                counters: counters_from(report.counters),
                ticks,
            },
            State::Done(done) => AttemptState::Done {
                counters: counters_from(done.counters),
            },
            State::Failed(reason) => AttemptState::Failed { reason },
            State::GivenUp(reason) => AttemptState::GivenUp { reason },
        };
        Ok(AttemptReport { attempt, state })
    };
    let failure = |failure: pb::FetchFailure| {
        Ok(FetchFailure {
            reduce: attempt_needed(failure.reduce)?,
            map: attempt_needed(failure.map)?,
            failures: failure.failures,
        })
    };
    let jobs = report.jobs.into_iter();
    Ok(Report {
        worker: WorkerId(report.worker),
        sequence: report.sequence,
        attempts: all(report.attempts, attempt)?,
        fetch_failures: all(report.fetch_failures, failure)?,
        jobs: jobs.map(|(job, known)| (JobId(job), known)).collect(),
    })
}

fn order_to(order: Order) -> pb::Order {
    use pb::order::Order as Kind;
    let kind = match order {
        Order::RunMap {
            attempt,
            spec,
            split,
        } => Kind::RunMap(pb::RunMap {
            attempt: Some(attempt_to(attempt)),
            spec: Some(spec_to(spec)),
            split: Some(pb::Split {
                path: split.path,
                offset: split.offset,
                length: split.length,
                hosts: split.hosts,
                racks: split.racks,
            }),
        }),
        Order::RunReduce {
            attempt,
            spec,
            maps,
        } => Kind::RunReduce(pb::RunReduce {
            attempt: Some(attempt_to(attempt)),
            spec: Some(spec_to(spec)),
            maps,
        }),
        Order::Kill(attempt) => Kind::Kill(attempt_to(attempt)),
        Order::Accept(attempt) => Kind::Accept(attempt_to(attempt)),
        Order::Forget(job) => Kind::Forget(job.0),
    };
    pb::Order { order: Some(kind) }
}

fn order_from(order: pb::Order) -> Result<Order, Refusal> {
    use pb::order::Order as Kind;
    Ok(match needed(order.order, "order")? {
        Kind::RunMap(run) => {
            let split = needed(run.split, "split")?;
            Order::RunMap {
                attempt: attempt_needed(run.attempt)?,
                spec: spec_from(run.spec)?,
                split: Split {
                    path: split.path,
                    offset: split.offset,
                    length: split.length,
                    hosts: split.hosts,
                    racks: split.racks,
                },
            }
        }
        Kind::RunReduce(run) => Order::RunReduce {
            attempt: attempt_needed(run.attempt)?,
            spec: spec_from(run.spec)?,
            maps: run.maps,
        },
        Kind::Kill(attempt) => Order::Kill(attempt_from(attempt)),
        Kind::Accept(attempt) => Order::Accept(attempt_from(attempt)),
        Kind::Forget(job) => Order::Forget(JobId(job)),
    })
}

pub(super) fn reply_to(reply: Reply) -> pb::Reply {
    let event = |event: MapEvent| match event {
        MapEvent::Done { attempt, address } => pb::MapEvent {
            attempt: Some(attempt_to(attempt)),
            address,
        },
        MapEvent::Lost { attempt } => pb::MapEvent {
            attempt: Some(attempt_to(attempt)),
            address: String::new(),
        },
    };
    let events = reply.events.into_iter().map(|(job, events)| {
        let events = events.into_iter().map(event).collect();
        (job.0, pb::MapEvents { events })
    });
    pb::Reply {
        sequence: reply.sequence,
        orders: reply.orders.into_iter().map(order_to).collect(),
        events: events.collect(),
    }
}

pub(super) fn reply_from(reply: pb::Reply) -> Result<Reply, Refusal> {
    let event = |event: pb::MapEvent| {
        let attempt = attempt_needed(event.attempt)?;
        Ok(match event.address {
            address if address.is_empty() => MapEvent::Lost { attempt },
            address => MapEvent::Done { attempt, address },
        })
    };
    let events = reply.events.into_iter();
    let events = events.map(|(job, events)| Ok((JobId(job), all(events.events, event)?)));
    Ok(Reply {
        sequence: reply.sequence,
        orders: all(reply.orders, order_from)?,
        events: events.collect::<Result<_, Refusal>>()?,
    })
}

pub(super) fn status_to(status: Status) -> pb::JobStatus {
    let (state, reason) = match status.state {
        JobState::Running => (pb::JobState::Running, String::new()),
        JobState::Committing => (pb::JobState::Committing, String::new()),
        JobState::Succeeded => (pb::JobState::Succeeded, String::new()),
        JobState::Failed { reason } => (pb::JobState::Failed, reason),
    };
    pb::JobStatus {
        job: status.job.0,
        program: status.program,
        output: status.output,
        state: state.into(),
        reason,
        maps: status.maps.0,
        maps_done: status.maps.1,
        reduces: status.reduces.0,
        reduces_done: status.reduces.1,
        map: status.map,
        shuffle: status.shuffle,
        reduce: status.reduce,
        counters: counters_to(&status.counters),
        input_bytes_read: status.input_bytes.0,
        input_bytes: status.input_bytes.1,
    }
}

pub(super) fn status_from(status: pb::JobStatus) -> Status {
    let state = match status.state() {
        pb::JobState::Running => JobState::Running,
        pb::JobState::Committing => JobState::Committing,
        pb::JobState::Succeeded => JobState::Succeeded,
        pb::JobState::Failed => JobState::Failed {
            reason: status.reason.clone(),
        },
    };
    Status {
        job: JobId(status.job),
        program: status.program,
        output: status.output,
        state,
        maps: (status.maps, status.maps_done),
        reduces: (status.reduces, status.reduces_done),
        map: status.map,
        shuffle: status.shuffle,
        reduce: status.reduce,
        input_bytes: (status.input_bytes_read, status.input_bytes),
        counters: counters_from(status.counters),
    }
}

pub(super) fn record_to(id: AttemptId, record: &AttemptRecord) -> pb::AttemptInfo {
    use pb::attempt_info::Outcome as Known;
    pb::AttemptInfo {
        attempt: Some(attempt_to(id)),
        worker: record.worker.0,
        host: record.host.clone(),
        rack: record.rack.clone(),
        slot: record.slot,
        speculative: record.speculative,
        locality: record.locality.map(|locality| match locality {
            Locality::Node => 0,
            Locality::Rack => 1,
            Locality::Any => 2,
        }),
        started: record.started.as_micros(),
        shuffled: record.shuffled.map(Time::as_micros),
        merged: record.merged.map(Time::as_micros),
        ended: record.ended.map(Time::as_micros),
        outcome: match &record.outcome {
            Outcome::Running => None,
            Outcome::Succeeded => Some(Known::Succeeded(true)),
            Outcome::Failed { reason } => Some(Known::Failed(reason.clone())),
            Outcome::Killed { reason } => Some(Known::Killed(reason.clone())),
        },
        progress: record.progress,
        input_records: record.input_records,
        shuffle_bytes: record.shuffle_bytes,
        spilled_records: record.spilled_records,
        fetch_failures: record.fetch_failures,
    }
}

pub(super) fn record_from(info: pb::AttemptInfo) -> Result<(AttemptId, AttemptRecord), Refusal> {
    use pb::attempt_info::Outcome as Known;
    let record = AttemptRecord {
        worker: WorkerId(info.worker),
        host: info.host,
        rack: info.rack,
        slot: info.slot,
        speculative: info.speculative,
        locality: info.locality.map(|locality| match locality {
            0 => Locality::Node,
            1 => Locality::Rack,
            _ => Locality::Any,
        }),
        started: Time::from_micros(info.started),
        shuffled: info.shuffled.map(Time::from_micros),
        merged: info.merged.map(Time::from_micros),
        ended: info.ended.map(Time::from_micros),
        outcome: match info.outcome {
            None => Outcome::Running,
            Some(Known::Succeeded(_)) => Outcome::Succeeded,
            Some(Known::Failed(reason)) => Outcome::Failed { reason },
            Some(Known::Killed(reason)) => Outcome::Killed { reason },
        },
        progress: info.progress,
        input_records: info.input_records,
        shuffle_bytes: info.shuffle_bytes,
        spilled_records: info.spilled_records,
        fetch_failures: info.fetch_failures,
        counters: Counters::default(),
    };
    Ok((attempt_needed(info.attempt)?, record))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_serves_nowhere_is_refused() {
        let registration = |address: &str| pb::Registration {
            address: address.to_owned(),
            ..pb::Registration::default()
        };
        assert!(registration_from(registration("127.0.0.1:1")).is_ok());
        let refused = registration_from(registration("")).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
