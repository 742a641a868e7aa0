//! How the running kernel stands to the newest one that is installed, and to the next boot.

use super::RunningKernel;
use crate::{
    BootImage, BootImages, Chosen, KernelPackage, NextBoot, PackageVersion, Packages, Reading,
    RebootHelps, Snapshot, release_flavour,
};
use serde::Serialize;
use std::cmp::Ordering;

/// The running kernel beside the newest one installed. Exactly one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelRelation {
    /// It cannot be told.
    Unknown,
    /// What belongs to the running kernel is gone from the disk.
    Orphaned,
    /// A newer build of the same release is installed; its name does not show it.
    Rebuilt,
    /// A newer release is installed.
    Behind,
    /// What is installed is older.
    Ahead,
    /// Nothing newer is installed.
    Current,
}

/// The newest kernel of the running one's family that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewestKernel {
    /// Its package; `None` where only an image tells.
    pub package: Option<String>,
    /// The package's version.
    pub version: Option<PackageVersion>,
    /// Its release.
    pub release: Option<String>,
    /// When it was installed, seconds since the Unix epoch.
    pub installed_unix_s: Option<i64>,
    /// Where that stands.
    pub seen_in: String,
}

/// What the next boot brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NextKernel {
    /// The newest one installed.
    Newest,
    /// One that is newer than the running one, and not the newest.
    Newer,
    /// The running one, or one that is no newer.
    NotNewer,
    /// It cannot be told.
    Unknown,
}

/// What is known of the kernel's patches without looking into them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelState {
    /// The running kernel; `None` where it cannot be identified.
    pub running: Option<RunningKernel>,
    /// The newest installed one.
    pub newest: Option<NewestKernel>,
    /// How they stand to each other.
    pub relation: KernelRelation,
    /// What the relation rests on, as a sentence without its full stop.
    pub because: String,
    /// What the boot loader is set to start.
    pub next: NextKernel,
    /// Its release, where it is known.
    pub next_release: Option<String>,
    /// Whether it was chosen over the newest; `None` where the next boot is not known.
    pub next_chosen: Option<Chosen>,
    /// Whether a reboot brings a kernel that is newer, or whole again.
    pub reboot_helps: RebootHelps,
}

impl KernelRelation {
    /// All relations, in the order they are exported.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Orphaned, Self::Rebuilt, Self::Behind, Self::Ahead, Self::Current];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Orphaned => "orphaned",
            Self::Rebuilt => "rebuilt",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Current => "current",
        }
    }
}

impl NextKernel {
    /// All of them, in the order they are exported.
    pub const ALL: [Self; 4] = [Self::Newest, Self::Newer, Self::NotNewer, Self::Unknown];

    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Newer => "newer",
            Self::NotNewer => "not_newer",
            Self::Unknown => "unknown",
        }
    }
}

impl Snapshot {
    /// Whether the package of the running kernel was removed: kernels are installed here, and the one
    /// that runs is of the same distribution and not among them.
    pub fn running_package_is_gone(&self) -> bool {
        let packages = Self::found(&self.packages);
        let kernel = Self::found(&self.kernel);
        let running = kernel.and_then(|kernel| RunningKernel::of(kernel, packages, None));
        list_is_whole(packages)
            && running.is_some_and(|r| r.installed.is_none() && r.package_version.is_some())
    }

    /// How the running kernel stands to what is installed and to what is started next.
    pub fn kernel_state(&self) -> KernelState {
        let packages = Self::found(&self.packages);
        let images = Self::found(&self.boot_images);
        let kernel = Self::found(&self.kernel);
        let running = kernel.and_then(|kernel| RunningKernel::of(kernel, packages, images));
        let Some(running) = running else {
            return unknown(None, "the running kernel's release could not be read".to_owned());
        };
        let modules_removed = kernel.and_then(crate::Kernel::modules_removed) == Some(true);
        let newest = newest(&running, packages, images);
        let (relation, because) =
            relate(&running, newest.as_ref(), packages, images, modules_removed);
        let next = images.and_then(|images| images.next.value());
        let (next_kernel, reboot_helps) = match next {
            None => (NextKernel::Unknown, without_next(relation)),
            Some(next) => judge_next(next, &running, newest.as_ref(), relation, packages),
        };
        KernelState {
            relation,
            because,
            next: next_kernel,
            next_release: next.and_then(|next| next.release.clone()),
            next_chosen: next.map(|next| next.chosen),
            reboot_helps,
            running: Some(running),
            newest,
        }
    }
}

/// Whether kernels are installed and each says of which release it is: then one that is not among
/// them is not installed.
fn list_is_whole(packages: Option<&Packages>) -> bool {
    packages.is_some_and(|Packages { kernels, .. }| {
        !kernels.is_empty() && kernels.iter().all(|kernel| kernel.release.value().is_some())
    })
}

fn unknown(running: Option<RunningKernel>, because: String) -> KernelState {
    KernelState {
        running,
        newest: None,
        relation: KernelRelation::Unknown,
        because,
        next: NextKernel::Unknown,
        next_release: None,
        next_chosen: None,
        reboot_helps: RebootHelps::Unknown,
    }
}

fn newest(
    running: &RunningKernel,
    packages: Option<&Packages>,
    images: Option<&BootImages>,
) -> Option<NewestKernel> {
    let of_family = |kernel: &&KernelPackage| kernel.family == running.family;
    let kernels = packages.into_iter().flat_map(|packages| &packages.kernels);
    let best = kernels.filter(of_family).reduce(|best, other| {
        if other.package.version > best.package.version { other } else { best }
    });
    if let Some(KernelPackage { package, release, .. }) = best {
        return Some(NewestKernel {
            package: Some(package.name.clone()),
            version: Some(package.version.clone()),
            release: release.value().cloned(),
            installed_unix_s: package.installed_unix_s.value().copied(),
            seen_in: format!("package {}", package.name),
        });
    }
    // Names of releases have no order but for the number of the kernel they begin with.
    let of_flavour = |image: &&BootImage| release_flavour(&image.release) == running.family;
    let images = images?.images.iter().filter(of_flavour);
    let best = images.reduce(|best, other| {
        let (a, b) = (kernel_number(&best.release), kernel_number(&other.release));
        // Of two that the number does not tell apart the one that does not run: then it is unknown.
        if b > a || (b == a && other.release != running.release) { other } else { best }
    })?;
    let BootImage { path, release, banner: _ } = best;
    Some(NewestKernel {
        package: None,
        version: None,
        release: Some(release.clone()),
        installed_unix_s: None,
        seen_in: path.clone(),
    })
}

/// The version of the kernel that a release begins with: 6, 1, 0 of `6.1.0-56-amd64`.
fn kernel_number(release: &str) -> Vec<u64> {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    let numbers = release.get(..end).unwrap_or_default().split('.');
    numbers.map_while(|number| number.parse().ok()).collect()
}

fn relate(
    running: &RunningKernel,
    newest: Option<&NewestKernel>,
    packages: Option<&Packages>,
    images: Option<&BootImages>,
    modules_removed: bool,
) -> (KernelRelation, String) {
    use KernelRelation as R;
    let release = &running.release;
    if modules_removed {
        return (R::Orphaned, format!("lib/modules has no directory for {release}, which runs"));
    }
    let own = images.and_then(|images| images.images.iter().find(|i| i.release == *release));
    // `None` where either does not say what it is.
    let same_build = own
        .and_then(BootImage::version)
        .zip(running.version.as_deref())
        .map(|(on_disk, runs)| on_disk == runs);
    if list_is_whole(packages) && running.installed.is_none() && running.package_version.is_some() {
        return (R::Orphaned, format!("the package of {release}, which runs, is not installed"));
    }
    let Some(newest) = newest else {
        let others = images.map_or(0, |images| images.images.len());
        return (
            R::Unknown,
            match (packages, others) {
                (None, 0) => "neither a package manager nor a kernel image was found".to_owned(),
                (Some(_), 0) => {
                    format!("no kernel is installed: {release} is started from outside this system")
                }
                (_, _) => format!("none of the installed kernels is of the family of {release}"),
            },
        );
    };
    let order = running
        .package_version
        .as_ref()
        .zip(newest.version.as_ref())
        .and_then(|(runs, newest)| runs.partial_cmp(newest));
    let versions = || {
        let runs = running.package_version.as_ref().map_or("unknown", PackageVersion::as_str);
        let newest = newest.version.as_ref().map_or("unknown", PackageVersion::as_str);
        format!("{runs} runs, {newest} is installed")
    };
    let same_release = newest.release.as_ref() == Some(release);
    match (order, same_build) {
        (Some(Ordering::Less), _) if same_release => {
            (R::Rebuilt, format!("{}, both as {release}", versions()))
        }
        (Some(Ordering::Less), _) => (R::Behind, versions()),
        (Some(Ordering::Greater), _) => (R::Ahead, versions()),
        // The database and the disk contradict each other, as while an upgrade runs.
        (Some(Ordering::Equal), Some(false)) => {
            (R::Unknown, format!("{}, but the image of {release} is of another build", versions()))
        }
        (Some(Ordering::Equal), Some(true) | None) => (R::Current, versions()),
        (None, Some(true)) if same_release => (
            R::Current,
            format!("the image of {release} is of the build that runs, and no newer one is known"),
        ),
        // Which build is the newer one is not told; what is installed is rarely the older.
        (None, Some(false)) if same_release => (
            R::Rebuilt,
            format!("the image of {release} is of another build than the one that runs"),
        ),
        (None, _) if newest.version.is_none() => {
            let on_disk = newest.release.as_deref().unwrap_or_default();
            match kernel_number(release).cmp(&kernel_number(on_disk)) {
                Ordering::Less => {
                    (R::Behind, format!("{release} runs, an image of {on_disk} is installed"))
                }
                Ordering::Greater => {
                    (R::Ahead, format!("{release} runs, an image of {on_disk} is installed"))
                }
                Ordering::Equal => (
                    R::Unknown,
                    format!(
                        "without a package manager's database nothing tells which of {release}, \
                         which runs, and {on_disk} is newer"
                    ),
                ),
            }
        }
        (None, _) => {
            (R::Unknown, format!("which package version {release} was started from is not known"))
        }
    }
}

/// Without a known next boot: what is newest already runs, or it depends.
fn without_next(relation: KernelRelation) -> RebootHelps {
    match relation {
        KernelRelation::Current | KernelRelation::Ahead => RebootHelps::No,
        KernelRelation::Unknown
        | KernelRelation::Orphaned
        | KernelRelation::Rebuilt
        | KernelRelation::Behind => RebootHelps::Unknown,
    }
}

fn judge_next(
    next: &NextBoot,
    running: &RunningKernel,
    newest: Option<&NewestKernel>,
    relation: KernelRelation,
    packages: Option<&Packages>,
) -> (NextKernel, RebootHelps) {
    use KernelRelation as R;
    let which = which(next, running, newest, packages);
    let helps = match (relation, which) {
        (R::Current | R::Ahead, _) => RebootHelps::No,
        (R::Unknown, _) | (R::Rebuilt | R::Behind, NextKernel::Unknown) => RebootHelps::Unknown,
        (R::Rebuilt | R::Behind, NextKernel::Newest | NextKernel::Newer) => RebootHelps::Yes,
        (R::Rebuilt | R::Behind, NextKernel::NotNewer) => RebootHelps::No,
        // Whatever is started that is there has its modules.
        (R::Orphaned, _) => match &next.release {
            Some(release) if *release != running.release => RebootHelps::Yes,
            Some(_) | None => RebootHelps::Unknown,
        },
    };
    (which, helps)
}

fn which(
    next: &NextBoot,
    running: &RunningKernel,
    newest: Option<&NewestKernel>,
    packages: Option<&Packages>,
) -> NextKernel {
    let Some(release) = &next.release else { return NextKernel::Unknown };
    if let Reading::Value(banner) = &next.banner
        && *release == running.release
    {
        // The same name may stand for a newer build.
        let same = crate::banner_version(banner) == running.version.as_deref();
        if same {
            return NextKernel::NotNewer;
        }
    }
    if newest.and_then(|newest| newest.release.as_ref()) == Some(release) {
        return NextKernel::Newest;
    }
    let kernels = packages.into_iter().flat_map(|packages| &packages.kernels);
    let version = kernels
        .filter(|kernel| kernel.release.value() == Some(release))
        .map(|kernel| &kernel.package.version)
        .next();
    let order = version
        .zip(running.package_version.as_ref())
        .and_then(|(next, runs)| next.partial_cmp(runs));
    match order {
        Some(Ordering::Greater) => NextKernel::Newer,
        Some(Ordering::Equal | Ordering::Less) => NextKernel::NotNewer,
        None if *release == running.release => NextKernel::NotNewer,
        None => NextKernel::Unknown,
    }
}
