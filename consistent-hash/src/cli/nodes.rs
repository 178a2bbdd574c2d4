//! Nodes as they are written on a command line: `8` for n1 to n8, or a list like `n1,n2*3,n7@2`.

use anyhow::{Result, bail};
use consistent_hash::{Node, NodeId};

/// As many nodes as a count may name.
const COUNT_MAX: u32 = 100_000;

/// `n9`, `n9*2` (its weight), `n9@3` (its zone), `n9*2@3`; the `n` may be left out.
pub(crate) fn parse_node(text: &str) -> Result<Node, String> {
    let wrong = |what: &str| {
        format!(
            "{what} in `{text}`: a node is written n9, n9*2 with a weight, n9@3 with a zone, n9*2@3 with both"
        )
    };
    let (rest, zone) = match text.split_once('@') {
        Some((rest, zone)) => (
            rest,
            Some(zone.parse().map_err(|_| wrong("no number of a zone"))?),
        ),
        None => (text, None),
    };
    let (id, weight) = match rest.split_once('*') {
        Some((id, weight)) => (id, weight.parse().map_err(|_| wrong("no weight"))?),
        None => (rest, 1),
    };
    let id = id.strip_prefix('n').unwrap_or(id);
    let id = id.parse().map_err(|_| wrong("no number of a node"))?;
    Ok(Node {
        id: NodeId(id),
        weight,
        zone,
    })
}

/// The number of a node that is to leave.
pub(crate) fn parse_id(text: &str) -> Result<NodeId, String> {
    let id = text.strip_prefix('n').unwrap_or(text).parse();
    id.map(NodeId)
        .map_err(|_| format!("`{text}` is no node: one is written n9"))
}

/// The nodes of a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Nodes {
    /// How many nodes, or which: a number, or a list like n1,n2*3,n7@2 (n2 of weight 3, n7 in zone 2)
    #[arg(long, default_value = "8", value_name = "COUNT|LIST")]
    nodes: String,
    /// Deal the nodes out to so many zones, one after the other
    #[arg(long, value_name = "ZONES")]
    zones: Option<u32>,
}

impl Nodes {
    /// The nodes, at least one.
    pub(crate) fn list(&self) -> Result<Vec<Node>> {
        let mut nodes = match self.nodes.trim().parse::<u128>() {
            Ok(0) => bail!("--nodes 0: without nodes no key belongs anywhere; give at least 1"),
            Ok(count) => match u32::try_from(count) {
                Ok(count) if count <= COUNT_MAX => (1..=count).map(Node::new).collect(),
                _ => bail!("--nodes {count}: at most {COUNT_MAX}"),
            },
            Err(_) => {
                let list = self.nodes.split(',').map(|text| parse_node(text.trim()));
                list.collect::<Result<Vec<Node>, String>>()
                    .map_err(anyhow::Error::msg)?
            }
        };
        match self.zones {
            Some(0) => bail!("--zones 0: give at least 1, or leave it out"),
            Some(zones) => {
                for (node, index) in nodes.iter_mut().zip(0..) {
                    node.zone = node.zone.or(Some(index % zones));
                }
            }
            None => {}
        }
        Ok(nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_a_number_a_weight_and_a_zone() {
        let node = |id, weight, zone| Node {
            id: NodeId(id),
            weight,
            zone,
        };
        assert_eq!(parse_node("n9"), Ok(node(9, 1, None)));
        assert_eq!(parse_node("12*3"), Ok(node(12, 3, None)));
        assert_eq!(parse_node("n9@2"), Ok(node(9, 1, Some(2))));
        assert_eq!(parse_node("n9*4@0"), Ok(node(9, 4, Some(0))));
        for wrong in [
            "",
            "n",
            "x9",
            "n9*",
            "n9@",
            "n9*-1",
            "n9@1*2",
            "n99999999999",
        ] {
            let error = parse_node(wrong).unwrap_err();
            assert!(error.contains("a node is written n9"), "{wrong}: {error}");
        }
    }
}
