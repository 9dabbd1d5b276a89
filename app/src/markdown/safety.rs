//! Whatever is written, what comes out is safe, complete and quick. Only tests.

use std::time::Instant;

use proptest::prelude::*;

use super::{Chip, Context, FactNow, ImageNow, LONGEST, parse, render};
use crate::model::mention::{Fact, Panel};
use crate::model::reference::Reference;
use crate::model::status::State;

/// A small world: component "erp" is broken, runbooks are there without a state, the fact of 6 tries is wrong.
struct World;

impl Context for World {
    fn chip(&self, reference: &Reference) -> Chip {
        let (exists, state) = match reference {
            Reference::Component(id) => (id == "erp", Some(State::Broken)),
            Reference::Runbook(..) => (true, None),
            _ => (false, None),
        };
        Chip { exists, name: "The \"ERP\"".into(), href: reference.path(), state }
    }
    fn fact(&self, fact: &Fact) -> FactNow {
        match fact.path.as_str() {
            "holds" => FactNow::Holds,
            "differs" => FactNow::Differs { present: "5".into() },
            _ => FactNow::Unknown,
        }
    }
    fn panel(&self, panel: &Panel) -> Option<String> {
        (panel.target == "q").then(|| "<figure>12 waiting</figure>".into())
    }
    fn image(&self, address: &str) -> ImageNow {
        match address {
            _ if address.ends_with("here.png") => ImageNow::Here { src: "/images/\"a".into(), size: Some((2, 3)) },
            _ if address.ends_with("gone.png") => ImageNow::Missing,
            _ => ImageNow::AsLink,
        }
    }
    fn sprite(&self) -> &str {
        "/pkg/icons.svg"
    }
}

fn html(text: &str) -> String {
    render(&parse(text).unwrap(), &World, &[]).into_iter().map(|s| s.html).collect()
}

/// The tags of some HTML as a simple reader sees them: name and attributes.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag ends") + start;
        let tag = &rest[start + 1..end];
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut pairs = Vec::new();
        while let Some((key, after)) = attributes.split_once("=\"") {
            let (value, left) = after.split_once('"').expect("a value ends");
            pairs.push((key.trim().to_owned(), value.to_owned()));
            attributes = left;
        }
        pairs.extend(attributes.split_whitespace().map(|a| (a.to_owned(), String::new())));
        found.push((name.trim_matches('/').to_owned(), pairs));
        rest = &rest[end + 1..];
    }
    found
}

/// Every tag and attribute is one that we write ourselves, and every address is harmless.
fn assert_safe(input: &str, html: &str) {
    const TAGS: &str = " a blockquote br code del div em figure hr img input label li ol p pre section small span strong sup svg \
        table tbody td th thead tr ul use ";
    const ATTRIBUTES: &str = " aria-hidden alt aria-label checked class data-step disabled height href id loading rel role scope src start tabindex title type value width ";
    for (tag, attributes) in tags(html) {
        assert!(TAGS.contains(&format!(" {tag} ")), "<{tag}> from {input:?}: {html}");
        for (key, value) in attributes {
            assert!(key == "/" || ATTRIBUTES.contains(&format!(" {key} ")), "{key} from {input:?}: {html}");
            if key == "href" {
                let value: String =
                    value.to_lowercase().chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
                for scheme in ["javascript:", "data:", "vbscript:", "file:", "blob:"] {
                    assert!(!value.starts_with(scheme), "{value} from {input:?}");
                }
            }
        }
    }
}

#[test]
fn no_known_attack_becomes_more_than_words() {
    for attack in [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<img src=x onerror=alert(1)>",
        "<img src=\"x\" onerror=\"alert(1)\"/>",
        "text <img/src/onerror=alert(1)> text",
        "<svg onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<svg/onload=alert(1)//",
        "<iframe src=javascript:alert(1)></iframe>",
        "<iframe srcdoc=\"<script>alert(1)</script>\">",
        "<body onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a onmouseover=\"alert(1)\">x</a>",
        "<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">",
        "<details open ontoggle=alert(1)>",
        "<style>@import 'javascript:alert(1)';</style>",
        "<div style=\"background:url(javascript:alert(1))\">",
        "<form action=javascript:alert(1)><button>x",
        "<object data=javascript:alert(1)>",
        "<embed src=javascript:alert(1)>",
        "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
        "<base href=javascript:alert(1)//>",
        "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php echo 1 ?><script>alert(1)</script>",
        "</p></div><script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](java&#x09;script:alert(1))",
        "[x](java&#10;script:alert(1))",
        "[x](javascript&colon;alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1))",
        "[x](<&#14;javascript:alert(1)>)",
        "[x](\u{1}javascript:alert(1))",
        "[x](\u{a0}javascript:alert(1))",
        "[x](\u{200b}javascript:alert(1))",
        "[x](<\u{3000}javascript:alert(1)>)",
        "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        "[x](vbscript:msgbox(1))",
        "[x](file:///etc/passwd)",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
        "<data:text/html,x>",
        "![x](javascript:alert(1))",
        "![\"onerror=alert(1) x=\"](https://x/\"onerror=\"alert(1))",
        "[x](https://x/\"onmouseover=\"alert(1))",
        "[x](https://x \"title\\\" onmouseover=alert(1)\")",
        "[x](component:erp\"onmouseover=alert(1))",
        "[\"><script>alert(1)</script>](component:erp)",
        "[x](fact:component:erp?differs=\"><script>alert(1)</script>)",
        "[x](fact:component:erp?%22onmouseover=alert(1)=1)",
        "![\"><script>](live:queue/q)",
        "![<script>alert(1)</script>](live:queue/gone)",
        "![x](live:queue/<script>)",
        "```\"><script>alert(1)</script>\nx\n```",
        "# <script>alert(1)</script>\n\n| a |\n| - |\n| <script> |",
        "a[^\"><script>]\n\n[^\"><script>]: note <img src=x onerror=alert(1)>",
        "a[^<b onx=1>]",
        "\0<script\0>alert(1)</script>",
    ] {
        assert_safe(attack, &html(attack));
    }
}

#[test]
fn an_image_that_is_here_shows_and_one_that_is_gone_says_so() {
    assert_eq!(
        html("![The \"queue\"](<x\" onerror=\"y here.png>)"),
        "<p><img src=\"/images/&quot;a\" alt=\"The &quot;queue&quot;\" width=\"2\" height=\"3\" loading=\"lazy\"></p>\n"
    );
    assert_safe("image", &html("![\"><script>](<\"onerror=alert(1) here.png>) ![<b>](<<i>gone.png>)"));
    assert!(
        html("![The queue](gone.png)")
            .contains("<span class=\"broken-link\">The queue <small>(the image gone.png is not there)")
    );
}

#[test]
fn html_shows_as_the_words_it_is() {
    assert_eq!(html("a <b>c</b>"), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
    assert_eq!(html("<div>\nx\n</div>"), "<p>&lt;div&gt;\nx\n&lt;/div&gt;</p>\n");
}

#[test]
fn a_link_to_a_part_carries_its_state_as_icon_colour_and_word() {
    assert_eq!(
        html("[The ERP](component:erp)"),
        "<p><a class=\"chip chip-broken\" href=\"/components/erp\" title=\"The &quot;ERP&quot;\"><svg class=\"icon\" aria-hidden=\"true\">\
         <use href=\"/pkg/icons.svg#state-broken\"/></svg>The ERP<span class=\"sr\">, Broken</span></a></p>\n"
    );
    assert!(html("[that](runbook:other#x)").contains("<a class=\"chip\" href=\"/runbooks/other#x\""));
}

#[test]
fn a_link_that_leads_nowhere_says_so_and_keeps_its_words() {
    assert_eq!(
        html("[The **old** ERP](component:old)"),
        "<p><span class=\"broken-link\">The <strong>old</strong> ERP <small>(component &quot;old&quot; does not exist)</small></span></p>\n"
    );
    assert!(html("[push](step:push)").contains("<small>(&quot;step:push&quot;: write step:WORKFLOW/STEP)</small>"));
}

#[test]
fn a_fact_is_quiet_while_it_holds_and_says_the_present_value_when_it_does_not() {
    let fact = |path| html(&format!("[6 times](fact:component:erp?{path}=6)"));
    assert!(
        fact("holds").contains("<span class=\"fact\" title=\"Checked: holds of component:erp is 6\">6 times</span>")
    );
    assert!(fact("differs").contains(">6 times <strong>now 5</strong></span>"));
    assert!(fact("gone").contains(">6 times <small>(no longer in the book)</small></span>"));
}

#[test]
fn panels_stand_for_themselves_and_after_the_line_that_they_are_part_of() {
    assert_eq!(
        html("![a](live:queue/q)\n![b](live:queue/q)"),
        "<figure>12 waiting</figure>\n<figure>12 waiting</figure>"
    );
    assert_eq!(html("See ![the queue](live:queue/q) now"), "<p>See the queue now</p>\n<figure>12 waiting</figure>");
    assert_eq!(html("- ![q](live:queue/q)"), "<ul>\n<li>q<figure>12 waiting</figure></li>\n</ul>\n");
    assert_eq!(html("![What waits](live:queue/other)"), "<p class=\"panel-absent\">What waits</p>\n");
    assert!(html("![What waits](live:nonsense/q)").contains("<span class=\"broken-link\">What waits <small>"));
}

#[test]
fn a_step_to_tick_is_a_label_that_ends_where_a_list_begins() {
    assert_eq!(
        html("- [ ] Look *here*\n  - deeper\n- [x] Done\n- not a step"),
        "<ul>\n<li class=\"step\" data-step=\"1\"><label><input type=\"checkbox\" disabled> Look <em>here</em></label><ul>\n\
         <li>deeper</li>\n</ul>\n</li>\n<li class=\"step\" data-step=\"2\"><label><input type=\"checkbox\" disabled checked> Done</label></li>\n\
         <li>not a step</li>\n</ul>\n"
    );
    let loose = html("- [ ] One\n\n- [ ] Two\n");
    assert!(loose.contains("<p><label><input type=\"checkbox\" disabled> One</label></p>"), "{loose}");
}

#[test]
fn tables_and_code_scroll_and_can_be_reached_by_keyboard() {
    let table = html("## Sizes\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n");
    assert!(table.starts_with("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table: Sizes\"><table><thead><tr><th scope=\"col\">a</th>"));
    assert!(table.contains("<td class=\"align-right\">2</td></tr>\n</tbody></table></div>"));
    assert!(
        html("```sh\nls <x>\n```")
            .contains("aria-label=\"Code\"><code class=\"language-sh\">ls &lt;x&gt;\n</code></pre>")
    );
}

#[test]
fn alerts_say_what_they_are_in_words() {
    let alert = html("> [!CAUTION]\n> Never twice.\n");
    assert_eq!(
        alert,
        "<div class=\"alert alert-caution\" role=\"note\"><p class=\"alert-title\">Caution</p><p>Never twice.</p>\n</div>\n"
    );
}

#[test]
fn footnotes_are_numbered_through_the_document_and_stand_under_their_section() {
    let sections =
        render(&parse("a[^b] c[^b] d[^none]\n\n# Next\n\ne[^f]\n\n[^f]: F\n[^b]: B\n").unwrap(), &World, &[]);
    assert!(sections[0].html.contains("<sup class=\"footnote-ref\"><a href=\"#fn-1\" id=\"fnref-1\">1</a></sup> c<sup class=\"footnote-ref\"><a href=\"#fn-1\">1</a></sup> d[^none]"), "{}", sections[0].html);
    assert!(sections[0].html.contains(
        "<li id=\"fn-1\" value=\"1\"><p>B</p>\n<a class=\"footnote-back\" href=\"#fnref-1\">Back to the text</a></li>"
    ));
    assert!(sections[1].html.contains("<li id=\"fn-2\" value=\"2\"><p>F</p>"));
}

#[test]
fn images_are_links_because_nothing_is_loaded_from_elsewhere() {
    assert_eq!(html("![The plan](plan.png)"), "<p><a href=\"plan.png\" rel=\"noopener noreferrer\">The plan</a></p>\n");
    assert_eq!(
        html("[![The plan](plan.png)](https://x.example)"),
        "<p><a href=\"https://x.example\" rel=\"noopener noreferrer\">The plan</a></p>\n"
    );
}

#[test]
fn nothing_that_nests_or_repeats_takes_long() {
    let size = 400_000;
    let long = |text: &str| text.repeat(size / text.len());
    for text in [
        long(">"),
        long("> "),
        long("- "),
        long("* a\n"),
        long("["),
        long("[a]("),
        long("!["),
        long("![a](b"),
        long("**a "),
        long("*a **b "),
        long("_*"),
        long("`a``b"),
        long("<"),
        long("<a "),
        long("&#"),
        long("| a "),
        long("|-"),
        long("# a\n"),
        long("[^a]"),
        long("[^a]: x\n\n"),
        long("[a]: b\n"),
        long("[a](component:x-y) "),
        long("- [ ] a\n"),
        long("~~a "),
        format!("{}a\n{}", ">".repeat(2_000), "b\n".repeat(50_000)),
        format!("{}{}", "![a".repeat(50_000), "](b)".repeat(50_000)),
        format!("{}x{}", "*".repeat(100_000), "*".repeat(100_000)),
        (0..size / 20).map(|i| format!("[a](component:c-{i}) ")).collect(),
        (0..400).map(|i| format!("{}- a\n", "  ".repeat(i))).collect(),
    ] {
        let start = Instant::now();
        let html = html(&text);
        let took = start.elapsed();
        // Generous: tests run unoptimised and side by side. Quadratic would be minutes.
        assert!(took.as_secs() < 20, "{took:?} for {}", &text[..20]);
        assert!(html.len() < 300 * text.len() + 1000);
    }
    assert!(parse(&"x".repeat(LONGEST)).is_ok());
}

/// Text that is more likely than pure chance to mean something.
fn texts() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "<",
        ">",
        "<b>",
        "</p>",
        "<script>",
        "[",
        "]",
        "(",
        ")",
        "![",
        "](",
        "javascript:",
        "component:erp",
        "live:queue/q",
        "fact:component:erp?holds=6",
        "\n",
        "\n\n",
        "- ",
        "- [ ] ",
        "> ",
        "> [!NOTE]\n",
        "# ",
        "|",
        "| - |\n",
        "`",
        "```\n",
        "*",
        "**",
        "~~",
        "[^1]",
        "\n[^1]: ",
        "&lt;",
        "&#",
        "\\",
        "\"",
        "'",
        "=",
        " onx=",
        "  ",
        "\t",
        "é",
        "\0",
        "a",
        "1. ",
        "***\n",
        "https://x",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(bits, 0..60).prop_map(|v| v.concat())]
}

proptest! {
    #[test]
    fn any_text_is_read_and_shown_safely(text in texts()) {
        let document = parse(&text).unwrap();
        let sections = render(&document, &World, &[]);
        prop_assert_eq!(sections.len(), document.sections.len());
        for (rendered, section) in sections.iter().zip(&document.sections) {
            prop_assert_eq!(&rendered.anchor, &section.anchor);
            assert_safe(&text, &rendered.html);
            prop_assert!(text.get(section.source_range.clone()).is_some());
            // As many steps to tick as there are steps.
            prop_assert_eq!(rendered.html.matches("type=\"checkbox\"").count(), section.steps.len());
        }
        let rejoined: String = document.sections.iter().map(|s| &text[s.source_range.clone()]).collect();
        prop_assert!(document.sections.is_empty() || rejoined == text);
    }

    #[test]
    fn every_element_that_opens_closes_in_order(text in texts()) {
        let html = html(&text);
        let mut open = Vec::new();
        let mut rest = html.as_str();
        while let Some(start) = rest.find('<') {
            let end = rest[start..].find('>').unwrap() + start;
            let tag = &rest[start + 1..end];
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => prop_assert_eq!(open.pop(), Some(name), "{}", html),
                None if tag.ends_with('/') || ["br", "hr", "input"].contains(&name) => {}
                None => open.push(name),
            }
            rest = &rest[end + 1..];
        }
        prop_assert!(open.is_empty(), "{:?} {}", open, html);
    }
}
