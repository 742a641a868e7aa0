//! Kernel modules as a distribution ships them, read beside `modinfo` and `readelf`.
//!
//! They are not part of this repository: those of the kernels that `tests/guest/prepare` unpacked
//! are taken, or those in the folder that `SCRUBJAY_KERNEL` names, where a kernel package was unpacked.
//! Without either nothing is compared.

#![expect(
    clippy::disallowed_methods,
    reason = "asks kmod, binutils and compressors about files of a package, never of the host"
)]

use scrubjay_collector::{Collector, HostRoot, Node, Options, Tree};
use scrubjay_model::{Clocks, LivepatchModules, ModuleFile, ModuleSignature, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Modules compared, spread evenly over all there are.
const COMPARED: usize = 60;

const RELEASE: &str = "6.1.0-test";

/// Folders with an unpacked kernel.
fn kernels() -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os("SCRUBJAY_KERNEL") {
        return vec![named.into()];
    }
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let prepared = std::fs::read_dir(build.join("guest")).into_iter().flatten();
    let unpacked = prepared.map(|series| series.unwrap().path().join("unpacked"));
    let found: Vec<PathBuf> = unpacked.filter(|folder| folder.is_dir()).collect();
    if found.is_empty() {
        println!("skipped: SCRUBJAY_KERNEL names no unpacked kernel, and none was prepared");
    }
    found
}

fn modules_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            modules_below(&path, found);
        } else if path.to_string_lossy().contains(".ko") {
            found.push(path);
        }
    }
}

/// Some modules of a kernel.
fn modules(kernel: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    modules_below(&kernel.join("lib/modules"), &mut all);
    all.sort();
    let step = all.len().div_ceil(COMPARED).max(1);
    let chosen: Vec<PathBuf> = all.into_iter().step_by(step).collect();
    assert!(chosen.len() > 5, "no modules below {}", kernel.display());
    chosen
}

/// What a program prints; `None` if it is not there.
fn said(program: &str, arguments: &[&str], file: &Path) -> Option<Vec<u8>> {
    let run = Command::new(program).args(arguments).arg(file).stderr(Stdio::null()).output();
    let output = run.ok()?;
    assert!(output.status.success(), "{program} of {}", file.display());
    Some(output.stdout)
}

/// The name of the module in a file, as the kernel makes it.
fn module_name(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.split_once(".ko").unwrap().0.replace('-', "_")
}

/// Reads files of modules as if they were live patches, by the whole source.
fn read(files: &[(String, Vec<u8>)]) -> LivepatchModules {
    let mut tree = Tree::new();
    let mut file = |path: String, bytes: &[u8]| tree.insert(path, Node::File(bytes.to_vec()));
    file("proc/sys/kernel/osrelease".to_owned(), format!("{RELEASE}\n").as_bytes());
    file("proc/sys/kernel/tainted".to_owned(), b"32768\n");
    for (name, bytes) in files {
        let module = module_name(Path::new(name));
        file(format!("sys/kernel/livepatch/{module}/enabled"), b"1\n");
        file(format!("sys/module/{module}/initstate"), b"live\n");
        file(format!("sys/module/{module}/taint"), b"K\n");
        file(format!("lib/modules/{RELEASE}/extra/{name}"), bytes);
    }
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(600), disabled: BTreeSet::new() };
    let snapshot = Collector::new(Arc::new(host), options).snapshot();
    let faults = &snapshot.livepatch_modules.as_ref().unwrap().report.faults;
    assert!(faults.is_empty(), "{faults:?}");
    Snapshot::found(&snapshot.livepatch_modules).unwrap().clone()
}

/// The files that were read, by the names of their modules.
fn contents(found: &LivepatchModules) -> BTreeMap<String, ModuleFile> {
    let only = |files: &[scrubjay_model::ModuleOnDisk]| {
        let [file] = files else { panic!("{files:?}") };
        file.contents.value().unwrap().clone()
    };
    found.modules.iter().map(|module| (module.name.clone(), only(&module.files))).collect()
}

fn named(file: &Path) -> (String, Vec<u8>) {
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    (name, std::fs::read(file).unwrap())
}

/// What `modinfo` says of a file, the first of each field.
fn modinfo(file: &Path) -> Option<BTreeMap<String, String>> {
    let text = String::from_utf8_lossy(&said("/sbin/modinfo", &[], file)?).into_owned();
    let mut fields = BTreeMap::new();
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(':') {
            fields.entry(key.to_owned()).or_insert_with(|| value.trim().to_owned());
        }
    }
    Some(fields)
}

#[test]
fn what_a_module_says_is_what_modinfo_reads_of_it() {
    for kernel in kernels() {
        let files = modules(&kernel);
        let read = contents(&read(&files.iter().map(|file| named(file)).collect::<Vec<_>>()));
        let mut signed = 0;
        for file in &files {
            let Some(fields) = modinfo(file) else {
                println!("skipped: there is no modinfo");
                return;
            };
            let field = |key: &str| fields.get(key).cloned();
            let found = &read[&module_name(file)];
            let info = &found.info;
            let path = file.display();
            assert_eq!(info.name, field("name"), "{path}");
            assert_eq!(info.version, field("version"), "{path}");
            assert_eq!(info.srcversion, field("srcversion"), "{path}");
            assert_eq!(info.vermagic, field("vermagic"), "{path}");
            assert_eq!(Some(info.depends.join(",")), field("depends"), "{path}");
            assert_eq!(info.in_tree, field("intree").is_some(), "{path}");
            assert_eq!(info.livepatch, field("livepatch").is_some(), "{path}");
            match &found.signature {
                ModuleSignature::Missing => assert_eq!(field("sig_id"), None, "{path}"),
                ModuleSignature::Present(signer) => {
                    assert_eq!(field("sig_id").as_deref(), Some("PKCS#7"), "{path}");
                    assert_eq!(signer.issuer, field("signer"), "{path}");
                    let key = field("sig_key").map(|key| key.replace(':', "").to_lowercase());
                    assert_eq!(Some(&signer.serial), key.as_ref(), "{path}");
                    assert_eq!(Some(&signer.digest), field("sig_hashalgo").as_ref(), "{path}");
                    signed += 1;
                }
                garbled @ ModuleSignature::Garbled { .. } => panic!("{path}: {garbled:?}"),
            }
        }
        println!("{}: {} modules, {signed} of them signed", kernel.display(), files.len());
    }
}

#[test]
fn the_build_id_of_a_module_is_that_of_readelf() {
    for kernel in kernels() {
        let files = modules(&kernel);
        let read = contents(&read(&files.iter().map(|file| named(file)).collect::<Vec<_>>()));
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "ko")) {
            let Some(notes) = said("readelf", &["--notes"], file) else {
                println!("skipped: there is no readelf");
                return;
            };
            let notes = String::from_utf8_lossy(&notes).into_owned();
            let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
            assert!(id.is_some(), "{notes}");
            let found = &read[&module_name(file)];
            assert_eq!(found.build_id.as_deref(), id, "{}", file.display());
        }
    }
}

#[test]
fn a_module_reads_the_same_in_every_compression_that_kernels_are_built_with() {
    // As in scripts/Makefile.modinst.
    let compressors: [(&str, &str, &[&str]); 3] = [
        ("gz", "gzip", &["-n", "-c"]),
        ("xz", "xz", &["--check=crc32", "--lzma2=dict=1MiB", "-c"]),
        ("zst", "zstd", &["-T0", "-q", "-c"]),
    ];
    for kernel in kernels() {
        let files = modules(&kernel);
        let plain = files.iter().filter(|file| file.extension().is_some_and(|end| end == "ko"));
        let plain: Vec<&PathBuf> = plain.step_by(10).collect();
        let expected = contents(&read(&plain.iter().map(|file| named(file)).collect::<Vec<_>>()));
        for (ending, program, arguments) in compressors {
            let packed = |file: &&PathBuf| {
                let bytes = said(program, arguments, file)?;
                Some((format!("{}.{ending}", named(file).0), bytes))
            };
            let Some(packed) = plain.iter().map(packed).collect::<Option<Vec<_>>>() else {
                println!("skipped: there is no {program}");
                continue;
            };
            assert_eq!(contents(&read(&packed)), expected, "{program}");
        }
    }
}
