//! Names of classes that people take for one.

use unicode_normalization::UnicodeNormalization;

/// Equal for names that differ only in case, in the Unicode form of their letters, in spaces around them, or in what
/// stands between words.
pub(crate) fn key(name: &str) -> String {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let one = |c: char| if c == '_' || c == '-' || c.is_whitespace() { ' ' } else { c };
    // Lower case may be decomposed again.
    folded.trim().chars().map(one).nfc().collect()
}

/// Each name of `some` that `others` lacks, with one there that is like it.
pub(super) fn pairs(some: &[String], others: &[String]) -> Vec<(String, String)> {
    let keys: std::collections::HashMap<String, &String> = others.iter().map(|name| (key(name), name)).collect();
    let lacking = some.iter().filter(|name| others.binary_search(name).is_err());
    lacking.filter_map(|name| Some((name.clone(), (*keys.get(&key(name))?).clone()))).collect()
}

/// Each two of `names` that are alike.
pub(crate) fn within(names: &[String]) -> Vec<String> {
    let mut first: std::collections::HashMap<String, &String> = std::collections::HashMap::new();
    let mut pairs = Vec::new();
    for name in names {
        let earlier = first.entry(key(name)).or_insert(name);
        if *earlier != name {
            pairs.push(told_apart(&((*earlier).clone(), name.clone())));
        }
    }
    pairs
}

/// Names as they can be told apart on a screen: what is put on a letter stands by itself.
pub(crate) fn told_apart((one, other): &(String, String)) -> String {
    let plain = |name: &String| name.clone();
    let spelled = |name: &String| name.chars().flat_map(char::escape_debug).collect();
    let same_on_screen = one.nfc().eq(other.nfc());
    let show = |name| if same_on_screen { spelled(name) } else { plain(name) };
    format!("`{}` and `{}`", show(one), show(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_one_name() {
        for (one, other) in [
            ("Cat", "cat"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("ada lovelace", "Ada_Lovelace"),
            (" ada", "ada "),
            ("\u{212b}ngstr\u{f6}m", "\u{e5}ngstro\u{308}m"),
            ("STRASSE", "strasse"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        for (one, other) in [("cat", "cats"), ("a1", "a-1"), ("\u{e9}", "e")] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let found = pairs(&names(&["A", "Cat", "dog"]), &names(&["Dog", "a", "cat", "dog"]));
        assert_eq!(found, [("A".into(), "a".into()), ("Cat".into(), "cat".into())]);
    }

    #[test]
    fn what_looks_the_same_is_spelled() {
        assert_eq!(told_apart(&("Cat".into(), "cat".into())), "`Cat` and `cat`");
        assert_eq!(told_apart(&("caf\u{e9}".into(), "cafe\u{301}".into())), "`caf\u{e9}` and `cafe\\u{301}`");
    }
}
