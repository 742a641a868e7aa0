//! Whose a live patch is, by its name and the kernel it is for, and what the name tells of its
//! level.

use serde::Serialize;

/// A live-patching system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchSystem {
    /// kpatch, of Red Hat or built by the admin.
    Kpatch,
    /// kGraft of SLES 12.
    Kgraft,
    /// klp of SLES 12 SP4 and later.
    Klp,
    /// Oracle Ksplice.
    Ksplice,
    /// KernelCare.
    Kernelcare,
    /// Canonical Livepatch.
    Canonical,
    /// Kernel live patching of Amazon Linux.
    Amazon,
    /// The kernel's own core holds a patch whose name is none of the above.
    Unrecognised,
}

impl PatchSystem {
    /// All systems, in the order they are told.
    pub const ALL: [Self; 8] = [
        Self::Kpatch,
        Self::Kgraft,
        Self::Klp,
        Self::Ksplice,
        Self::Kernelcare,
        Self::Canonical,
        Self::Amazon,
        Self::Unrecognised,
    ];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kpatch => "kpatch",
            Self::Kgraft => "kgraft",
            Self::Klp => "klp",
            Self::Ksplice => "ksplice",
            Self::Kernelcare => "kernelcare",
            Self::Canonical => "canonical",
            Self::Amazon => "amazon",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Kpatch => "kpatch",
            Self::Kgraft => "kGraft",
            Self::Klp => "SUSE klp",
            Self::Ksplice => "Ksplice",
            Self::Kernelcare => "KernelCare",
            Self::Canonical => "Canonical Livepatch",
            Self::Amazon => "Amazon Linux live patching",
            Self::Unrecognised => "a vendor not recognised",
        }
    }

    /// The system of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.as_str() == word)
    }

    /// Whose a module in the kernel's own core is.
    pub fn of_module(name: &str, release: Option<&str>) -> Self {
        let amazon = release.is_some_and(|release| release.contains(".amzn"));
        if CanonicalModule::parse(name).is_some() {
            Self::Canonical
        } else if amazon {
            Self::Amazon
        } else if name.starts_with("kpatch_") {
            Self::Kpatch
        } else if klp_module(name).is_some() {
            Self::Klp
        } else {
            Self::Unrecognised
        }
    }
}

/// `lkp_Ubuntu_6_8_0_1047_50_aws_121`: kernel, flavour, and the major number of the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanonicalModule {
    /// `6.8.0-1047.50`.
    pub kernel: String,
    /// `aws`.
    pub flavour: String,
    /// `121`, as in LSN-0121-1.
    pub number: u32,
}

impl CanonicalModule {
    /// By the grammar of the name.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, number) = name.strip_prefix("lkp_Ubuntu_")?.rsplit_once('_')?;
        let number = plain_number(number)?;
        let parts: Vec<&str> = rest.split('_').collect();
        let count = parts.iter().take_while(|part| plain_number(part).is_some()).count();
        let (kernel, flavour) = parts.split_at_checked(count)?;
        let kernel = match kernel {
            [a, b, c] => format!("{a}.{b}.{c}"),
            [a, b, c, abi] => format!("{a}.{b}.{c}-{abi}"),
            [a, b, c, abi, upload] => format!("{a}.{b}.{c}-{abi}.{upload}"),
            _ => return None,
        };
        let flavour = flavour.join("_");
        let is_word = !flavour.is_empty() && !flavour.contains("__");
        is_word.then_some(Self { kernel, flavour, number })
    }
}

/// Version and release of a module `livepatch_<version>_<release>` of SUSE.
pub fn klp_module(name: &str) -> Option<(u32, u32)> {
    let (version, release) = name.strip_prefix("livepatch_")?.split_once('_')?;
    Some((plain_number(version)?, plain_number(release)?))
}

/// Kernel, version and release of a module `kpatch_<kernel with _>_<version>_<release>`.
pub fn kpatch_module(name: &str) -> Option<(String, u32, u32)> {
    let (rest, release) = name.strip_prefix("kpatch_")?.rsplit_once('_')?;
    let (kernel, version) = rest.rsplit_once('_')?;
    let begins = kernel.starts_with(|c: char| c.is_ascii_digit()) && kernel.contains('_');
    let found = (kernel.to_owned(), plain_number(version)?, plain_number(release)?);
    begins.then_some(found)
}

/// The name of the module in a file: its stem with `_` for `-`. `None` if the file is no module.
pub fn module_of_file(file: &str) -> Option<String> {
    const ENDINGS: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
    let stem = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))?;
    (!stem.is_empty()).then(|| stem.replace('-', "_"))
}

fn plain_number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonicals_names_tell_kernel_flavour_and_number() {
        let read = |name| CanonicalModule::parse(name).map(|m| (m.kernel, m.flavour, m.number));
        let is = |kernel: &str, flavour: &str, number| {
            Some((kernel.to_owned(), flavour.to_owned(), number))
        };
        assert_eq!(read("lkp_Ubuntu_6_8_0_1047_50_aws_121"), is("6.8.0-1047.50", "aws", 121));
        assert_eq!(read("lkp_Ubuntu_5_15_0_1005_7_aws_94"), is("5.15.0-1005.7", "aws", 94));
        assert_eq!(read("lkp_Ubuntu_5_4_0_150_azure_fde_108"), is("5.4.0-150", "azure_fde", 108));
        for odd in ["lkp_Ubuntu_6_8_aws_1", "lkp_Ubuntu_6_8_0_1_2_121", "lkp_aws_1", "kpatch_1"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn names_of_modules_tell_whose_they_are() {
        use PatchSystem as S;
        let el = Some("4.18.0-305.el8.x86_64");
        for (name, release, system) in [
            ("kpatch_4_18_0_305_1_3", el, S::Kpatch),
            ("livepatch_9_1", Some("6.4.0-150600.21-default"), S::Klp),
            ("lkp_Ubuntu_6_8_0_1047_50_aws_121", Some("6.8.0-1047-aws"), S::Canonical),
            ("livepatch_CVE_2019_20096", Some("4.14.165-131.185.amzn2.x86_64"), S::Amazon),
            ("livepatch_61_release12", None, S::Unrecognised),
        ] {
            assert_eq!(S::of_module(name, release), system, "{name}");
            assert_eq!(S::parse(system.as_str()), Some(system));
        }
    }

    #[test]
    fn levels_are_read_from_names_of_the_documented_form_alone() {
        let kernel = "3_10_0_1062_1_1".to_owned();
        assert_eq!(kpatch_module("kpatch_3_10_0_1062_1_1_1_4"), Some((kernel, 1, 4)));
        assert_eq!(kpatch_module("kpatch_meminfo"), None);
        assert_eq!(klp_module("livepatch_9_1"), Some((9, 1)));
        assert_eq!(klp_module("livepatch_61_release12"), None);
        assert_eq!(module_of_file("livepatch-9_1.ko").as_deref(), Some("livepatch_9_1"));
        assert_eq!(module_of_file("kpatch-x.ko.xz").as_deref(), Some("kpatch_x"));
        assert_eq!((module_of_file("core.old"), module_of_file(".ko")), (None, None));
    }

    proptest! {
        #[test]
        fn no_name_panics(name in "(lkp_Ubuntu|kpatch|livepatch)?(_[0-9]{0,12}|_[a-z]|.){0,8}") {
            let _ = (CanonicalModule::parse(&name), klp_module(&name), kpatch_module(&name));
            let _ = PatchSystem::of_module(&name, Some(&name));
        }
    }
}
