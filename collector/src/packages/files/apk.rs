//! Files of packages that apk installed: in its one database (see `packages/apk.rs`) a folder is
//! `F:`, a file in it `R:`, its rights `a:<user>:<group>:<mode>` and its checksum `Z:`, of which
//! `Q1` is SHA-1 in base64 and `Q2` SHA-256.

use super::checksum::{Kind, Sum};
use super::{Asked, Claim, Claims};
use crate::packages::apk::PATHS;
use crate::packages::lines::each_line;
use crate::reader::{Reader, malformed};
use scrubjay_model::{NonValue, NotChecked, Origin, PackageVersion, Reading, RpmVersion};

/// What apk's database says of the files asked about.
pub(crate) fn claims(reader: &Reader<'_>, asked: &Asked) -> Reading<Claims> {
    for path in PATHS {
        let file = match reader.open(path).into_result() {
            Ok(file) => file,
            Err(NonValue::Absent(_)) => continue,
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return why.into(),
        };
        let mut lines = Lines { path, asked, claims: Claims::default(), open: Open::default() };
        let read = each_line(&file, &mut |line| lines.line(line));
        let claims = read.map(|()| {
            lines.close_file();
            lines.claims
        });
        return reader.noted(claims);
    }
    Reading::Absent(Origin::new(PATHS.join(", ")))
}

struct Lines<'a> {
    path: &'a str,
    asked: &'a Asked,
    claims: Claims,
    open: Open,
}

/// What the paragraph has said so far.
#[derive(Default)]
struct Open {
    package: String,
    version: String,
    folder: String,
    /// The file of the last `R:`, if it is asked about.
    file: Option<String>,
    mode: String,
    sum: String,
}

impl Lines<'_> {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.close_file();
            self.open = Open::default();
            return;
        }
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.split_once(':') else { return };
        match key {
            "P" => value.clone_into(&mut self.open.package),
            "V" => value.clone_into(&mut self.open.version),
            "F" => {
                self.close_file();
                value.clone_into(&mut self.open.folder);
            }
            "R" => {
                self.close_file();
                let path = format!("{}/{value}", self.open.folder);
                self.open.file = self.asked.find(path.as_bytes()).map(str::to_owned);
            }
            "a" => value.rsplit(':').next().unwrap_or_default().clone_into(&mut self.open.mode),
            "Z" => value.clone_into(&mut self.open.sum),
            _ => {}
        }
    }

    /// All was said of a file.
    fn close_file(&mut self) {
        let (mode, sum) = (std::mem::take(&mut self.open.mode), std::mem::take(&mut self.open.sum));
        let Some(file) = self.open.file.take() else { return };
        let Open { package, version, .. } = &self.open;
        let odd =
            || malformed(self.path, "a package with a name and a version", package.as_bytes());
        let version = RpmVersion::parse(version).ok().filter(|_| !package.is_empty());
        let claim = version.ok_or_else(odd).map(|version| Claim {
            package: package.clone(),
            version: PackageVersion::Rpm(version),
            // The sum of a link is of the path it leads to, not of a file.
            sum: if mode == "777" { Err(NotChecked::NoSum) } else { sum_of(&sum) },
        });
        self.claims.add(&file, claim);
    }
}

fn sum_of(text: &str) -> Result<Sum, NotChecked> {
    let kinds = [("Q1", Kind::Sha1), ("Q2", Kind::Sha256)];
    let sum =
        kinds.iter().find_map(|(prefix, kind)| Sum::of_base64(*kind, text.strip_prefix(prefix)?));
    match sum {
        Some(sum) => Ok(sum),
        None if text.is_empty() => Err(NotChecked::NoSum),
        None => Err(NotChecked::OtherSum(text.to_owned())),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::packages::files::tests::{PATH, found, read};
    use proptest::prelude::*;

    /// A database in which a package holds that file with these lines, and others none.
    pub(crate) fn database(path: &str, lines: &str) -> String {
        let (folder, file) = path.rsplit_once('/').unwrap();
        format!(
            "//- {}\nC:Q1abc=\nP:busybox\nV:1.36.1-r29\nF:bin\nR:busybox\na:0:0:755\nZ:Q1x=\n\n\
             P:linux-livepatch\nV:6.6.58-r0\nF:boot\nF:{folder}\nR:a.ko\nZ:Q1y=\nR:{file}\n{lines}\
             R:b.ko\na:0:0:777\nZ:Q1z=\n\nP:musl\nV:1.2-r1\nF:lib\nR:{file}\nZ:Q1w=\n",
            PATHS[0]
        )
    }

    #[test]
    fn the_package_is_found_with_its_version_and_sum() {
        let sha1 = Sum::of_base64(Kind::Sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").unwrap();
        let sha256 =
            Sum::of_base64(Kind::Sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=").unwrap();
        assert!(sha256.is_of(b"abc"));
        let usr = format!("usr/{PATH}");
        for path in [PATH, &usr] {
            for (lines, expected) in [
                ("Z:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n", Ok(sha1.clone())),
                ("a:0:0:640\nZ:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n", Ok(sha1.clone())),
                ("Z:Q2ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\n", Ok(sha256.clone())),
                ("a:0:0:777\nZ:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n", Err(NotChecked::NoSum)),
                ("", Err(NotChecked::NoSum)),
                ("Z:Q3aa=\n", Err(NotChecked::OtherSum("Q3aa=".to_owned()))),
            ] {
                let found = found(&database(path, lines), claims);
                assert_eq!(found, ("linux-livepatch 6.6.58-r0".to_owned(), expected), "{lines}");
            }
        }
    }

    #[test]
    fn a_file_of_that_name_elsewhere_is_not_asked_about() {
        let elsewhere = database("lib/modules/6.2/extra/lp_2.ko", "");
        assert_eq!(read(&elsewhere, claims).into_result().unwrap(), Claims::default());
        assert!(read("//- lib/other\n", claims).is_absent());
        let closed = format!("//- errno=EACCES {}\n", PATHS[1]);
        assert!(matches!(read(&closed, claims), Reading::Unreadable(..)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in "([PVFRaZ]:|lib/modules/6.1.0-56-amd64/extra|lp_2.ko|Q1|777|\n|.){0,60}") {
            let _ = read(&format!("//- {}\n{}", PATHS[0], text.replace("//-", "")), claims);
        }
    }

    #[test]
    fn a_package_without_a_version_is_malformed() {
        let text = database(PATH, "").replace("V:6.6.58-r0\n", "");
        let found = read(&text, claims).into_result().unwrap();
        assert!(matches!(found.of(PATH), Some(Err(NonValue::Malformed(..)))), "{found:?}");
    }
}
