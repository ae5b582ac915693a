//! Names in the two cases that Rust has for them. Never cares whether a name is free.

/// `OrderItem`, for types and variants.
pub(super) fn camel(name: &str) -> String {
    let words = words(name);
    let word = |word: &String| {
        let mut characters = word.chars();
        let first = characters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(characters).collect::<String>()
    };
    let joined: String = words.iter().map(word).collect();
    match joined.as_str() {
        "" => "Unnamed".to_owned(),
        // The one word in this case that no item can be called.
        "Self" => "Itself".to_owned(),
        _ => joined,
    }
}

/// `order_item`, for methods, arguments and fields.
pub(super) fn snake(name: &str) -> String {
    let joined = words(name).iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join("_");
    if joined.is_empty() { "unnamed".to_owned() } else { joined }
}

/// The words of a name in either case, or of a text.
fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().take(MAX_CHARACTERS).collect();
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    for (index, character) in characters.iter().enumerate() {
        if !unicode_ident::is_xid_continue(*character) || *character == '_' {
            begins = true;
            continue;
        }
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1);
        let is_hump = character.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
                || before.is_some_and(char::is_uppercase) && after.is_some_and(|after| after.is_lowercase()));
        match words.last_mut() {
            Some(word) if !begins && !is_hump => word.push(*character),
            _ => words.push(character.to_string()),
        }
        begins = false;
    }
    words
}

/// Longer names are cut; attributes keep them.
const MAX_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        let table = [
            ("order_item", "OrderItem", "order_item"),
            ("orderItem", "OrderItem", "order_item"),
            ("HTTPServer", "HTTPServer", "http_server"),
            ("ID", "ID", "id"),
            ("x1", "X1", "x1"),
            ("two words", "TwoWords", "two_words"),
            ("_x", "X", "x"),
            ("größe", "Größe", "größe"),
            ("2nd", "2nd", "2nd"),
            ("-", "Unnamed", "unnamed"),
            ("self", "Itself", "self"),
        ];
        for (name, in_camel, in_snake) in table {
            assert_eq!((camel(name).as_str(), snake(name).as_str()), (in_camel, in_snake));
        }
    }
}
