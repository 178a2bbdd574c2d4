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
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
