//! The section `[web]`: where the agent serves, and to whom.

use super::error::{ConfigError, Origin};
use super::inputs::{Input, set};
use super::settings::{span, wrong};
use super::shown::Shown;
use scrubjay_exporters::http::{TELEMETRY_PATH, is_telemetry_path};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, de::value::SeqAccessDeserializer};
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebFragment {
    listen_address: Option<Spanned<OneOrMany>>,
    systemd_socket: Option<Spanned<bool>>,
    config_file: Option<Spanned<String>>,
    telemetry_path: Option<Spanned<String>>,
    node_reboot_required: Option<Spanned<bool>>,
    look_again_after: Option<Spanned<String>>,
    pages: Option<Spanned<bool>>,
    serve_address: Option<Spanned<OneOrMany>>,
}

/// A text, or a list of them.
#[derive(Debug, Clone)]
struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address in quotes, or a list of them")
            }

            fn visit_str<E: Error>(self, one: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![one.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, many: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(many)).map(OneOrMany)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// What the command line may set.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebFlags {
    pub(crate) listen_address: Vec<String>,
    pub(crate) systemd_socket: bool,
    pub(crate) config_file: Option<String>,
    pub(crate) telemetry_path: Option<String>,
    /// Whether it is `serve` that listens.
    pub(crate) serves: bool,
}

/// The section, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebInputs {
    listen_address: Input<Vec<String>>,
    systemd_socket: Input<bool>,
    config_file: Input<String>,
    telemetry_path: Input<String>,
    node_reboot_required: Input<bool>,
    look_again_after: Input<String>,
    pages: Input<bool>,
    serve_address: Input<Vec<String>>,
}

/// Where the agent serves, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebSettings {
    /// Where to listen; none where systemd does.
    pub(crate) listen: Vec<ListenAddress>,
    /// The file that says how to encrypt and to authenticate.
    pub(crate) config_file: Option<PathBuf>,
    /// Where the metrics page is.
    pub(crate) telemetry_path: String,
    /// Whether metrics carry `node_reboot_required`.
    pub(crate) node_reboot_required: bool,
    /// How long after a look at the counters a scrape is answered without another.
    pub(crate) look_again_after: Duration,
    /// Whether the agent shows pages, rather than metrics and its health alone.
    pub(crate) pages: bool,
    /// Where `serve` listens; none where systemd does.
    pub(crate) serve_listen: Vec<ListenAddress>,
}

/// Somewhere to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// At all addresses of the host, of either family.
    Everywhere(u16),
    /// At one.
    At(SocketAddr),
}

impl ListenAddress {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(':') {
            Some(port) => port.parse().ok().map(Self::Everywhere),
            None => text.parse().ok().map(Self::At),
        }
    }

    /// The address to bind; what is at all addresses of IPv6 is at those of IPv4 too.
    pub(crate) fn socket(self) -> SocketAddr {
        match self {
            Self::Everywhere(port) => (Ipv6Addr::UNSPECIFIED, port).into(),
            Self::At(address) => address,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// Port 10072: an ECC word has 72 bits. To all, as scrapers expect: what others see there is the
/// metrics, and whether the agent is well (ADR 0021).
pub(crate) const DEFAULT_LISTEN_ADDRESS: &str = ":10072";

/// `demo` has the port between the two. To this host: whoever shows pages to others says so.
pub(crate) const DEFAULT_SERVE_ADDRESS: &str = "127.0.0.1:10074";

/// Nobody would look for long enough to call it looking.
const LONGEST_AS_IS: Duration = Duration::from_secs(24 * 3600);

impl WebInputs {
    pub(super) fn defaults() -> Self {
        let text = |value: &str| Input { value: value.to_owned(), origin: Origin::Default };
        let switch = |value| Input { value, origin: Origin::Default };
        Self {
            listen_address: Input {
                value: vec![DEFAULT_LISTEN_ADDRESS.to_owned()],
                origin: Origin::Default,
            },
            systemd_socket: switch(false),
            config_file: text(""),
            telemetry_path: text(TELEMETRY_PATH),
            node_reboot_required: switch(false),
            look_again_after: text("1s"),
            pages: switch(true),
            serve_address: Input {
                value: vec![DEFAULT_SERVE_ADDRESS.to_owned()],
                origin: Origin::Default,
            },
        }
    }

    pub(super) fn take(&mut self, web: &WebFragment, path: &Path, text: &str) {
        let WebFragment {
            listen_address,
            systemd_socket,
            config_file,
            telemetry_path,
            node_reboot_required,
            look_again_after,
            pages,
            serve_address,
        } = web;
        for (into, from) in
            [(&mut self.listen_address, listen_address), (&mut self.serve_address, serve_address)]
        {
            if let Some(spanned) = from {
                let OneOrMany(value) = spanned.get_ref().clone();
                let origin = Origin::in_file(path, text, spanned.span().start);
                *into = Input { value, origin };
            }
        }
        set(&mut self.systemd_socket, systemd_socket, path, text);
        set(&mut self.config_file, config_file, path, text);
        set(&mut self.telemetry_path, telemetry_path, path, text);
        set(&mut self.node_reboot_required, node_reboot_required, path, text);
        set(&mut self.look_again_after, look_again_after, path, text);
        set(&mut self.pages, pages, path, text);
    }

    pub(super) fn take_flags(&mut self, flags: &WebFlags) {
        let WebFlags { listen_address, systemd_socket, config_file, telemetry_path, serves } =
            flags;
        if !listen_address.is_empty() {
            let origin = Origin::Flag("web.listen-address");
            let chosen = Input { value: listen_address.clone(), origin };
            *if *serves { &mut self.serve_address } else { &mut self.listen_address } = chosen;
        }
        if *systemd_socket {
            self.systemd_socket = Input { value: true, origin: Origin::Flag("web.systemd-socket") };
        }
        for (into, from, name) in [
            (&mut self.config_file, config_file, "web.config.file"),
            (&mut self.telemetry_path, telemetry_path, "web.telemetry-path"),
        ] {
            if let Some(value) = from {
                *into = Input { value: value.clone(), origin: Origin::Flag(name) };
            }
        }
    }

    pub(super) fn validate(&self) -> Result<WebSettings, ConfigError> {
        let listen = self.addresses(&self.listen_address, "web.listen_address")?;
        let serve_listen = self.addresses(&self.serve_address, "web.serve_address")?;
        let telemetry_path = self.telemetry_path.value.clone();
        if !is_telemetry_path(&telemetry_path) {
            let why = "must begin with /, be made of letters, digits and /-_.~, and not be the \
                       path of another page";
            return Err(wrong(&self.telemetry_path, "web.telemetry_path", why));
        }
        let look_again_after = span(&self.look_again_after, "web.look_again_after")?;
        if look_again_after > LONGEST_AS_IS {
            return Err(wrong(
                &self.look_again_after,
                "web.look_again_after",
                "must be at most 24h",
            ));
        }
        let config_file = &self.config_file.value;
        Ok(WebSettings {
            listen,
            config_file: (!config_file.is_empty()).then(|| PathBuf::from(config_file)),
            telemetry_path,
            node_reboot_required: self.node_reboot_required.value,
            look_again_after,
            pages: self.pages.value,
            serve_listen,
        })
    }

    /// Where to listen by one of the keys; nowhere where systemd does.
    fn addresses(
        &self,
        input: &Input<Vec<String>>,
        key: &'static str,
    ) -> Result<Vec<ListenAddress>, ConfigError> {
        let Input { value: addresses, origin } = input;
        let mut listen = Vec::new();
        for address in addresses {
            let parsed = ListenAddress::parse(address).ok_or_else(|| ConfigError::Value {
                origin: origin.clone(),
                key,
                found: address.clone(),
                why: "must be an address and a port, for example 127.0.0.1:10072, [::1]:10072, or \
                      :10072 for all addresses"
                    .to_owned(),
            })?;
            listen.push(parsed);
        }
        if self.systemd_socket.value {
            listen.clear();
        } else if listen.is_empty() {
            return Err(wrong(input, key, "must name one address at least"));
        }
        Ok(listen)
    }

    /// The section as a configuration file, each value with where it is from.
    pub(super) fn section(&self) -> (&'static str, [(&'static str, String, &Origin); 8]) {
        let addresses = |input: &Input<Vec<String>>| match input.value.as_slice() {
            [one] => one.shown(),
            many => many.shown(),
        };
        let (listen, serve) = (&self.listen_address, &self.serve_address);
        let text = |input: &Input<String>| input.value.shown();
        let (socket, file) = (&self.systemd_socket, &self.config_file);
        let (path, compat) = (&self.telemetry_path, &self.node_reboot_required);
        let values = [
            ("listen_address", addresses(listen), &listen.origin),
            ("systemd_socket", socket.value.to_string(), &socket.origin),
            ("config_file", text(file), &file.origin),
            ("telemetry_path", text(path), &path.origin),
            ("node_reboot_required", compat.value.to_string(), &compat.origin),
            ("look_again_after", text(&self.look_again_after), &self.look_again_after.origin),
            ("pages", self.pages.value.to_string(), &self.pages.origin),
            ("serve_address", addresses(serve), &serve.origin),
        ];
        ("web", values)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::parse;
    use super::super::inputs::{Environment, Flags, Inputs};
    use super::*;

    fn web(text: &str, web: WebFlags) -> Result<WebSettings, String> {
        let file = parse(PathBuf::from("a.toml"), text.to_owned()).map_err(|e| e.to_string())?;
        let flags = Flags { web, ..Flags::default() };
        let inputs = Inputs::assemble(&[file], &flags, &Environment::default());
        inputs.web.validate().map_err(|error| error.to_string())
    }

    fn error(text: &str) -> String {
        web(text, WebFlags::default()).unwrap_err()
    }

    #[test]
    fn one_address_or_several_may_be_named() {
        let listen = |text: &str| {
            let listen = web(text, WebFlags::default()).unwrap().listen;
            listen.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(listen(""), [":10072"]);
        assert_eq!(listen("[web]\nlisten_address = \"[::1]:1\"\n"), ["[::1]:1"]);
        let many = "[web]\nlisten_address = [\":9100\", \"192.0.2.1:1\"]\n";
        assert_eq!(listen(many), [":9100", "192.0.2.1:1"]);
        assert_eq!(listen("[web]\nsystemd_socket = true\n"), [""; 0]);
        let flags = WebFlags {
            listen_address: vec![":1".to_owned(), ":2".to_owned()],
            ..WebFlags::default()
        };
        assert_eq!(web(many, flags).unwrap().listen.len(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        assert_eq!(
            error("[web]\nlisten_address = [\":1\", \"localhost\"]\n").split(" must").next(),
            Some("a.toml:2:18: web.listen_address = \"localhost\":")
        );
        assert!(error("[web]\nlisten_address = []\n").contains("one address at least"));
        assert!(error("[web]\nlisten_address = 10072\n").contains("an address in quotes"));
        assert!(error("[web]\nlisten_address = \":70000\"\n").contains("for all addresses"));
        for path in ["", "metrics", "/", "/healthz", "/a b", "/{x}", "/*x"] {
            let error = error(&format!("[web]\ntelemetry_path = \"{path}\"\n"));
            assert!(error.contains("must begin with /"), "{path}: {error}");
        }
    }
}
