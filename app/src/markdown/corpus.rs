//! What others wrote to test markdown with: the examples of the CommonMark specification, and known attacks. Only tests.
//!
//! What is rendered is read back by a parser of HTML that knows nothing of this one. Where the texts come from is said
//! in `testdata/README.md`.

use std::time::Instant;

use percent_encoding::percent_decode_str;
use scraper::{ElementRef, Html, Node};
use serde_json::Value;

use super::{Chip, Context, FactNow, parse, render};
use crate::model::mention::{Fact, Panel};
use crate::model::reference::Reference;

const COMMONMARK: &str = include_str!("testdata/commonmark-0.31.2.json");
const ATTACKS: &str = include_str!("testdata/xss.txt");

/// A world in which nothing exists but runbooks.
struct Nothing;

impl Context for Nothing {
    fn chip(&self, reference: &Reference) -> Chip {
        let exists = matches!(reference, Reference::Runbook(..));
        Chip { exists, name: reference.to_string(), href: reference.path(), state: None }
    }
    fn fact(&self, fact: &Fact) -> FactNow {
        FactNow::Differs { present: fact.stated.clone() }
    }
    fn panel(&self, _: &Panel) -> Option<String> {
        None
    }
    fn sprite(&self) -> &str {
        "/icons.svg"
    }
}

/// A document as HTML, with its headings as a page would draw them.
fn html(markdown: &str) -> String {
    let sections = render(&parse(markdown).unwrap(), &Nothing, &[]);
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let one = |s: super::RenderedSection| match s.level {
        0 => s.html,
        level => format!("<h{level}>{}</h{level}>\n{}", escaped(&s.title), s.html),
    };
    sections.into_iter().map(one).collect()
}

/// `html` and `body` are what a parser puts around a fragment; in one they cannot be opened.
const ELEMENTS: &str = " html body a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr input label li ol p pre small span \
    strong sup svg table tbody td th thead tr ul use ";
const ATTRIBUTES: &str =
    " aria-hidden aria-label checked class data-step disabled href id rel role scope start tabindex title type value ";

/// Asserts that a browser reads only what we write ourselves, that every element ends where it should, and that no
/// address runs or holds anything.
fn assert_harmless(markdown: &str, html: &str) {
    // `h1` and the like inside a fragment are ours; what a parser finds wrong is that something is not closed or nested.
    let fragment = Html::parse_fragment(html);
    assert!(fragment.errors.is_empty(), "{:?} from {markdown:?}: {html}", fragment.errors);
    for element in fragment.tree.nodes().filter_map(|node| node.value().as_element()) {
        assert!(ELEMENTS.contains(&format!(" {} ", element.name())), "<{}> from {markdown:?}: {html}", element.name());
        for (name, value) in element.attrs() {
            assert!(ATTRIBUTES.contains(&format!(" {name} ")), "{name} from {markdown:?}: {html}");
            if name == "href" {
                let scheme = value.split([':']).next().filter(|before| before.len() < value.len());
                let is_address = scheme.is_none_or(|scheme| {
                    scheme.contains(['/', '?', '#'])
                        || ["http", "https", "mailto", "tel"].contains(&scheme.to_ascii_lowercase().as_str())
                });
                assert!(is_address && !value.contains(|c: char| c.is_control()), "{value:?} from {markdown:?}");
            }
        }
    }
}

/// Examples that we show otherwise, each with its reason. Those with raw HTML are not listed: that is shown as the
/// words it is, which `html_shows_as_the_words_it_is` says.
const OTHERWISE: [(&str, &[i64]); 4] = [
    ("the name of a language has only letters, digits, +, - and _, because it becomes a class", &[34, 144]),
    ("an empty address leads nowhere, so that its words stand alone", &[200, 485, 486, 487, 567]),
    ("a link to a file .md is a link to the runbook of that name", &[484]),
    ("schemes other than http, https, mailto and tel lead nowhere", &[500, 596, 598, 599, 601]),
];

#[test]
fn every_example_of_commonmark_is_harmless_and_means_what_the_specification_says() {
    let examples: Vec<Value> = serde_json::from_str(COMMONMARK).unwrap();
    assert_eq!(examples.len(), 652);
    let mut differ = Vec::new();
    for example in &examples {
        let text = |name: &str| example[name].as_str().unwrap();
        let ours = html(text("markdown"));
        assert_harmless(text("markdown"), &ours);
        let expected = meaning(text("html"));
        let number = example["number"].as_i64().unwrap();
        if has_html(text("markdown")) {
            continue;
        }
        // A reason that no longer holds is to be taken out.
        let is_known = OTHERWISE.iter().any(|(_, numbers)| numbers.contains(&number));
        if is_known == (meaning(&ours) == expected) {
            differ.push(format!(
                "{number} ({}): {:?}\n   ours {}\n theirs {expected}",
                text("section"),
                text("markdown"),
                meaning(&ours)
            ));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Whether a text has something that the parser takes for HTML.
fn has_html(markdown: &str) -> bool {
    use pulldown_cmark::{Event, Options, Parser};
    let mut events = Parser::new_ext(markdown, Options::empty());
    events.any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// What a reader gets: elements, addresses and words, without what differs by design. Headings are words alone here,
/// images are links to what they would show, titles of links are not shown.
fn meaning(html: &str) -> String {
    let fragment = Html::parse_fragment(html);
    let mut out = String::new();
    for child in fragment.root_element().children() {
        tell(child, &mut Inside { pre: false, link: false, top: true }, &mut out);
    }
    out.trim().to_owned()
}

#[derive(Clone)]
struct Inside {
    pre: bool,
    link: bool,
    top: bool,
}

fn tell(node: ego_tree::NodeRef<'_, Node>, inside: &mut Inside, out: &mut String) {
    let element = match node.value() {
        Node::Text(text) if inside.pre => return out.push_str(text),
        Node::Text(text) => {
            for word in text.split_inclusive(char::is_whitespace) {
                let (word, space) = (word.trim_end(), word.ends_with(char::is_whitespace));
                out.push_str(word);
                if space && !out.ends_with([' ', '>']) {
                    out.push(' ');
                }
            }
            return;
        }
        Node::Element(element) => element,
        _ => return,
    };
    let name = element.name();
    let words = |node| ElementRef::wrap(node).map(|e| e.text().collect::<String>()).unwrap_or_default();
    let mut within = Inside { top: false, ..inside.clone() };
    let (mut open, mut close) = (format!("<{name}>"), format!("</{name}>"));
    match name {
        "img" => {
            let (src, alt) = (element.attr("src").unwrap_or_default(), element.attr("alt").unwrap_or_default());
            let words = if alt.is_empty() { src } else { alt };
            match inside.link {
                true => out.push_str(words),
                false => {
                    let address = percent_decode_str(src);
                    out.push_str(&format!("<a {}>{words}</a>", address.decode_utf8_lossy()));
                }
            }
            return;
        }
        "a" => {
            within.link = true;
            // Browsers encode what an address may not have; the specification's examples show it encoded.
            let address = percent_decode_str(element.attr("href").unwrap_or_default());
            open = format!("<a {}>", address.decode_utf8_lossy());
        }
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if inside.top => {
            let words = words(node).split_whitespace().collect::<Vec<_>>().join(" ");
            out.push_str(&format!("<{name}>{words}</{name}>"));
            return;
        }
        // In a quote or a list it opens no section.
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => (open, close) = ("<p><strong>".into(), "</strong></p>".into()),
        "ol" => open = format!("<ol {}>", element.attr("start").unwrap_or("1")),
        "pre" => within.pre = true,
        "code" => open = format!("<code {}>", element.attr("class").unwrap_or_default()),
        _ => {}
    }
    if out.ends_with(' ') && ["p", "ul", "ol", "li", "blockquote", "pre", "hr", "div"].contains(&name) {
        out.pop();
    }
    out.push_str(&open);
    for child in node.children() {
        tell(child, &mut within, out);
    }
    if out.ends_with(' ') && !within.pre {
        out.pop();
    }
    out.push_str(&close);
}

/// Where words of an author may stand in a document.
fn places(attack: &str) -> Vec<String> {
    let line = attack.replace('\n', " ");
    vec![
        attack.to_owned(),
        format!("text {line} text"),
        format!("[x]({line})"),
        format!("[x](<{line}>)"),
        format!("[x](https://e.example/{line})"),
        format!("[{line}](component:erp)"),
        format!("![{line}](live:queue/q)"),
        format!("![x]({line})"),
        format!("[{line}](fact:component:erp?a={line})"),
        format!("[x]: <{line}> \"{line}\"\n\n[x]"),
        format!("`{line}`"),
        format!("```{line}\n{attack}\n```"),
        format!("    {line}"),
        format!("# {line}\n\n> [!NOTE]\n> {line}"),
        format!("| {line} | a |\n| --- | --- |\n| {line} | b |"),
        format!("- [ ] {line}\n\na[^1]\n\n[^1]: {line}"),
        format!("a[^{line}]\n\n[^{line}]: x"),
        format!("<{line}>"),
    ]
}

#[test]
fn no_known_attack_in_any_place_becomes_more_than_words() {
    let attacks: Vec<&str> = ATTACKS.split("\n%%\n").collect();
    assert_eq!(attacks.len(), 20);
    for attack in attacks {
        for hidden in ["", "\u{202e}", "\u{200b}", "\u{1}", "\t", "\u{feff}"] {
            let attack = format!("{hidden}{attack}");
            for text in places(&attack) {
                assert_harmless(&text, &html(&text));
            }
        }
    }
}

#[test]
fn addresses_that_only_look_like_a_scheme_lead_nowhere_or_to_a_page_of_ours() {
    for text in [
        "[x](j\u{430}vascript:alert(1))",
        "[x](\u{ff4a}avascript:alert(1))",
        "[x](javascript\u{a789}alert(1))",
        "[x](java\u{ad}script:alert(1))",
    ] {
        let html = html(text);
        assert_harmless(text, &html);
        // With a real colon there is a scheme, and not one of ours; without, it is a name of a page.
        assert!(!text.contains("script:") || !html.contains("href="), "{html}");
    }
}

#[test]
fn words_that_are_turned_round_or_hidden_are_marked_wherever_they_stand() {
    for text in places("a\u{202e}b\u{2066}c\u{200b}d") {
        let document = parse(&text).unwrap();
        let html = html(&text);
        let hidden = |text: &str| text.contains(['\u{202e}', '\u{2066}', '\u{200b}']);
        assert!(!hidden(&html), "{text:?}: {html}");
        assert!(document.sections.iter().all(|s| !hidden(&s.title) && !hidden(&s.text)), "{text:?}");
    }
}

#[test]
fn large_documents_are_shown_in_bounded_time() {
    let row = "| order | 12 | [the queue](component:q) |\n";
    let table = format!("| a | b | c |\n| - | - | - |\n{}", row.repeat(10_000));
    let prose = "## Heading\n\nSome words about [a part](component:q) and `code`, and more words.\n\n- one\n- two\n\n"
        .repeat(60_000);
    let nested = format!("{}deep", "> - ".repeat(20_000));
    for text in [table, prose[..5 * 1024 * 1024].to_owned(), nested] {
        let start = Instant::now();
        let html = html(&text);
        let took = start.elapsed();
        // Tests run unoptimised and side by side.
        assert!(took.as_secs() < 30 && !html.is_empty(), "{took:?} for {} bytes: {}", text.len(), &text[..20]);
    }
}
