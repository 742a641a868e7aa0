//! Virtual machines, and how to tell them from the hardware of the same vendors.

use scrubjay_model::Platform;

/// A virtual machine.
pub(super) struct Guest {
    /// What says so.
    pub(super) evidence: String,
    /// Where that was read.
    pub(super) path: &'static str,
    /// Where its memory errors can be seen.
    pub(super) remedy: &'static str,
}

const ASK_THE_HOST: &str = "run scrubjay on the host of this virtual machine, or ask its operator \
                            for the memory's health";

/// DMI vendor and product of virtual machines, by their beginnings (systemd's `detect_vm_dmi`,
/// with the clouds that run on ARM, where there is no CPU flag).
const VIRTUAL: [(&str, &str); 19] = [
    ("", "KVM"),
    ("", "VirtualBox"),
    ("", "BHYVE"),
    ("", "OpenStack"),
    ("", "Apple Virtualization"),
    ("QEMU", ""),
    ("VMware", ""),
    ("Xen", ""),
    ("innotek GmbH", ""),
    ("Bochs", ""),
    ("Parallels", ""),
    ("KubeVirt", ""),
    ("oVirt", ""),
    ("OpenStack Foundation", ""),
    ("DigitalOcean", ""),
    ("Microsoft Corporation", "Virtual Machine"),
    ("Hetzner", "vServer"),
    ("Nutanix", "AHV"),
    ("Scaleway", "SCW-"),
];

/// Vendors whose bare metal bears the same names. They decide only where there is no CPU flag to
/// ask.
const VIRTUAL_OR_METAL: [(&str, &str); 3] = [
    ("Google", "Google Compute Engine"),
    ("Alibaba Cloud", "Alibaba Cloud ECS"),
    ("Amazon EC2", ""),
];

/// Whether this is a virtual machine.
pub(super) fn guest(platform: &Platform) -> Option<Guest> {
    let vendor = platform.system_vendor.value().map(String::as_str);
    let product = platform.product_name.value().map_or("", String::as_str);
    if let Some(kind) = platform.hypervisor_type.value() {
        // Xen's control domain has the real machine's DMI; its other domains have none, or Xen's.
        let remedy = if vendor.is_some_and(|vendor| !vendor.starts_with("Xen")) {
            "if this is Xen's control domain (dom0): Xen handles machine checks itself, see xl \
             dmesg; else look at the host"
        } else {
            ASK_THE_HOST
        };
        let evidence = format!("/sys/hypervisor/type is {kind}");
        return Some(Guest { evidence, path: "sys/hypervisor/type", remedy });
    }
    let flag = platform.hypervisor_flag.value().copied();
    if flag == Some(true) {
        return Some(Guest {
            evidence: "CPU flag hypervisor".to_owned(),
            path: "proc/cpuinfo",
            remedy: ASK_THE_HOST,
        });
    }
    let vendor = vendor.unwrap_or_default();
    let is = |names: &[(&str, &str)]| {
        names.iter().any(|(v, p)| vendor.starts_with(v) && product.starts_with(p))
    };
    let metal = product.contains(".metal") || product.contains("-metal");
    (is(&VIRTUAL) || (flag.is_none() && !metal && is(&VIRTUAL_OR_METAL))).then(|| Guest {
        evidence: format!("DMI vendor \"{vendor}\", product \"{product}\""),
        path: "sys/class/dmi/id",
        remedy: ASK_THE_HOST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, healthy, of, text};
    use scrubjay_model::Reading;

    fn platform(flag: Option<bool>, vendor: &str, product: &str) -> Platform {
        let mut snapshot = healthy();
        let platform = of(&mut snapshot.platform);
        platform.hypervisor_flag =
            flag.map_or_else(|| absent("proc/cpuinfo flags"), Reading::Value);
        platform.system_vendor = text(vendor);
        platform.product_name = text(product);
        platform.clone()
    }

    fn evidence(flag: Option<bool>, vendor: &str, product: &str) -> Option<String> {
        guest(&platform(flag, vendor, product)).map(|guest| guest.evidence)
    }

    #[test]
    fn hardware_is_no_guest() {
        for (vendor, product) in [
            ("Dell Inc.", "PowerEdge R640"),
            ("HPE", "ProLiant DL380 Gen10"),
            ("Supermicro", "Super Server"),
            ("Red Hat", "a workstation"),
            ("Microsoft Corporation", "Surface Pro"),
            ("Google", "Eve"),
            ("", ""),
        ] {
            assert_eq!(evidence(Some(false), vendor, product), None, "{vendor}");
            assert_eq!(evidence(None, vendor, product), None, "{vendor}");
        }
    }

    #[test]
    fn the_cpu_flag_is_enough() {
        let found = evidence(Some(true), "Dell Inc.", "PowerEdge R640");
        assert_eq!(found.unwrap(), "CPU flag hypervisor");
    }

    #[test]
    fn dmi_names_tell_where_the_flag_is_hidden_or_does_not_exist() {
        for (vendor, product) in [
            ("QEMU", "Standard PC (Q35 + ICH9, 2009)"),
            ("QEMU", "KVM Virtual Machine"),
            ("VMware, Inc.", "VMware7,1"),
            ("Xen", "HVM domU"),
            ("innotek GmbH", "VirtualBox"),
            ("Microsoft Corporation", "Virtual Machine"),
            ("Red Hat", "KVM"),
            ("Hetzner", "vServer"),
            ("OpenStack Foundation", "OpenStack Nova"),
            ("Apple Inc.", "Apple Virtualization Generic Platform"),
        ] {
            assert!(evidence(Some(false), vendor, product).is_some(), "{vendor}");
            assert!(evidence(None, vendor, product).is_some(), "{vendor}");
        }
        assert_eq!(
            evidence(None, "QEMU", "KVM Virtual Machine").unwrap(),
            "DMI vendor \"QEMU\", product \"KVM Virtual Machine\""
        );
    }

    #[test]
    fn the_bare_metal_of_clouds_is_no_guest() {
        for (vendor, product) in [
            ("Google", "Google Compute Engine"),
            ("Amazon EC2", "m7i.metal-24xl"),
            ("Alibaba Cloud", "Alibaba Cloud ECS"),
        ] {
            assert_eq!(evidence(Some(false), vendor, product), None, "{vendor}");
        }
        assert_eq!(evidence(None, "Amazon EC2", "c7g.metal"), None);
        assert!(evidence(None, "Amazon EC2", "c7g.large").is_some());
        assert!(evidence(None, "Google", "Google Compute Engine").is_some());
    }

    #[test]
    fn xens_control_domain_is_not_sent_to_its_own_host() {
        let remedy = |vendor: &str| {
            let mut platform = platform(Some(true), vendor, "");
            platform.hypervisor_type = text("xen");
            let guest = guest(&platform).unwrap();
            assert_eq!(guest.evidence, "/sys/hypervisor/type is xen");
            guest.remedy
        };
        assert!(remedy("Dell Inc.").contains("xl dmesg"));
        assert_eq!(remedy("Xen"), ASK_THE_HOST);
    }
}
