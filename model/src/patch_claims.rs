//! What vendors' clients claim of live patches, and whether the kernel bears them out.

use crate::{CanonicalKernel, CanonicalModule, PatchState, PatchSystem, Snapshot};

impl CanonicalKernel {
    /// Words of the client that ask for a newer kernel.
    pub fn asks_for_upgrade(&self) -> bool {
        let asks = |word: &Option<String>| word.as_deref() == Some("kernel-upgrade-required");
        asks(&self.state) || asks(&self.supported)
    }

    /// What its words amount to, if they tell of trouble.
    pub(crate) fn patch_state(&self) -> Option<PatchState> {
        if self.asks_for_upgrade() {
            return Some(PatchState::Unpatchable);
        }
        match self.state.as_deref()? {
            "apply-failed" => Some(PatchState::Failed),
            "applied-with-bug" => Some(PatchState::AppliedWithBug),
            _ => None,
        }
    }
}

impl Snapshot {
    /// The status of Canonical's client for the running kernel, if somebody saved it.
    pub fn canonical_kernel(&self) -> Option<&CanonicalKernel> {
        let canonical = Self::found(&self.livepatch_systems)?.canonical.as_ref()?;
        let kernels = &canonical.status.value()?.kernels;
        let running = kernels.iter().find(|kernel| kernel.running == Some(true))?;
        // One that was saved before a reboot into another kernel speaks of that one.
        let release = self.running_release()?;
        (running.kernel.as_deref().map(release_of) == Some(release.to_owned())).then_some(running)
    }

    /// Claims of vendors' clients that what the kernel shows contradicts, each with the file it
    /// stands in.
    pub fn contradicted_claims(&self) -> Vec<(PatchSystem, &str, String)> {
        let mut found = Vec::new();
        let traces = Self::found(&self.livepatch_systems);
        if self.ksplice_claim() == Some(false) {
            let why = "it was written for another kernel, or counts on other updates than the \
                       kernel shows"
                .to_owned();
            found.push((PatchSystem::Ksplice, "var/lib/uptrack/effective_kernel", why));
        }
        let status = traces.and_then(|t| t.canonical.as_ref()).and_then(|c| c.status.value());
        let Some((status, release)) = status.zip(self.running_release()) else { return found };
        let running = status.kernels.iter().find(|kernel| kernel.running == Some(true));
        let Some(running) = running else { return found };
        let of = running.kernel.as_deref().unwrap_or_default();
        if release_of(of) != release {
            let why = format!("it is of the kernel {of}, and {release} runs");
            found.push((PatchSystem::Canonical, &status.file, why));
        } else if let (Some("applied"), Some(version), Some(livepatch)) =
            (running.state.as_deref(), running.version.as_deref(), Self::found(&self.livepatch))
        {
            let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            let number = |name: &str| CanonicalModule::parse(name).map(|module| module.number);
            let shown =
                livepatch.patches.iter().any(|p| major.is_some() && number(&p.name) == major);
            if !shown {
                let why =
                    format!("it says that {version} is applied, and the kernel has no such patch");
                found.push((PatchSystem::Canonical, &status.file, why));
            }
        }
        found
    }
}

/// The release of a kernel as Canonical's client names it: `6.8.0-1047.50-aws` runs as
/// `6.8.0-1047-aws`.
fn release_of(kernel: &str) -> String {
    let parts: Vec<&str> = kernel.split('-').collect();
    match parts.as_slice() {
        [version, abi, flavour @ ..] if !flavour.is_empty() => {
            let abi = abi.split('.').next().unwrap_or_default();
            format!("{version}-{abi}-{}", flavour.join("-"))
        }
        _ => kernel.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_named_in_two_ways_by_canonical() {
        assert_eq!(release_of("6.8.0-1047.50-aws"), "6.8.0-1047-aws");
        assert_eq!(release_of("5.4.0-216.236-generic"), "5.4.0-216-generic");
        assert_eq!(release_of("4.15.0-187.198-azure-fde"), "4.15.0-187-azure-fde");
        assert_eq!(release_of("odd"), "odd");
    }
}
