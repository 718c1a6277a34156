//! User and password of a share, in a file that only its owner may read, as `mount.cifs` and `smbclient` take it.

use super::Share;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::home::Home;
use crate::stack::state;
use anyhow::{Context, Result};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The words of a login. Not `Debug`: nothing may print them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub user: String,
    /// The password; may be empty for a guest.
    pub password: String,
    /// The domain or work group; mostly none.
    pub domain: String,
}

impl Credentials {
    /// Reads a file of lines `username=…`, `password=…` and perhaps `domain=…`.
    ///
    /// # Errors
    /// Exit 69 when it is not there, 64 when it names no user or password, 77 when it may not be read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let exit = if error.kind() == std::io::ErrorKind::PermissionDenied {
                Exit::NotPermitted
            } else {
                Exit::Unavailable
            };
            Failure::new(exit, format!("the credentials in {} cannot be read", path.display()))
                .hint("make the file: a line username=…, a line password=…, and chmod 600")
                .caused_by(error)
        })?;
        Self::parse(&text).with_context(|| format!("{} holds no credentials", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut found = Self::default();
        let mut named = false;
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let Some((key, value)) = line.split_once('=') else { continue };
            match key.trim().to_ascii_lowercase().as_str() {
                "username" | "user" => value.trim().clone_into(&mut found.user),
                // Blanks may belong to it; mount.cifs takes all that follows as well.
                "password" | "pass" => (found.password, named) = (value.to_owned(), true),
                "domain" | "dom" | "workgroup" => value.trim().clone_into(&mut found.domain),
                _ => {}
            }
        }
        if found.user.is_empty() || !named {
            return Err(Failure::new(Exit::Usage, "a line username=… and a line password=… are needed").into());
        }
        Ok(found)
    }

    fn text(&self) -> String {
        let domain = if self.domain.is_empty() { String::new() } else { format!("domain={}\n", self.domain) };
        format!("username={}\npassword={}\n{domain}", self.user, self.password)
    }

    /// A file of them for one try, gone when it is dropped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn for_a_try(&self, home: &Home) -> Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new()
            .prefix(state::NEW_PREFIX)
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(home.state())?;
        std::io::Write::write_all(&mut file, self.text().as_bytes())?;
        Ok(file)
    }

    /// Writes the share's own file; false when it said the same already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, home: &Home, share: &Share) -> Result<bool> {
        let path = file(home, &share.name);
        let dir = path.parent().context("a file without a directory")?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let same = std::fs::read_to_string(&path).is_ok_and(|there| there == self.text());
        state::write(&path, 0o600, self.text().as_bytes())?;
        Ok(!same)
    }
}

/// Where the credentials of a share stand.
#[must_use]
pub fn file(home: &Home, name: &str) -> PathBuf {
    home.path().join("nas").join(format!("{name}.credentials"))
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, example};
    use super::*;

    #[test]
    fn a_password_is_taken_as_it_is() {
        let read = Credentials::parse("# NAS\nusername = anna\npassword= a=b c \ndomain=HOME\n").unwrap();
        assert!(read.user == "anna" && read.password == " a=b c " && read.domain == "HOME");
        assert!(Credentials::parse(&read.text()).unwrap() == read);
        assert!(Credentials::parse("username=anna\n").is_err());
        assert!(Credentials::parse("password=x\n").is_err());
    }

    #[test]
    fn the_file_is_its_owners_alone_and_says_whether_it_changed() {
        let (_dir, home) = Home::temporary();
        let mut credentials = Credentials { user: "anna".into(), password: "x".into(), domain: String::new() };
        assert!(credentials.keep(&home, &example(Kind::Cifs)).unwrap());
        assert!(!credentials.keep(&home, &example(Kind::Cifs)).unwrap());
        credentials.password = "y".into();
        assert!(credentials.keep(&home, &example(Kind::Cifs)).unwrap());
        let mode = std::fs::metadata(file(&home, "documents")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let tried = credentials.for_a_try(&home).unwrap();
        assert_eq!(tried.as_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
