//! The ELF file of a module: its build id, its declarations, and the marks of a live patch.

use object::read::elf::{ElfFile32, ElfFile64, FileHeader};
use object::{Endianness, FileKind, Object as _, ObjectSection as _, ObjectSymbol as _};
use scrubjay_model::{ModuleInfo, ParseFault};

const EXPECTED: &str = "an ELF file";

/// Longest text of a declaration kept, bytes; `alias` and `parm` are the long ones, and not kept.
const TEXT_LIMIT: usize = 4096;

/// The build id and the declarations.
pub(super) fn parse(bytes: &[u8]) -> Result<(Option<String>, ModuleInfo), ParseFault> {
    let fault = || ParseFault::new(EXPECTED, bytes.get(..16).unwrap_or(bytes));
    let kind = FileKind::parse(bytes).map_err(|_| fault())?;
    if kind == FileKind::Elf64 {
        Ok(read(&ElfFile64::<Endianness>::parse(bytes).map_err(|_| fault())?))
    } else if kind == FileKind::Elf32 {
        Ok(read(&ElfFile32::<Endianness>::parse(bytes).map_err(|_| fault())?))
    } else {
        Err(fault())
    }
}

fn read<'data, H: FileHeader<Endian = Endianness>>(
    file: &object::read::elf::ElfFile<'data, H>,
) -> (Option<String>, ModuleInfo) {
    let mut info = ModuleInfo::default();
    let mut build_id = None;
    for section in file.sections() {
        let Ok(name) = section.name_bytes() else { continue };
        match name {
            b".modinfo" => declarations(section.data().unwrap_or(&[]), &mut info),
            b".note.gnu.build-id" => {
                build_id = build_id.or(section.data().ok().and_then(build_id_of_notes));
            }
            b".kpatch.checksum" => {
                let text = section.data().unwrap_or(&[]).split(|byte| *byte == 0).next();
                info.kpatch_checksum = text.and_then(kept).filter(|text| !text.is_empty());
            }
            name if name.starts_with(b".klp.") => {
                info.klp_sections = info.klp_sections.saturating_add(1);
            }
            _ => {}
        }
    }
    let symbols = file.symbols().filter_map(|symbol| symbol.name_bytes().ok());
    let linked = symbols.filter(|name| name.starts_with(b".klp.sym.")).count();
    info.klp_symbols = u32::try_from(linked).unwrap_or(u32::MAX);
    (build_id, info)
}

/// `key=value`, each ended by NUL; of keys that are there twice the first counts.
fn declarations(section: &[u8], info: &mut ModuleInfo) {
    for declaration in section.split(|byte| *byte == 0) {
        let Some(at) = declaration.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = declaration.split_at(at);
        let Some(value) = value.get(1..).and_then(kept) else { continue };
        let text = match key {
            b"name" => &mut info.name,
            b"version" => &mut info.version,
            b"srcversion" => &mut info.srcversion,
            b"vermagic" => &mut info.vermagic,
            b"klpgitrev" => &mut info.klp_revision,
            b"livepatch" => {
                info.livepatch = true;
                continue;
            }
            b"intree" => {
                info.in_tree = true;
                continue;
            }
            b"depends" => {
                let names = value.split(',').filter(|name| !name.is_empty());
                info.depends.extend(names.map(str::to_owned));
                continue;
            }
            _ => continue,
        };
        text.get_or_insert(value);
    }
}

fn kept(text: &[u8]) -> Option<String> {
    (text.len() <= TEXT_LIMIT).then(|| String::from_utf8_lossy(text).trim().to_owned())
}

/// The build id in ELF notes, in hexadecimal digits: those of a section, or the file that sysfs
/// shows of it. They are in the byte order of their machine, which need not be known: the name of
/// the note is 4 bytes long.
pub(crate) fn build_id_of_notes(notes: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"GNU\0";
    const BUILD_ID: u32 = 3;
    let mut rest = notes;
    loop {
        let mut words = rest.chunks_exact(4).take(3).map(|word| {
            let word: [u8; 4] = word.try_into().unwrap_or_default();
            (u32::from_le_bytes(word), u32::from_be_bytes(word))
        });
        let (name, length, kind) = (words.next()?, words.next()?, words.next()?);
        // No name of a note is 2^24 bytes long.
        let (name, length, kind) =
            if name.0 < 1 << 24 { (name.0, length.0, kind.0) } else { (name.1, length.1, kind.1) };
        let (name, length) = (usize::try_from(name).ok()?, usize::try_from(length).ok()?);
        rest = rest.get(12..)?;
        let (id, after) = (rest.get(..name)?, rest.get(name.checked_next_multiple_of(4)?..)?);
        let description = after.get(..length)?;
        if id == NAME && kind == BUILD_ID {
            return (!description.is_empty()).then(|| super::signature::hex(description));
        }
        rest = after.get(length.checked_next_multiple_of(4)?..)?;
    }
}
