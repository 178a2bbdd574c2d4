//! Compares values by their lengths first, as numbers without leading zeros are: etcd compares bytes.
//! caught-by: txn::values_compare_as_bytes

pub fn holds(compare: &Compare, found: &[KeyValue]) -> bool {
    if found.is_empty() {
        let by_value = matches!(compare.target, CompareTarget::Value(_));
        return !by_value && holds_for(compare, &KeyValue::default());
    }
    found.iter().all(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    let ordering = match &compare.target {
        CompareTarget::Version(version) => kv.version.cmp(version),
        CompareTarget::Create(revision) => kv.create_revision.cmp(revision),
        CompareTarget::Mod(revision) => kv.mod_revision.cmp(revision),
        CompareTarget::Value(value) => {
            let lengths = kv.value.len().cmp(&value.len());
            lengths.then_with(|| kv.value.cmp(value))
        }
        CompareTarget::Lease(lease) => kv.lease.cmp(lease),
    };
    match compare.result {
        CompareResult::Equal => ordering.is_eq(),
        CompareResult::Greater => ordering.is_gt(),
        CompareResult::Less => ordering.is_lt(),
        CompareResult::NotEqual => ordering.is_ne(),
    }
}
