//! Types as the contract spells them: with the name of their owner for `Self`, and with every lifetime named.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{GenericParam, Generics};

/// The lifetimes that something is generic over. None if it is generic over types: then it has no one type to write down.
pub fn lifetimes(generics: &Generics) -> Option<Vec<String>> {
    let names = generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(lifetime) => Some(lifetime.lifetime.to_string()),
        _ => None,
    });
    names.collect()
}

pub fn angled(lifetimes: &[String]) -> String {
    match lifetimes.is_empty() {
        true => String::new(),
        false => format!("<{}>", lifetimes.join(", ")),
    }
}

pub fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|part| part == word)
}

/// The type with the name of its owner for `Self`.
pub fn with_self(kind: &str, owner: &str) -> String {
    changed(kind, &mut |token, _| match token {
        TokenTree::Ident(ident) if ident == "Self" => Some(owner.to_string()),
        _ => None,
    })
}

/// The type with the lifetime `'s` wherever it has none.
pub fn named_lifetime(kind: &str) -> String {
    changed(kind, &mut |token, next| match (token, next) {
        (TokenTree::Punct(and), next) if and.as_char() == '&' => {
            let named = matches!(next, Some(TokenTree::Punct(tick)) if tick.as_char() == '\'');
            (!named).then(|| "&'s ".to_string())
        }
        (TokenTree::Ident(ident), _) if ident == "_" => Some("s".to_string()),
        _ => None,
    })
}

/// The text with some tokens replaced; the function sees each with the one after it.
fn changed(
    text: &str,
    change: &mut dyn FnMut(&TokenTree, Option<&TokenTree>) -> Option<String>,
) -> String {
    let stream: TokenStream = text.parse().unwrap_or_default();
    let mut out = String::new();
    tokens(stream, change, &mut out);
    out.trim_end().to_string()
}

fn tokens(
    stream: TokenStream,
    change: &mut dyn FnMut(&TokenTree, Option<&TokenTree>) -> Option<String>,
    out: &mut String,
) {
    let mut rest = stream.into_iter().peekable();
    while let Some(token) = rest.next() {
        if let Some(with) = change(&token, rest.peek()) {
            out.push_str(&with);
            out.push(' ');
            continue;
        }
        match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                tokens(group.stream(), change, out);
                out.push_str(close);
                out.push(' ');
            }
            TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint => {
                out.push(punct.as_char());
            }
            token => {
                out.push_str(&token.to_string());
                out.push(' ');
            }
        }
    }
}
