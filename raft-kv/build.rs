//! Compiles the protocol files, in Rust alone: no `protoc` needs to be installed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(feature = "server")]
    compile_protocols()?;
    Ok(())
}

#[cfg(feature = "server")]
fn compile_protocols() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files = Vec::new();
    for entry in std::fs::read_dir("proto")? {
        files.push(entry?.path());
    }
    files.sort();
    let descriptors = protox::compile(files, ["proto"])?;
    // For reflection, by which tools learn the services from the server itself.
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    let described = prost::Message::encode_to_vec(&descriptors);
    std::fs::write(out.join("descriptors.bin"), described)?;
    tonic_prost_build::configure()
        // Messages of the consensus are passed on as they came.
        .bytes(".raft_kv.peer")
        .compile_fds(descriptors)?;
    Ok(())
}
