//! `txn`: a transaction, read from the standard input as etcdctl reads it: comparisons, an empty line, what is done if they hold, an empty
//! line, what is done if not.
//!
//! ```text
//! mod("key1") > "0"
//!
//! put key1 "overwrote"
//!
//! get key1
//! ```

use std::io::{BufRead, stdin};

use anyhow::{Context, Result, bail};
use raft_kv::client::pb;
use raft_kv::client::recipes::prefix_end;

use super::Connection;
use super::kv::show;
use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use pb::request_op::Request;
use pb::response_op::Response;

pub(crate) async fn txn(connection: &Connection) -> Result<()> {
    let mut lines = Vec::new();
    for line in stdin().lock().lines() {
        lines.push(line?.trim().to_owned());
    }
    let done = connection.client()?.txn(parse(&lines)?).await?;
    say!("{}", if done.succeeded { "SUCCESS" } else { "FAILURE" });
    for response in &done.responses {
        say!("");
        match &response.response {
            Some(Response::ResponsePut(put)) => {
                say!("OK");
                put.prev_kv.iter().for_each(show);
            }
            Some(Response::ResponseDeleteRange(deleted)) => {
                say!("{}", deleted.deleted);
                deleted.prev_kvs.iter().for_each(show);
            }
            Some(Response::ResponseRange(found)) => found.kvs.iter().for_each(show),
            Some(Response::ResponseTxn(_)) | None => {}
        }
    }
    Ok(())
}

fn parse(lines: &[String]) -> Result<pb::TxnRequest> {
    let mut parts = lines.split(String::is_empty);
    let mut part = || parts.next().unwrap_or_default();
    let (compare, success, failure) = (part(), part(), part());
    Ok(pb::TxnRequest {
        compare: compare
            .iter()
            .map(|line| comparison(line))
            .collect::<Result<_>>()?,
        success: success
            .iter()
            .map(|line| operation(line))
            .collect::<Result<_>>()?,
        failure: failure
            .iter()
            .map(|line| operation(line))
            .collect::<Result<_>>()?,
    })
}

/// `mod("key") > "0"`.
fn comparison(line: &str) -> Result<pb::Compare> {
    let expected =
        || format!("{line}: expected TARGET(\"KEY\") OP \"VALUE\", as in mod(\"key1\") > \"0\"");
    let (target, rest) = line.split_once('(').with_context(expected)?;
    let close = rest.rfind(')').with_context(expected)?;
    let key = unquoted(rest[..close].trim());
    let (result, value) = rest[close + 1..]
        .trim()
        .split_once(char::is_whitespace)
        .with_context(expected)?;
    let result = match result {
        "=" => CompareResult::Equal,
        "!=" => CompareResult::NotEqual,
        "<" => CompareResult::Less,
        ">" => CompareResult::Greater,
        _ => bail!(expected()),
    };
    let value = unquoted(value.trim());
    let number = || {
        value
            .parse::<i64>()
            .with_context(|| format!("{line}: expected a number"))
    };
    let (target, union) = match target.trim() {
        "ver" | "version" => (CompareTarget::Version, TargetUnion::Version(number()?)),
        "c" | "create" => (
            CompareTarget::Create,
            TargetUnion::CreateRevision(number()?),
        ),
        "m" | "mod" => (CompareTarget::Mod, TargetUnion::ModRevision(number()?)),
        "val" | "value" => (CompareTarget::Value, TargetUnion::Value(value.into_bytes())),
        "lease" => (
            CompareTarget::Lease,
            TargetUnion::Lease(super::lease_id(&value)?),
        ),
        other => {
            bail!("{line}: {other} is no target; there are version, create, mod, value, lease")
        }
    };
    Ok(pb::Compare {
        result: result.into(),
        target: target.into(),
        key: key.into_bytes(),
        target_union: Some(union),
        range_end: Vec::new(),
    })
}

/// `put KEY VALUE`, `get KEY`, `del KEY`; the last two with `--prefix`.
fn operation(line: &str) -> Result<pb::RequestOp> {
    let mut words = words(line);
    let prefix = words
        .iter()
        .position(|word| word == "--prefix")
        .map(|i| words.remove(i))
        .is_some();
    let range = |key: &str| {
        let end = if prefix {
            prefix_end(key.as_bytes())
        } else {
            Vec::new()
        };
        (key.as_bytes().to_vec(), end)
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let request = match words[..] {
        ["put", key, value] => Request::RequestPut(pb::PutRequest {
            key: key.into(),
            value: value.into(),
            ..Default::default()
        }),
        ["get", key] => {
            let (key, range_end) = range(key);
            Request::RequestRange(pb::RangeRequest {
                key,
                range_end,
                ..Default::default()
            })
        }
        ["del", key] => {
            let (key, range_end) = range(key);
            Request::RequestDeleteRange(pb::DeleteRangeRequest {
                key,
                range_end,
                ..Default::default()
            })
        }
        _ => bail!("{line}: expected put KEY VALUE, get KEY or del KEY"),
    };
    Ok(pb::RequestOp {
        request: Some(request),
    })
}

/// Words of a line; one in double quotes may hold spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn unquoted(text: &str) -> String {
    text.trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<pb::TxnRequest> {
        parse(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_transaction_has_three_parts() {
        let txn = read(
            "mod(\"k\") > \"0\"\nvalue(\"k\") = \"a b\"\n\nput k \"x y\"\nget k --prefix\n\ndel k",
        )
        .unwrap();
        assert_eq!(
            (txn.compare.len(), txn.success.len(), txn.failure.len()),
            (2, 2, 1)
        );
        assert_eq!(
            txn.compare[1].target_union,
            Some(TargetUnion::Value(b"a b".to_vec()))
        );
        let Some(Request::RequestPut(put)) = &txn.success[0].request else {
            panic!("no put: {txn:?}");
        };
        assert_eq!(put.value, b"x y");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error("mod(k)").contains("expected TARGET"));
        assert!(error("size(\"k\") = \"1\"").contains("size is no target"));
        assert!(error("mod(\"k\") = \"x\"").contains("expected a number"));
        assert!(error("\nput k").contains("expected put KEY VALUE"));
    }
}
