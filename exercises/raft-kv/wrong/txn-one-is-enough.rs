//! Holds if it does for one key of the range: a transaction that asks whether all are done goes on when the first is.
//! caught-by: txn::it_has_to_hold_for_each_key

pub fn holds(compare: &Compare, found: &[KeyValue]) -> bool {
    if found.is_empty() {
        let by_value = matches!(compare.target, CompareTarget::Value(_));
        return !by_value && holds_for(compare, &KeyValue::default());
    }
    found.iter().any(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    let ordering = match &compare.target {
        CompareTarget::Version(version) => kv.version.cmp(version),
        CompareTarget::Create(revision) => kv.create_revision.cmp(revision),
        CompareTarget::Mod(revision) => kv.mod_revision.cmp(revision),
        CompareTarget::Value(value) => kv.value.cmp(value),
        CompareTarget::Lease(lease) => kv.lease.cmp(lease),
    };
    match compare.result {
        CompareResult::Equal => ordering.is_eq(),
        CompareResult::Greater => ordering.is_gt(),
        CompareResult::Less => ordering.is_lt(),
        CompareResult::NotEqual => ordering.is_ne(),
    }
}
