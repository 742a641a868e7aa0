//! GRUB's menu (`grub.cfg`) and its environment block (`grubenv`).
//!
//! `grub.cfg` is a script. Of what `grub-mkconfig` writes, four things decide what is started: the
//! entries with the `linux` command in each, submenus around them, `set default=`, and the variables
//! `saved_entry` and `next_entry` of the environment block. Everything else is passed over.

use std::collections::BTreeMap;

/// A menu.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Menu {
    items: Vec<Item>,
    /// What `set default=` says for the ordinary case.
    default: Option<String>,
    /// Whether entries come from files of the Boot Loader Specification.
    pub(crate) uses_bls: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    title: String,
    id: Option<String>,
    /// The kernel's path; `None` for a submenu and for entries that start no kernel.
    linux: Option<String>,
    /// A submenu's own entries.
    items: Vec<Item>,
}

/// An entry that starts a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MenuEntry {
    pub(crate) title: String,
    /// Path of the image on the file system it lies on, which may be `/boot` itself.
    pub(crate) linux: String,
}

/// Deepest nesting followed.
const DEPTH: usize = 16;

/// Reads `grub.cfg`.
pub(crate) fn menu(text: &str) -> Menu {
    let mut menu = Menu::default();
    // What is open: entries and submenus, and `None` for other blocks.
    let mut open: Vec<Option<Item>> = Vec::new();
    for line in text.lines().map(str::trim) {
        let words = words(line);
        let first = words.first().map_or("", String::as_str);
        match first {
            "menuentry" | "submenu" if line.ends_with('{') && open.len() < DEPTH => {
                open.push(Some(item(&words)));
            }
            "}" => {
                if let Some(Some(item)) = open.pop() {
                    let outer = open.iter_mut().rev().find_map(Option::as_mut);
                    outer.map_or(&mut menu.items, |outer| &mut outer.items).push(item);
                }
            }
            _ if line.ends_with('{') && open.len() < DEPTH => open.push(None),
            "linux" | "linuxefi" | "linux16" => {
                if let Some(Some(item)) = open.last_mut() {
                    item.linux = words.get(1).cloned();
                }
            }
            "blscfg" => menu.uses_bls = true,
            "set" => {
                let value = words.get(1).and_then(|word| word.strip_prefix("default="));
                // The other branch is that of an entry chosen for one boot.
                if let Some(value) = value.filter(|value| !value.contains("next_entry")) {
                    menu.default.get_or_insert_with(|| value.to_owned());
                }
            }
            _ => {}
        }
    }
    menu
}

fn item(words: &[String]) -> Item {
    // The variable is `--id` where GRUB knows that option.
    let id_at = words.iter().position(|word| word == "--id" || word == "$menuentry_id_option");
    Item {
        title: words.get(1).cloned().unwrap_or_default(),
        id: id_at.and_then(|at| words.get(at + 1)).cloned(),
        linux: None,
        items: Vec::new(),
    }
}

/// The words of a line as the shell of GRUB parts them, without their quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The variables of an environment block.
pub(crate) fn environment(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl Menu {
    /// What `default` says in an environment: a number, a title, an id, or a path of them.
    pub(crate) fn default_entry(&self, environment: &BTreeMap<String, String>) -> String {
        let default = self.default.as_deref().unwrap_or("0");
        if default.contains("saved_entry") {
            // GRUB takes an empty variable for the first entry.
            return environment.get("saved_entry").cloned().unwrap_or_default();
        }
        default.to_owned()
    }

    /// The entry that a default names; an empty one is the first.
    pub(crate) fn entry(&self, default: &str) -> Option<MenuEntry> {
        let path = if default.is_empty() { "0" } else { default };
        // A title may hold the sign that parts a path, so the whole is tried first.
        find(&self.items, path)
            .or_else(|| {
                let mut items = &self.items;
                let mut found = None;
                for part in path.split('>') {
                    let item = find_here(items, part)?;
                    (items, found) = (&item.items, Some(item));
                }
                found
            })
            .and_then(Item::started)
    }
}

impl Item {
    /// What choosing it starts: of a submenu its first entry.
    fn started(&self) -> Option<MenuEntry> {
        match &self.linux {
            Some(linux) => Some(MenuEntry { title: self.title.clone(), linux: linux.clone() }),
            None => self.items.first()?.started(),
        }
    }
}

fn find_here<'m>(items: &'m [Item], name: &str) -> Option<&'m Item> {
    let by_number = || items.get(name.parse::<usize>().ok()?);
    let named = |item: &&Item| item.title == name || item.id.as_deref() == Some(name);
    items.iter().find(named).or_else(by_number)
}

/// GRUB finds an entry by its id or title in any submenu.
fn find<'m>(items: &'m [Item], name: &str) -> Option<&'m Item> {
    find_here(items, name).or_else(|| items.iter().find_map(|item| find(&item.items, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The parts of a menu of Debian 12 that matter, written anew.
    const MENU: &str = "\
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ \"${next_entry}\" ] ; then
   set default=\"${next_entry}\"
   set next_entry=
   save_env next_entry
else
   set default=\"0\"
fi
function savedefault {
  if [ -z \"${boot_once}\" ]; then
    saved_entry=\"${chosen}\"
  fi
}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	linux	/boot/vmlinuz-6.1.0-56-amd64 root=UUID=1 ro quiet
	initrd	/boot/initrd.img-6.1.0-56-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-56-amd64' $menuentry_id_option 'adv-56' {
		linux	/boot/vmlinuz-6.1.0-56-amd64 root=UUID=1 ro quiet
	}
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-55-amd64' $menuentry_id_option 'adv-55' {
		linux	/boot/vmlinuz-6.1.0-55-amd64 root=UUID=1 ro quiet
	}
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
	fwsetup
}
";

    fn started(default: &str) -> Option<String> {
        menu(MENU).entry(default).map(|entry| entry.linux)
    }

    const NEW: &str = "/boot/vmlinuz-6.1.0-56-amd64";
    const OLD: &str = "/boot/vmlinuz-6.1.0-55-amd64";

    #[test]
    fn an_entry_is_found_by_number_title_id_and_path() {
        for (default, linux) in [
            ("", Some(NEW)),
            ("0", Some(NEW)),
            ("1", Some(NEW)),
            ("1>1", Some(OLD)),
            ("gnulinux-advanced-1>adv-55", Some(OLD)),
            ("adv-55", Some(OLD)),
            ("Debian GNU/Linux, with Linux 6.1.0-55-amd64", Some(OLD)),
            ("Advanced options for Debian GNU/Linux>0", Some(NEW)),
            ("2", None),
            ("7", None),
            ("nobody", None),
        ] {
            assert_eq!(started(default).as_deref(), linux, "{default}");
        }
    }

    #[test]
    fn the_default_is_that_of_the_ordinary_case() {
        let environment = environment("# GRUB Environment Block\nsaved_entry=adv-55\n####");
        assert_eq!(menu(MENU).default_entry(&environment), "0");
        let saved = MENU.replace("set default=\"0\"", "set default=\"${saved_entry}\"");
        assert_eq!(menu(&saved).default_entry(&environment), "adv-55");
        assert_eq!(menu(&saved).default_entry(&BTreeMap::new()), "");
        assert_eq!(menu("").default_entry(&BTreeMap::new()), "0");
    }

    #[test]
    fn a_menu_that_takes_its_entries_from_files_says_so() {
        assert!(!menu(MENU).uses_bls);
        assert!(menu("insmod blscfg\nblscfg\n").uses_bls);
    }

    #[test]
    fn words_lose_their_quotes_and_nothing_else() {
        assert_eq!(
            words("menuentry 'a \"b\" c' --id \"d e\" f\\ g"),
            ["menuentry", "a \"b\" c", "--id", "d e", "f g"]
        );
        assert_eq!(words("# comment"), [""; 0]);
        assert_eq!(words("''"), [""]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(menuentry 'a' \\{\n|submenu \"b\" \\{\n|\\}\n|linux /v\n|set default=\"1>0\"\n|.|\n){0,30}") {
            let menu = menu(&text);
            let _ = menu.entry(&menu.default_entry(&BTreeMap::new()));
        }
    }
}
