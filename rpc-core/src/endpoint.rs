//! An address as a value: scheme, target, options. Never knows which schemes exist or what they mean; of
//! `exec` and `stdio` alone it knows the grammar: a command line, and nothing.

mod text;

use std::fmt;
use std::str::FromStr;

use self::text::{decode, encode, encode_word, quote, split};
use crate::error::{Code, RpcError};

/// A parsed address, `scheme:target?option=value&option=value`.
///
/// Inside target and values `?`, `#`, `%`, white space, control characters and bytes that are no UTF-8 are
/// printed percent-encoded, so that printing and parsing again gives an equal value. Parsing also takes
/// plain spaces and `#`.
///
/// The target of `exec:` is a command line. Its words are told apart by spaces; single quotes, double quotes
/// and the backslash work as in a shell, nothing else does, and a percent-encoded byte always belongs to its
/// word: `exec:/my%20tools/run 'two words' -v`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: String,
    /// Percent-encoded, in the one form that is printed.
    raw: String,
    /// Decoded. For `exec` a command line in shell quoting.
    target: Vec<u8>,
    options: Vec<(String, String)>,
}

impl Endpoint {
    /// The address of `target`, given plain and encoded here: `Endpoint::new("unix", "/tmp/50% off")`. For
    /// `exec` the target is a command line in shell quoting, where `%` means itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a scheme that is none, an empty target, a NUL, or an open quote.
    pub fn new(scheme: &str, target: impl AsRef<[u8]>) -> Result<Self, RpcError> {
        let target = target.as_ref();
        let text = || format!("{scheme}:{}", String::from_utf8_lossy(target));
        if target.contains(&0) {
            return Err(malformed(&text(), "contains a NUL"));
        }
        let is_command = scheme == COMMAND;
        let words = if is_command { split(target).map_err(|what| malformed(&text(), what))? } else { vec![] };
        Self::build(scheme, target.to_vec(), &words, Vec::new()).map_err(|what| malformed(&text(), what))
    }

    /// The address of a program to start with these words as its command line, the program first.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no word, or a NUL in one.
    pub fn from_words<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Result<Self, RpcError> {
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.as_ref().to_vec()).collect();
        let text = || format!("{COMMAND}:{}", String::from_utf8_lossy(&quote(&words)));
        if words.iter().any(|word| word.contains(&0)) {
            return Err(malformed(&text(), "contains a NUL"));
        }
        Self::build(COMMAND, Vec::new(), &words, Vec::new()).map_err(|what| malformed(&text(), what))
    }

    /// How the peer is reached: `unix`, `tcp`, …
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Where it is, decoded: a path, a name, `//host:port`. Bytes, since a path need not be UTF-8. For `exec`
    /// a command line in shell quoting; take [`words`](Self::words) instead.
    pub fn target(&self) -> &[u8] {
        &self.target
    }

    /// [`target`](Self::target) as text.
    ///
    /// # Errors
    /// `InvalidArgument` where it is no UTF-8.
    pub fn target_str(&self) -> Result<&str, RpcError> {
        std::str::from_utf8(&self.target)
            .map_err(|_| malformed(&self.to_string(), "is not UTF-8 where a name is wanted"))
    }

    /// Where it is, as printed.
    pub fn raw_target(&self) -> &str {
        &self.raw
    }

    /// The words of an `exec` command line, the program first.
    pub fn words(&self) -> Vec<Vec<u8>> {
        split(&self.target).unwrap_or_default()
    }

    /// Names and decoded values, in the order written.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One option's decoded value.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// The same address with an option set, in place of any earlier value.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is none (letters, digits, `_`), or a NUL in the value.
    pub fn with_option(mut self, name: &str, value: &str) -> Result<Self, RpcError> {
        check_option(name, value).map_err(|what| malformed(&self.to_string(), &what))?;
        match self.options.iter_mut().find(|(candidate, _)| candidate == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.options.push((name.to_owned(), value.to_owned())),
        }
        Ok(self)
    }

    /// The same address without any option.
    pub fn without_options(mut self) -> Self {
        self.options.clear();
        self
    }

    fn build(
        scheme: &str,
        target: Vec<u8>,
        words: &[Vec<u8>],
        options: Vec<(String, String)>,
    ) -> Result<Self, &'static str> {
        let mut letters = scheme.bytes();
        if !letters.next().is_some_and(|first| first.is_ascii_lowercase())
            || !letters
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
        {
            return Err("does not begin with a scheme in lower case and a colon");
        }
        let (raw, target) = if scheme == COMMAND {
            match words.first() {
                None => return Err("names no program"),
                Some(program) if program.is_empty() => return Err("names an empty program"),
                Some(_) => {}
            }
            let raw: Vec<String> = words.iter().map(|word| encode_word(word)).collect();
            (raw.join(" "), quote(words))
        } else {
            (encode(&target, ""), target)
        };
        if target.is_empty() && scheme != TARGETLESS {
            return Err("has nothing after the scheme");
        }
        Ok(Self { scheme: scheme.to_owned(), raw, target, options })
    }
}

/// The scheme whose target is a command line.
const COMMAND: &str = "exec";
/// The scheme that needs no target.
const TARGETLESS: &str = "stdio";

impl FromStr for Endpoint {
    type Err = RpcError;

    fn from_str(text: &str) -> Result<Self, RpcError> {
        parse(text).map_err(|what| malformed(text, &what))
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = RpcError;

    fn try_from(text: &str) -> Result<Self, RpcError> {
        text.parse()
    }
}

impl fmt::Debug for Endpoint {
    /// As it is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}:{}", self.scheme, self.raw);
        for (at, (name, value)) in self.options().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(&format!("{name}={}", encode(value.as_bytes(), "&")));
        }
        f.pad(&text)
    }
}

fn malformed(text: &str, what: &str) -> RpcError {
    RpcError::new(
        Code::InvalidArgument,
        format!("the address {text:?} {what}; an address reads like `unix:/run/app.sock?timeout=2s`"),
    )
}

fn parse(text: &str) -> Result<Endpoint, String> {
    if let Some(control) = text.chars().find(|char| char.is_control()) {
        return Err(format!("contains the control character {control:?}, which has to be percent-encoded"));
    }
    let (scheme, rest) = text.split_once(':').ok_or("has no scheme")?;
    let (target, query) = match rest.split_once('?') {
        Some((target, query)) => (target, Some(query)),
        None => (rest, None),
    };
    let mut options: Vec<(String, String)> = Vec::new();
    for option in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            format!("has the option {option:?} without a value (a `?` in a target is `%3F`)")
        })?;
        let value = String::from_utf8(decode(value.as_bytes())?)
            .map_err(|_| format!("has a value of the option {name:?} that is not UTF-8"))?;
        check_option(name, &value)?;
        if options.iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("has the option {name:?} twice"));
        }
        options.push((name.to_owned(), value));
    }
    if scheme == COMMAND {
        let words = split(target.as_bytes())?;
        let words = words.iter().map(|word| decode(word)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Endpoint::build(scheme, Vec::new(), &words, options)?);
    }
    Ok(Endpoint::build(scheme, decode(target.as_bytes())?, &[], options)?)
}

fn check_option(name: &str, value: &str) -> Result<(), String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("has the option name {name:?}, which is not made of letters, digits and `_`"));
    }
    if value.contains('\0') {
        return Err(format!("has a NUL in the option {name:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Endpoint {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn addresses_print_in_one_form() {
        for (text, printed) in [
            ("unix:/tmp/calc.sock", "unix:/tmp/calc.sock"),
            ("unix:/tmp/my calc", "unix:/tmp/my%20calc"),
            ("unix:/tmp/a#b%23%3f", "unix:/tmp/a%23b%23%3F"),
            ("unix:/tmp/%ff%41", "unix:/tmp/%FFA"),
            ("unix:/tmp/größe", "unix:/tmp/größe"),
            ("tcp://[::1]:70?timeout=2s&keepalive=off", "tcp://[::1]:70?timeout=2s&keepalive=off"),
            ("mem:x?note=a=b%26c d", "mem:x?note=a=b%26c%20d"),
            ("stdio:", "stdio:"),
            ("exec:cat  -n ", "exec:cat -n"),
            ("exec:'my prog' \"a \\\"b\\\" \\n\" c\\ d ''", "exec:my%20prog a%20%22b%22%20%5Cn c%20d ''"),
            ("exec:/my%20tools/run 'x%3Fy'", "exec:/my%20tools/run x%3Fy"),
        ] {
            assert_eq!(parsed(text).to_string(), printed, "{text}");
            assert_eq!(parsed(printed), parsed(text), "{text}");
        }
    }

    #[test]
    fn parts_are_decoded() {
        let endpoint = parsed("unix:/tmp/a%20b%FF?peer=any&note=50%25");
        assert_eq!((endpoint.scheme(), endpoint.target()), ("unix", &b"/tmp/a b\xFF"[..]));
        assert_eq!(endpoint.raw_target(), "/tmp/a%20b%FF");
        assert_eq!(endpoint.target_str().unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(endpoint.options().collect::<Vec<_>>(), [("peer", "any"), ("note", "50%")]);
        assert_eq!(endpoint.option("note"), Some("50%"));
        let endpoint = endpoint.with_option("peer", "same").unwrap().with_option("b", "&").unwrap();
        assert_eq!(endpoint.to_string(), "unix:/tmp/a%20b%FF?peer=same&note=50%25&b=%26");
        assert_eq!(endpoint.without_options().to_string(), "unix:/tmp/a%20b%FF");
        assert_eq!(parsed("exec:a 'b c' \"\"").words(), [b"a".to_vec(), b"b c".to_vec(), b"".to_vec()]);
    }

    #[test]
    fn malformed_addresses_say_what_is_wrong() {
        for (text, what) in [
            ("", "no scheme"),
            ("/tmp/x", "no scheme"),
            ("Unix:/tmp/x", "scheme in lower case"),
            (":x", "scheme in lower case"),
            ("unix:", "nothing after the scheme"),
            ("unix:?peer=any", "nothing after the scheme"),
            ("exec:", "names no program"),
            ("exec:  ", "names no program"),
            ("exec:'' a", "empty program"),
            ("exec:it's", "single quote"),
            ("exec:\"a", "double quote"),
            ("exec:a\\", "backslash"),
            ("unix:/a%0", "hexadecimal"),
            ("unix:/a%zz", "hexadecimal"),
            ("unix:/a%00", "NUL"),
            ("unix:/a\0", "control character"),
            ("unix:/a\n", "control character"),
            ("unix:/a?", "without a value"),
            ("unix:/a?b", "without a value"),
            ("unix:/a?b=1&b=2", "twice"),
            ("unix:/a?b-c=1", "letters, digits"),
            ("unix:/a?b=%FF", "not UTF-8"),
            ("unix:/a?b=%00", "NUL"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains(what), "{text:?}: {error}");
            assert!(error.message().contains("unix:/run/app.sock"), "{error}");
        }
        assert!(Endpoint::new("unix", b"a\0b").is_err());
        assert!(Endpoint::new("un ix", "a").is_err());
        assert!(parsed("mem:a").with_option("a b", "c").is_err());
    }

    #[test]
    fn any_value_survives_print_and_parse() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % below
        };
        let palette: Vec<&[u8]> = vec![
            b"a",
            b"Z",
            b"/",
            b":",
            b" ",
            b"?",
            b"#",
            b"%",
            b"%4",
            b"&",
            b"=",
            b"'",
            b"\"",
            b"\\",
            b"\n",
            b"\t",
            b"\x7F",
            b"\xFF",
            b"\xC3",
            "é".as_bytes(),
            "\u{2028}".as_bytes(),
            b"$",
            b"[",
            b"]",
            b"+",
        ];
        for round in 0..5_000 {
            let mut bytes = |most: usize| -> Vec<u8> {
                (0..random(most + 1)).flat_map(|_| palette[random(palette.len())].to_vec()).collect()
            };
            let endpoint = if round % 2 == 0 {
                let words = [[b"p".to_vec(), bytes(8)].concat(), bytes(8), bytes(8)];
                let endpoint = Endpoint::from_words(&words).unwrap();
                assert_eq!(endpoint.words(), words);
                assert_eq!(Endpoint::new("exec", endpoint.target()).unwrap(), endpoint);
                endpoint
            } else {
                let target = [b"x".to_vec(), bytes(12)].concat();
                let endpoint = Endpoint::new("unix", &target).unwrap();
                assert_eq!(endpoint.target(), target);
                endpoint
            };
            let value = String::from_utf8_lossy(&bytes(6)).into_owned();
            let endpoint = endpoint.with_option("note", &value).unwrap();
            let printed = endpoint.to_string();
            let again = printed.parse::<Endpoint>().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(again, endpoint, "{printed}");
            assert_eq!(again.option("note"), Some(value.as_str()));
            assert_eq!(again.to_string(), printed);
        }
    }
}
