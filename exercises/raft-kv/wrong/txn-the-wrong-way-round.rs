//! Compares what is given with what is there: greater and less change places.
//! caught-by: txn::a_number_is_compared_with_what_is_given

pub fn holds(compare: &Compare, found: &[KeyValue]) -> bool {
    if found.is_empty() {
        let by_value = matches!(compare.target, CompareTarget::Value(_));
        return !by_value && holds_for(compare, &KeyValue::default());
    }
    found.iter().all(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    let ordering = match &compare.target {
        CompareTarget::Version(version) => version.cmp(&kv.version),
        CompareTarget::Create(revision) => revision.cmp(&kv.create_revision),
        CompareTarget::Mod(revision) => revision.cmp(&kv.mod_revision),
        CompareTarget::Value(value) => value.cmp(&kv.value),
        CompareTarget::Lease(lease) => lease.cmp(&kv.lease),
    };
    match compare.result {
        CompareResult::Equal => ordering.is_eq(),
        CompareResult::Greater => ordering.is_gt(),
        CompareResult::Less => ordering.is_lt(),
        CompareResult::NotEqual => ordering.is_ne(),
    }
}
