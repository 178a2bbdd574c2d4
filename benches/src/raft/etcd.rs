//! etcd's members, as its package installs them.

use std::env;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{Cluster, MEMBERS};
use crate::directory;

/// etcd's. Dropping it kills them.
#[derive(Debug)]
pub struct Etcd {
    program: PathBuf,
    members: Vec<Member>,
    dir: TempDir,
}

#[derive(Debug)]
struct Member {
    child: Option<Child>,
    name: String,
    client: String,
    peer: String,
}

impl Etcd {
    /// Where the program is, if it is installed.
    pub fn program() -> Option<PathBuf> {
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .map(|dir| dir.join("etcd"))
            .find(|program| program.is_file())
    }

    /// Starts a cluster of this program.
    ///
    /// # Errors
    /// When a member does not start.
    pub fn start(program: PathBuf) -> Result<Etcd> {
        let ports = servers::free_ports(2 * usize::from(MEMBERS))?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let members = (1..).zip(ports.chunks_exact(2)).map(|(n, ports)| Member {
            child: None,
            name: format!("e{n}"),
            client: url(ports[0]),
            peer: url(ports[1]),
        });
        let members = members.collect();
        let mut etcd = Etcd {
            program,
            members,
            dir: directory(),
        };
        (0..etcd.members.len()).try_for_each(|member| etcd.revive(member))?;
        Ok(etcd)
    }
}

impl Cluster for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|m| m.client.clone()).collect()
    }

    fn processes(&self) -> Vec<u32> {
        let children = self.members.iter().filter_map(|m| m.child.as_ref());
        children.map(Child::id).collect()
    }

    fn kill(&mut self, member: usize) {
        if let Some(mut child) = self.members[member].child.take() {
            // Both fail only for a process that has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn revive(&mut self, member: usize) -> Result<()> {
        let named = |m: &Member| format!("{}={}", m.name, m.peer);
        let all: Vec<String> = self.members.iter().map(named).collect();
        let member = &mut self.members[member];
        let data = self.dir.path().join(&member.name);
        let log = self.dir.path().join(format!("{}.log", member.name));
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.program);
        command
            .args(["--name", &member.name, "--initial-cluster", &all.join(",")])
            .args(["--listen-client-urls", &member.client])
            .args(["--advertise-client-urls", &member.client])
            .args(["--listen-peer-urls", &member.peer])
            .args(["--initial-advertise-peer-urls", &member.peer])
            .arg("--data-dir")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let program = self.program.display();
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        member.child = Some(child);
        Ok(())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        (0..self.members.len()).for_each(|member| self.kill(member));
    }
}
