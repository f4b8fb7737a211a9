//! Which modules of its own crate a source names, read from its tokens: comments and strings have none.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::iter::Peekable;
use std::vec::IntoIter;

/// A module that a path of the crate begins with, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    /// From 1.
    pub(super) line: usize,
}

type Tokens = Peekable<IntoIter<TokenTree>>;

/// The tokens of a source without what is compiled for tests alone.
///
/// # Errors
///
/// The compiler's word where the text is not Rust.
pub(super) fn tokens(text: &str) -> Result<TokenStream, proc_macro2::LexError> {
    Ok(without_tests(text.parse()?))
}

/// Drops every item below `#[cfg(test)]`, and all of a file that has `#![cfg(test)]`.
fn without_tests(stream: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut rest = stream.into_iter().collect::<Vec<_>>().into_iter().peekable();
    while let Some(token) = rest.next() {
        let inner = is(&token, '#') && rest.peek().is_some_and(|next| is(next, '!'));
        if inner {
            rest.next();
        }
        if is(&token, '#') && rest.peek().is_some_and(is_test_attribute) {
            if inner {
                return TokenStream::new();
            }
            skip_item(&mut rest);
            continue;
        }
        out.push(match token {
            TokenTree::Group(group) => {
                let mut kept = proc_macro2::Group::new(group.delimiter(), without_tests(group.stream()));
                kept.set_span(group.span());
                TokenTree::Group(kept)
            }
            other => other,
        });
    }
    out.into_iter().collect()
}

/// To the end of an item: its block, or its semicolon.
fn skip_item(rest: &mut Tokens) {
    for token in rest.by_ref() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

fn is(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == punct)
}

/// `[cfg(test)]`, `[cfg(all(test, …))]` or `[cfg(any(test, …))]`.
fn is_test_attribute(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let text = group.stream().to_string().replace(' ', "");
    ["cfg(test)", "cfg(all(test", "cfg(any(test"].iter().any(|start| text.starts_with(start))
}

/// The modules that `mod NAME` declares at the top, in order.
pub(super) fn modules(stream: &TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let declared = tokens.windows(2).filter_map(|pair| match pair {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "mod" => Some(name.to_string()),
        _ => None,
    });
    declared.collect()
}

/// The first name of every path that starts at the crate's root, in a module `depth` levels below it: after
/// `crate::`, or after as many `super::` as lead there.
pub(super) fn crate_paths(stream: TokenStream, depth: usize) -> Vec<Named> {
    let mut found = Vec::new();
    scan(stream, depth, &mut found);
    found
}

fn scan(stream: TokenStream, depth: usize, found: &mut Vec<Named>) {
    let mut rest: Tokens = stream.into_iter().collect::<Vec<_>>().into_iter().peekable();
    let mut inline_module = false;
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Group(group) => {
                let inside = inline_module && group.delimiter() == Delimiter::Brace;
                scan(group.stream(), depth + usize::from(inside), found);
                inline_module = false;
            }
            TokenTree::Ident(word) if word == "crate" && colons(&mut rest) => heads(&mut rest, found),
            TokenTree::Ident(word) if word == "super" => {
                let mut levels = 1;
                while colons(&mut rest) {
                    if levels == depth {
                        heads(&mut rest, found);
                        break;
                    }
                    if !matches!(rest.peek(), Some(TokenTree::Ident(next)) if next == "super") {
                        break;
                    }
                    rest.next();
                    levels += 1;
                }
            }
            TokenTree::Ident(word) if word == "mod" => {
                rest.next();
                inline_module = matches!(rest.peek(), Some(TokenTree::Group(_)));
            }
            _ => {}
        }
    }
}

/// Takes `::`, if it comes next.
fn colons(rest: &mut Tokens) -> bool {
    let mut ahead = rest.clone();
    let both = ahead.next().is_some_and(|t| is(&t, ':')) && ahead.next().is_some_and(|t| is(&t, ':'));
    if both {
        rest.next();
        rest.next();
    }
    both
}

/// The names that come next: one, or those of a list.
fn heads(rest: &mut Tokens, found: &mut Vec<Named>) {
    let named = |token: &TokenTree| Named { name: token.to_string(), line: token.span().start().line };
    match rest.peek() {
        Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
            let mut first = true;
            for token in list.stream() {
                if first {
                    found.push(named(&token));
                }
                first = is(&token, ',');
            }
            rest.next();
        }
        Some(token) => found.push(named(token)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, depth: usize) -> Vec<String> {
        crate_paths(tokens(code).unwrap(), depth).into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        for code in ["use crate::a;", "use crate::{\na::g};", "fn f() { g!(crate::a::h()) }", "use super::a;"] {
            assert_eq!(names(code, 1), ["a"], "{code}");
        }
        assert_eq!(names("use crate::{a::{x, y}, b, c::*};", 1), ["a", "b", "c"]);
        assert_eq!(names("use super::super::a; use super::b;", 2), ["a"]);
        assert_eq!(names("mod inner { use super::super::a; use super::b; }", 1), ["a"]);
        assert_eq!(names("pub(crate) fn f() {} pub(super) fn g() {}", 1), [""; 0]);
        assert_eq!(crate_paths(tokens("\n\nuse crate::a;").unwrap(), 1)[0].line, 3);
    }

    #[test]
    fn tests_comments_and_strings_have_none() {
        let code =
            "//! [`crate::a`]\nconst A: &str = \"crate::b\";\n#[cfg(test)]\nmod tests { use crate::c; }\nuse crate::d;";
        assert_eq!(names(code, 1), ["d"]);
        assert_eq!(names("#![cfg(test)]\nuse crate::a;", 1), [""; 0]);
        assert_eq!(names("#[cfg(test)]\nuse crate::a;\n#[cfg(any(test, unix))]\nfn f() {}", 1), [""; 0]);
    }

    #[test]
    fn modules_stand_in_their_order() {
        let stream = tokens("mod b;\npub mod a;\n#[cfg(test)]\nmod tests;\nfn f() { mod inner {} }").unwrap();
        assert_eq!(modules(&stream), ["b", "a"]);
    }
}
