//! How bytes stand in an address: percent-encoding, and the quoting of command lines. Never runs a shell.

/// Percent-encodes what cannot stand in an address, and the characters in `also`.
pub(super) fn encode(bytes: &[u8], also: &str) -> String {
    let mut out = String::with_capacity(bytes.len());
    let hide = |out: &mut String, bytes: &[u8]| {
        for byte in bytes {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    };
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() || char.is_whitespace() || "%?#".contains(char) || also.contains(char) {
                hide(&mut out, char.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(char);
            }
        }
        hide(&mut out, chunk.invalid());
    }
    out
}

pub(super) fn encode_word(word: &[u8]) -> String {
    if word.is_empty() { "''".to_owned() } else { encode(word, "'\"\\") }
}

pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(0), Some(0)) => return Err("contains a NUL"),
                // Two digits of four bits make eight.
                (Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err("has a `%` that two hexadecimal digits do not follow (`%` itself is `%25`)"),
            },
            0 => return Err("contains a NUL"),
            byte => *byte,
        });
    }
    Ok(out)
}

/// Splits a command line into words as a shell would, quotes and backslashes resolved.
pub(super) fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b' ' || byte == b'\t' || byte == b'\n' {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match byte {
            b'\'' => loop {
                match bytes.next().ok_or("has a single quote that is not closed")? {
                    b'\'' => break,
                    byte => word.push(byte),
                }
            },
            b'"' => loop {
                const OPEN: &str = "has a double quote that is not closed";
                match bytes.next().ok_or(OPEN)? {
                    b'"' => break,
                    b'\\' => match bytes.next().ok_or(OPEN)? {
                        escaped @ (b'"' | b'\\' | b'$' | b'`') => word.push(escaped),
                        other => word.extend([b'\\', other]),
                    },
                    byte => word.push(byte),
                }
            },
            b'\\' => word.push(bytes.next().ok_or("ends in a backslash")?),
            byte => word.push(byte),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The inverse of [`split`].
pub(super) fn quote(words: &[Vec<u8>]) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte) || *byte >= 0x80;
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.iter().all(is_plain) {
            return word.clone();
        }
        let parts: Vec<&[u8]> = word.split(|byte| *byte == b'\'').collect();
        [b"'", parts.join(&b"'\\''"[..]).as_slice(), b"'"].concat()
    });
    quoted.collect::<Vec<_>>().join(&b' ')
}
