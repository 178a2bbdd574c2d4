//! What can be done to the cluster by a button: jobs to look at, and what is wrong with disks.

use anyhow::{Context, Result, ensure};

use super::work::{self, Work};
use super::{COORDINATOR, MapReduce};
use crate::load::Load;
use crate::system::{Cluster, Deed, Order, Param, Target, When};
use crate::systems::disks;

/// Files of a job that was begun by hand, for each worker.
const FILES_EACH: usize = 2;
const FILE_BYTES: usize = 512 << 10;
const REDUCES: u32 = 2;

impl Cluster for MapReduce {
    fn deeds(&self) -> Vec<Deed> {
        let mut deeds = disks::deeds(&["worker"]);
        let copies = Param {
            name: "copies",
            label: "Replicas of each file",
            unit: "",
            min: 1.0,
            max: 3.0,
            value: 2.0,
        };
        let job = |id, label, title| Deed {
            id,
            label,
            title,
            group: None,
            on: Target::Cluster,
            roles: &[],
            when: When::default(),
            param: Some(copies),
        };
        deeds.extend([
            job(
                "wordcount",
                "Count words",
                "Put text on the workers' disks, and have its words counted",
            ),
            job(
                "sort",
                "Sort",
                "Put records on the workers' disks, and have them sorted: all of them cross the network",
            ),
        ]);
        deeds
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        if !matches!(deed, "wordcount" | "sort") {
            return self.disks.perform(deed, order);
        }
        let copies = order.value.unwrap_or(2.0);
        ensure!((1.0..=3.0).contains(&copies), "1 to 3 replicas");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is 1 to 3"
        )]
        let copies = copies as usize;
        let work = self.by_hand(deed, copies)?;
        let this = self.this.upgrade().context("the cluster is gone")?;
        let plural = if copies == 1 { "" } else { "s" };
        let title = format!("by hand, {copies} replica{plural}");
        std::thread::spawn(move || {
            if let Err(e) = this.run(&title, &work) {
                let text = format!("{}: {e:#}", work.spec.program);
                this.lab.recorder.event(sim::Level::Bad, None, text);
            }
        });
        Ok(())
    }

    fn undo(&self) -> Result<()> {
        self.disks.undo()
    }

    fn load(&self) -> Option<&Load> {
        Some(&self.load)
    }

    fn shell(&self) -> Vec<String> {
        let address = self.lab.address(COORDINATOR, "rpc").unwrap_or_default();
        let pages = self.lab.address(COORDINATOR, "http").unwrap_or_default();
        vec![
            "alias mini-mapreduce='cargo run -qrp mini-mapreduce --'".to_owned(),
            format!("export MINI_MAPREDUCE_COORDINATOR={address}"),
            "mini-mapreduce run zipftext -r 0 -a 100000 -a 5000 -a 7 /tmp/text".to_owned(),
            "mini-mapreduce run wordcount -r 2 /tmp/text /tmp/counts".to_owned(),
            "mini-mapreduce jobs".to_owned(),
            format!("curl http://{pages}/"),
        ]
    }
}

impl MapReduce {
    /// The machines of file `n` with so many replicas.
    pub(super) fn places(&self, n: usize, copies: usize) -> Vec<&str> {
        let workers = self.workers();
        let copies = copies.clamp(1, workers.len());
        let names = (n..n + copies).map(|n| workers[n % workers.len()].as_str());
        names.collect()
    }

    fn by_hand(&self, deed: &str, copies: usize) -> Result<Work> {
        let output = self.new_dir(deed);
        let number = output.file_name().unwrap_or_default().to_string_lossy();
        let (mut files, mut paths) = (Vec::new(), Vec::new());
        for n in 0..FILES_EACH * self.workers().len() {
            let bytes = match deed {
                "sort" => work::rows(n as u64, FILE_BYTES / 100),
                _ => work::text(n as u64, FILE_BYTES, 1000),
            };
            let places = self.places(n, copies);
            paths.push(self.put("disk", &places, &format!("{number}-{n}"), &bytes)?);
            files.push(bytes);
        }
        let (program, expected) = match deed {
            "sort" => ("terasort", work::sorted(&files)),
            _ => ("wordcount", work::counted(&files)),
        };
        let spec = work::spec(program, &[], paths, &output, REDUCES);
        Ok(Work { spec, expected })
    }
}
