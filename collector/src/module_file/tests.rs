//! Modules made here, byte by byte, and what becomes of them when bytes are lost or turned.

#![expect(clippy::cast_possible_truncation, reason = "sizes of files of a few hundred bytes")]

use super::*;
use proptest::prelude::*;
use scrubjay_model::{ModuleInfo, ModuleSignature, ModuleSigner};
use std::io::Write as _;

/// The build id of [`module`] with the seed 0.
pub(crate) const BUILD_ID: &str = "000102030405060708090a0b0c0d0e0f10111213";

/// Twenty bytes that differ by their seed.
fn build_id(seed: u8) -> Vec<u8> {
    (0..20).map(|byte| byte ^ seed).collect()
}

/// A note with a build id, as in the section and in sysfs.
pub(crate) fn note(seed: u8) -> Vec<u8> {
    let words = [4_u32, 20, 3].map(u32::to_le_bytes).concat();
    [words, b"GNU\0".to_vec(), build_id(seed)].concat()
}

/// The declarations of a live patch called `name`.
pub(crate) fn modinfo(name: &str) -> Vec<u8> {
    let info = format!(
        "license=GPL\0livepatch=Y\0klpgitrev=b2a976e\0srcversion=0123456789ABCDEF0123456\0\
         depends=nfsd,sunrpc\0name={name}\0vermagic=6.1.0-56-amd64 SMP preempt mod_unload \0"
    );
    info.into_bytes()
}

/// An ELF file of these sections and no symbols.
pub(crate) fn elf(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut names = vec![0_u8];
    let mut name = |text: &str| {
        let at = names.len();
        names.extend(text.bytes().chain([0]));
        at
    };
    let offsets: Vec<usize> = sections.iter().map(|(text, _)| name(text)).collect();
    let strings = name(".shstrtab");
    let mut body = Vec::new();
    let mut headers = vec![[0_u64; 8]];
    let data = sections.iter().map(|(name, data)| {
        let kind = if name.starts_with(".note") { 7 } else { 1 };
        (kind, data)
    });
    for ((kind, data), at) in data.chain([(3, &names)]).zip(offsets.into_iter().chain([strings])) {
        headers.push([at as u64, kind, 64 + body.len() as u64, data.len() as u64, 0, 0, 4, 0]);
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([1_u16, 62].map(u16::to_le_bytes).concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([0_u64, 0, 64 + body.len() as u64].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    let count = headers.len() as u16;
    file.extend([64_u16, 0, 0, 64, count, count - 1].map(u16::to_le_bytes).concat());
    file.extend(body);
    for [name, kind, offset, size, link, info, align, entry] in headers {
        file.extend([name as u32, kind as u32].map(u32::to_le_bytes).concat());
        file.extend([0, 0, offset, size].map(u64::to_le_bytes).concat());
        file.extend([link as u32, info as u32].map(u32::to_le_bytes).concat());
        file.extend([align, entry].map(u64::to_le_bytes).concat());
    }
    file
}

/// A live patch called `name`, unsigned.
pub(crate) fn module(name: &str, seed: u8) -> Vec<u8> {
    elf(&[
        (".note.gnu.build-id", note(seed)),
        (".modinfo", modinfo(name)),
        (".klp.rela.vmlinux..text", vec![0; 24]),
        (".kpatch.checksum", b"d41d8cd98f00b204e9800998ecf8427e\0".to_vec()),
    ])
}

fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        length @ 0..128 => vec![length as u8],
        length => vec![0x82, (length >> 8) as u8, length as u8],
    };
    [vec![tag], length, content].concat()
}

/// `sha256` and `rsaEncryption`, as they stand in a message.
const SHA256: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

fn algorithm(oid: &[u8]) -> Vec<u8> {
    element(0x30, &[oid.to_vec(), vec![5, 0]])
}

/// What `scripts/sign-file` makes: no certificates, no attributes.
fn message(signer: Vec<u8>) -> Vec<u8> {
    let data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01].to_vec();
    let signed = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02].to_vec();
    let signature = element(4, &[vec![0xaa; 256]]);
    let info = [vec![2, 1, 1], signer, algorithm(SHA256), algorithm(RSA), signature];
    let content = element(
        0x30,
        &[
            vec![2, 1, 1],
            element(0x31, &[algorithm(SHA256)]),
            element(0x30, &[data]),
            element(0x31, &[element(0x30, &info)]),
        ],
    );
    element(0x30, &[signed, element(0xa0, &[content])])
}

/// A name with an organisation and a common name; the serial number has its high bit set.
fn issuer_and_serial(common_name: &str) -> Vec<u8> {
    let part = |kind: u8, text: &str| {
        let text = element(0x0c, &[text.as_bytes().to_vec()]);
        element(0x31, &[element(0x30, &[vec![0x06, 3, 0x55, 4, kind], text])])
    };
    let name = element(0x30, &[part(10, "Example"), part(3, common_name)]);
    element(0x30, &[name, vec![2, 3, 0, 0x9f, 0x01]])
}

fn appended(module: Vec<u8>, message: Vec<u8>) -> Vec<u8> {
    let length = (message.len() as u32).to_be_bytes();
    let description = [&[0, 0, 2, 0, 0, 0, 0, 0], length.as_slice()].concat();
    [module, message, description, b"~Module signature appended~\n".to_vec()].concat()
}

/// The same module, signed.
pub(crate) fn signed(module: Vec<u8>, common_name: &str) -> Vec<u8> {
    appended(module, message(issuer_and_serial(common_name)))
}

fn signer_of(file: &[u8]) -> ModuleSigner {
    match parse(file).unwrap().signature {
        ModuleSignature::Present(signer) => signer,
        other @ (ModuleSignature::Missing | ModuleSignature::Garbled { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn an_unsigned_live_patch_says_what_it_is() {
    let file = parse(&module("livepatch_9_1", 0)).unwrap();
    assert_eq!(file.build_id.as_deref(), Some(BUILD_ID));
    assert_eq!(file.signature, ModuleSignature::Missing);
    assert!(file.info.is_live_patch());
    let expected = ModuleInfo {
        name: Some("livepatch_9_1".to_owned()),
        version: None,
        srcversion: Some("0123456789ABCDEF0123456".to_owned()),
        vermagic: Some("6.1.0-56-amd64 SMP preempt mod_unload".to_owned()),
        depends: vec!["nfsd".to_owned(), "sunrpc".to_owned()],
        livepatch: true,
        in_tree: false,
        klp_revision: Some("b2a976e".to_owned()),
        kpatch_checksum: Some("d41d8cd98f00b204e9800998ecf8427e".to_owned()),
        klp_sections: 1,
        klp_symbols: 0,
    };
    assert_eq!(file.info, expected);
}

#[test]
fn an_ordinary_module_is_no_live_patch() {
    let info = b"name=ext4\0intree=Y\0alias=fs-ext4\0garbage\0=x\0version=\0".to_vec();
    let file = parse(&elf(&[(".modinfo", info)])).unwrap();
    assert!(!file.info.is_live_patch() && file.info.in_tree);
    assert_eq!((file.build_id, file.info.version), (None, Some(String::new())));
}

#[test]
fn the_signature_names_its_issuer_serial_and_algorithms() {
    let signer = signer_of(&signed(module("lp", 0), "Build time autogenerated kernel key"));
    let expected = ModuleSigner {
        issuer: Some("Build time autogenerated kernel key".to_owned()),
        serial: "9f01".to_owned(),
        digest: "sha256".to_owned(),
        algorithm: "rsaEncryption".to_owned(),
        size_bytes: signer.size_bytes,
    };
    assert_eq!(signer, expected);
    assert!(signer.size_bytes > 256);
}

#[test]
fn a_signer_may_be_named_by_the_key_alone() {
    let key = element(0x80, &[vec![0xde, 0xad]]);
    let signer = signer_of(&appended(module("lp", 0), message(key)));
    assert_eq!((signer.issuer.as_deref(), signer.serial.as_str()), (None, "dead"));
    assert_eq!(signer.name(), "key dead");
}

#[test]
fn a_signature_that_is_not_understood_is_neither_missing_nor_there() {
    let whole = signed(module("lp", 0), "Key");
    let end = whole.len();
    let magic = 28;
    let spoilt = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = whole.clone();
        change(&mut file);
        match parse(&file).unwrap().signature {
            ModuleSignature::Garbled { expected, .. } => expected,
            other @ (ModuleSignature::Missing | ModuleSignature::Present(_)) => {
                panic!("{other:?}")
            }
        }
    };
    let kind = end - magic - 10;
    assert_eq!(spoilt(&|f| f[kind] = 1), "a signature of the kind PKCS#7 (2)");
    let long = "a signature as long as its description says";
    assert_eq!(spoilt(&|f| f[end - magic - 4] = 0xff), long);
    assert_eq!(spoilt(&|f| f[end - magic - 1] ^= 1), "a message");
    let bare = b"~Module signature appended~\n";
    let garbled = super::signature::parse(bare);
    assert!(matches!(garbled, ModuleSignature::Garbled { .. }), "{garbled:?}");
}

#[test]
fn compressed_modules_are_read_as_plain_ones() {
    let plain = signed(module("lp", 0), "Key");
    let expected = parse(&plain);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    assert_eq!(parse(&gzip.finish().unwrap()), expected);
    let zstd = ruzstd::encoding::compress_to_vec(
        plain.as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    assert_eq!(parse(&zstd), expected);
    assert_eq!(parse(&stored_xz(&plain)), expected);
}

/// An xz stream of blocks that are stored as they are, without a check.
fn stored_xz(plain: &[u8]) -> Vec<u8> {
    let sealed = |part: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(part);
        [part, &crc.sum().to_le_bytes()].concat()
    };
    let flags = sealed(&[0, 0]);
    // One filter, LZMA2, with a window of 4 KiB.
    let header = sealed(&[2, 0, 0x21, 1, 0, 0, 0, 0]);
    let length = u16::try_from(plain.len() - 1).unwrap().to_be_bytes();
    let chunk = [&[1], length.as_slice(), plain, &[0]].concat();
    let padding = vec![0; chunk.len().next_multiple_of(4) - chunk.len()];
    let number = |mut n: usize| {
        let mut bytes = Vec::new();
        while n >= 128 {
            bytes.push(n as u8 | 128);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    let mut index = [vec![0, 1], number(header.len() + chunk.len()), number(plain.len())].concat();
    index.resize(index.len().next_multiple_of(4), 0);
    let index = sealed(&index);
    let backward = (index.len() as u32 / 4 - 1).to_le_bytes();
    let mut crc = flate2::Crc::new();
    crc.update(&[&backward[..], &[0, 0]].concat());
    let footer = [&crc.sum().to_le_bytes()[..], &backward, &[0, 0], b"YZ"].concat();
    [b"\xfd7zXZ\0".to_vec(), flags, header, chunk, padding, index, footer].concat()
}

#[test]
fn what_swells_beyond_the_limit_is_refused() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..=LIMIT >> 20 {
        gzip.write_all(&zeros).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    assert_eq!(parse(&bomb).unwrap_err().expected, "a module of at most 64 MiB");

    // Blocks of one repeated byte, in a frame that wants 3 TiB kept until its end.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff][..], &[2, 0, 0x10, 0].repeat(1000)].concat();
    assert!(parse(&frame).unwrap_err().expected.starts_with("a zstd frame with a window"));

    let mut xz = stored_xz(&module("lp", 0));
    // The window of the filter: 4 GiB.
    xz[16] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&xz[12..20]);
    xz[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    let refused = parse(&xz).unwrap_err();
    assert!(refused.found.contains("memory"), "{refused:?}");
}

#[test]
fn what_is_no_module_is_refused() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0x1f, 0x8b], b"\xfd7zXZ\0", b"(\xb5/\xfd"]
    {
        assert!(parse(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_build_id_is_found_in_notes_of_either_byte_order_behind_others() {
    let other = [[4_u32, 3, 1].map(u32::to_le_bytes).concat(), b"Xen\0abc\0".to_vec()].concat();
    assert_eq!(build_id_of_notes(&[other, note(0)].concat()).as_deref(), Some(BUILD_ID));
    let big = [4_u32, 20, 3].map(u32::to_be_bytes).concat();
    let big = [big, b"GNU\0".to_vec(), build_id(0)].concat();
    assert_eq!(build_id_of_notes(&big).as_deref(), Some(BUILD_ID));
    let empty = [[4_u32, 0, 3].map(u32::to_le_bytes).concat(), b"GNU\0".to_vec()].concat();
    assert_eq!((build_id_of_notes(&empty), build_id_of_notes(&note(0)[..30])), (None, None));
}

/// Plain, and compressed in each way.
fn samples() -> Vec<Vec<u8>> {
    let plain = signed(module("lp", 0), "Key");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(plain.as_slice(), level);
    vec![gzip.finish().unwrap(), zstd, stored_xz(&plain), plain]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..600),
        start in proptest::sample::select(vec![
            &b""[..], b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", &[0x1f, 0x8b, 8, 0],
            b"\xfd7zXZ\0\0", b"(\xb5/\xfd",
        ]),
        sealed in any::<bool>(),
    ) {
        bytes.splice(0..0, start.iter().copied());
        if sealed {
            bytes.extend_from_slice(&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
            bytes.extend_from_slice(b"~Module signature appended~\n");
        }
        let _ = parse(&bytes);
        let _ = build_id_of_notes(&bytes);
        let _ = signature::parse(&bytes);
    }

    #[test]
    fn no_turned_bits_make_it_panic(
        which in any::<proptest::sample::Index>(),
        bits in proptest::collection::vec((any::<proptest::sample::Index>(), 0_u8..8), 1..6),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let samples = samples();
        let mut bytes = which.get(&samples).clone();
        for (at, bit) in bits {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = parse(&bytes);
    }
}
