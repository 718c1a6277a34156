//! The backend's image is this binary: imported as `tars-backend:VERSION-<first 12 of its SHA-256>`.
//!
//! The operator's tool and the backend are so never of different versions, and no build tool or registry is needed.

use super::program;
use crate::archive::{self, Item};
use crate::docker::Docker;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::RECIPE_LABEL;
use anyhow::{Context, Result};
use futures_util::stream;

/// The user and group that the backend runs as.
pub const OWNER: u32 = 10001;
/// Where distributions keep the bundle of trusted certificates.
pub const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The label with the sum of the certificates inside: when the host's change, the image is made anew.
const CA_LABEL: &str = "io.tars.ca";

/// The image of the running binary: imported if the engine does not have it. Returns its name and whether it was made.
///
/// # Errors
/// When the binary is not static, or the engine cannot import it.
pub async fn ensure(docker: &Docker) -> Result<(String, bool)> {
    let binary = program::own()?;
    refuse_dynamic(&binary)?;
    let name = named(&binary);
    let certificates = std::fs::read(CA_BUNDLE).unwrap_or_default();
    let ca = archive::sha256_of(&certificates)[..12].to_owned();
    if docker.image(&name).await?.is_some_and(|image| image.labels.get(CA_LABEL) == Some(&ca)) {
        return Ok((name, false));
    }
    let root = archive::small_tar(&root(binary, certificates))?;
    let changes = [
        "ENTRYPOINT [\"/tars\"]".to_owned(),
        "CMD [\"serve\"]".to_owned(),
        format!("USER {OWNER}:{OWNER}"),
        "EXPOSE 8000".to_owned(),
        format!("ENV SSL_CERT_FILE={CA_BUNDLE}"),
        format!("LABEL {RECIPE_LABEL}=backend {CA_LABEL}={ca}"),
    ];
    docker.import(&name, &changes, stream::iter([Ok(root.into())])).await?;
    Ok((name, true))
}

/// The image's name that the running binary stands for.
///
/// # Errors
/// When the binary cannot be read.
pub fn name() -> Result<String> {
    Ok(named(&program::own()?))
}

fn named(binary: &[u8]) -> String {
    format!("tars-backend:{}-{}", env!("CARGO_PKG_VERSION"), &archive::sha256_of(binary)[..12])
}

/// A named volume takes its first owner and mode from its folder in the image: hence the empty folders.
fn root(binary: Vec<u8>, certificates: Vec<u8>) -> Vec<(&'static str, u32, u32, Item)> {
    let dir = |path, mode, owner| (path, mode, owner, Item::Directory);
    vec![
        dir("tmp", 0o1777, 0),
        dir("documents", 0o755, 0),
        dir("etc", 0o755, 0),
        dir("etc/ssl", 0o755, 0),
        dir("etc/ssl/certs", 0o755, 0),
        (&CA_BUNDLE[1..], 0o644, 0, Item::File(certificates)),
        dir("var", 0o755, 0),
        dir("var/lib", 0o755, 0),
        dir("var/lib/tars", 0o755, OWNER),
        dir("var/lib/tars/documents", 0o750, OWNER),
        dir("var/log", 0o755, 0),
        dir("var/log/tars", 0o750, OWNER),
        ("tars", 0o755, 0, Item::File(binary)),
    ]
}

/// A dynamic binary would not start in an empty image: look for the program header that asks for a loader.
fn refuse_dynamic(elf: &[u8]) -> Result<()> {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = elf.get(at..at + size)?;
        Some(bytes.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte)))
    };
    // ELF64, little endian: e_phoff at 32, e_phentsize at 54, e_phnum at 56 (System V ABI, chapter 4).
    let table = number(32, 8).zip(number(54, 2)).zip(number(56, 2)).context("this program is no ELF file")?;
    let ((offset, size), count) = table;
    let dynamic = (0..count).any(|n| number(offset + n * size, 4) == Some(PT_INTERP as usize));
    if !dynamic {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "this tars is dynamically linked and cannot be the backend's image")
        .hint("build it as the README says, without RUSTFLAGS in the environment")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_binary_is_dynamic_and_ours_is_not() {
        assert!(refuse_dynamic(&std::fs::read("/bin/sh").unwrap()).is_err());
        assert!(refuse_dynamic(&std::fs::read("/proc/self/exe").unwrap()).is_ok());
    }
}
