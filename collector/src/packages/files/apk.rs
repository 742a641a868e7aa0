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
        if let Ok(claims) = &claims {
            let faults = claims.found.values().filter_map(|claim| claim.as_ref().err());
            faults.for_each(|fault| drop(reader.noted::<()>(Err(fault.clone()))));
        }
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
