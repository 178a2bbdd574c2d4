//! How unequal the load of nodes is, in four figures, since none of them tells all.
//!
//! *Max / mean* is what a cluster is bought by: the busiest node has to bear it. *p99* is the same without the few worst. *Gini's
//! coefficient* looks at all nodes, as economists do at incomes: 0 where all have the same, nearly 1 where one has
//! everything.

/// The load of a cluster, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadReport {
    /// How many nodes there are.
    pub nodes: usize,
    /// The load of the average node.
    pub mean: f64,
    /// The load of the busiest node.
    pub max: f64,
    /// The load that 99 of 100 nodes do not exceed (nearest rank).
    pub p99: f64,
    /// Gini's coefficient, from 0 (all the same) to 1 − 1/nodes (one has all).
    pub gini: f64,
}

impl LoadReport {
    /// Of these loads, one a node, in any unit: keys, requests, bytes. Nodes of weights are compared by their load for each
    /// unit of weight. None where there is no node; what is negative or no number counts as 0.
    pub fn of(loads: &[f64]) -> Option<LoadReport> {
        let clean = |load: &f64| if *load > 0.0 { *load } else { 0.0 };
        let mut sorted: Vec<f64> = loads.iter().map(clean).collect();
        sorted.sort_by(f64::total_cmp);
        let (nodes, max) = (sorted.len(), *sorted.last()?);
        let sum: f64 = sorted.iter().sum();
        let n = nodes as f64;
        // Σ (2i − n − 1) xᵢ / (n Σ xᵢ), with i from 1 and x in ascending order.
        let ranked = sorted.iter().zip(1..);
        let spread: f64 = ranked
            .map(|(x, i)| (2.0 * f64::from(i) - n - 1.0) * x)
            .sum();
        Some(LoadReport {
            nodes,
            mean: sum / n,
            max,
            p99: sorted[(nodes * 99).div_ceil(100) - 1],
            gini: if sum > 0.0 { spread / (n * sum) } else { 0.0 },
        })
    }

    /// How many times the average the busiest node has; 1 where nobody has anything.
    pub fn max_over_mean(&self) -> f64 {
        self.over_mean(self.max)
    }

    /// How many times the average 99 of 100 nodes do not exceed.
    pub fn p99_over_mean(&self) -> f64 {
        self.over_mean(self.p99)
    }

    fn over_mean(&self, load: f64) -> f64 {
        if self.mean > 0.0 {
            load / self.mean
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_loads_are_equal() {
        let report = LoadReport::of(&[5.0; 8]).unwrap();
        assert_eq!(
            (report.max_over_mean(), report.p99, report.gini),
            (1.0, 5.0, 0.0)
        );
    }

    #[test]
    fn one_has_all() {
        let report = LoadReport::of(&[0.0, 0.0, 12.0, 0.0]).unwrap();
        assert_eq!((report.max_over_mean(), report.gini), (4.0, 0.75));
    }

    #[test]
    fn the_worst_of_a_hundred_is_above_p99() {
        let loads: Vec<f64> = (1..=100).map(f64::from).collect();
        let report = LoadReport::of(&loads).unwrap();
        assert_eq!((report.p99, report.max), (99.0, 100.0));
        assert!((report.gini - 0.33).abs() < 1e-12);
    }

    #[test]
    fn no_nodes_and_no_load() {
        assert_eq!(LoadReport::of(&[]), None);
        let report = LoadReport::of(&[0.0, f64::NAN, -1.0]).unwrap();
        assert_eq!((report.max_over_mean(), report.gini), (1.0, 0.0));
    }

    proptest! {
        /// Gini's coefficient by its definition: the mean difference of all pairs, over twice the mean.
        #[test]
        fn gini_is_the_mean_difference_of_pairs(loads in proptest::collection::vec(0u32..1000, 1..40)) {
            let loads: Vec<f64> = loads.into_iter().map(f64::from).collect();
            let report = LoadReport::of(&loads).unwrap();
            let pairs: f64 = loads.iter().flat_map(|a| loads.iter().map(move |b| (a - b).abs())).sum();
            let (n, sum) = (loads.len() as f64, loads.iter().sum::<f64>());
            let gini = if sum > 0.0 { pairs / (2.0 * n * sum) } else { 0.0 };
            prop_assert!((report.gini - gini).abs() < 1e-9, "{} instead of {gini}", report.gini);
        }
    }
}
