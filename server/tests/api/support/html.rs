//! Reading a page as a browser does: its tags with their attributes, its words, its forms.

/// A tag, with the words that follow it up to the next one.
#[derive(Debug, Clone)]
pub struct Tag {
    /// In lower case; with a slash before it when it ends an element.
    pub name: String,
    /// Names in lower case, values as they are meant.
    pub attributes: Vec<(String, String)>,
    /// The words after it, as they are meant.
    pub after: String,
}

impl Tag {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Every tag of a page in order. Comments and the doctype are left out; what scripts and styles hold is not read.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        if let Some(tag) = tags.last_mut() {
            tag.after.push_str(&meant(&rest[..start]));
        }
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // `<!-->` is a whole comment, like `<!---->`.
            rest = match comment.strip_prefix('>') {
                Some(after) => after,
                None => comment.split_once("-->").map_or("", |(_, after)| after),
            };
            continue;
        }
        if rest.starts_with("<!") {
            rest = rest.split_once('>').map_or("", |(_, after)| after);
            continue;
        }
        let letter = rest[1..].trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic());
        if !letter {
            if let Some(tag) = tags.last_mut() {
                tag.after.push('<');
            }
            rest = &rest[1..];
            continue;
        }
        let (tag, after) = tag(&rest[1..]);
        rest = after;
        let ends = format!("</{}", tag.name);
        let raw = matches!(tag.name.as_str(), "script" | "style");
        let words_only = matches!(tag.name.as_str(), "textarea" | "title");
        tags.push(tag);
        if raw || words_only {
            let end = rest.to_ascii_lowercase().find(&ends).unwrap_or(rest.len());
            if words_only && let Some(tag) = tags.last_mut() {
                tag.after = meant(&rest[..end]);
            }
            rest = &rest[end..];
        }
    }
    tags
}

fn tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let name = text[..end].trim_end_matches('/').to_ascii_lowercase();
    let mut attributes = Vec::new();
    let mut rest = text[end..].trim_start();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (Tag { name, attributes, after: String::new() }, "");
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name, attributes, after: String::new() }, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len()).max(1);
        let attribute = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            attributes.push((attribute, String::new()));
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len())),
        };
        attributes.push((attribute, meant(value)));
        rest = after;
    }
}

/// Text without entities.
fn meant(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').unwrap_or(0);
        let code = rest.get(1..end).unwrap_or("");
        let character = match code {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            _ => match (code.strip_prefix("#x"), code.strip_prefix('#')) {
                (Some(hex), _) => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32),
                (None, Some(number)) => number.parse().ok().and_then(char::from_u32),
                (None, None) => None,
            },
        };
        match character {
            Some(character) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The words of a page as they are read, with single spaces.
pub fn words(html: &str) -> String {
    words_of(tags(html))
}

/// Tags without the elements that are `left_out`, and without all that is in them.
pub fn without(tags: Vec<Tag>, left_out: impl Fn(&Tag) -> bool) -> Vec<Tag> {
    let mut kept = Vec::new();
    let mut inside: Option<(String, usize)> = None;
    for tag in tags {
        match &mut inside {
            Some((name, depth)) if tag.name == *name => *depth += 1,
            Some((name, depth)) if tag.name.strip_prefix('/') == Some(name) => *depth -= 1,
            None if left_out(&tag) => inside = Some((tag.name.clone(), 1)),
            _ => {}
        }
        match inside {
            None => kept.push(tag),
            // What follows the element is read.
            Some((_, 0)) => {
                kept.push(tag);
                inside = None;
            }
            Some(_) => {}
        }
    }
    kept
}

/// The words of tags as they are read, with single spaces.
pub fn words_of(tags: Vec<Tag>) -> String {
    let inline =
        ["a", "b", "i", "em", "strong", "span", "code", "small", "q", "time", "del", "ins", "kbd", "abbr", "mark"];
    let mut text = String::new();
    for tag in tags.into_iter().filter(|t| !matches!(t.name.as_str(), "title" | "textarea")) {
        if !inline.contains(&tag.name.trim_start_matches('/')) {
            text.push(' ');
        }
        text.push_str(&tag.after);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The title of a page.
pub fn title(html: &str) -> String {
    tags(html).into_iter().find(|t| t.name == "title").map(|t| t.after).unwrap_or_default()
}

/// The first level-one heading of a page.
pub fn heading(html: &str) -> String {
    let tags = tags(html);
    let start = tags.iter().position(|t| t.name == "h1").expect("a page has a heading");
    tags[start..].iter().take_while(|t| t.name != "/h1").map(|t| t.after.as_str()).collect::<String>().trim().to_owned()
}

/// A form with everything that it would send.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where to.
    pub action: String,
    /// Its fields with their values, in order; buttons are not among them.
    pub fields: Vec<(String, String)>,
    /// Its buttons: name, value.
    pub buttons: Vec<(String, String)>,
}

impl Form {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// What it sends after a person wrote `typed` and pressed the button `pressed`.
    pub fn filled<'f>(&'f self, typed: &[(&'f str, &'f str)], pressed: (&'f str, &'f str)) -> Vec<(&'f str, &'f str)> {
        assert!(
            self.buttons.iter().any(|(n, v)| (n.as_str(), v.as_str()) == pressed),
            "no button {pressed:?}: {self:?}"
        );
        let own = self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let mut sent: Vec<_> = own.filter(|(n, _)| typed.iter().all(|(t, _)| t != n)).collect();
        sent.extend(typed);
        sent.push(pressed);
        sent
    }
}

/// The forms of a page that send to this address.
pub fn forms(html: &str, action: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(html) {
        let value = |name| tag.get(name).unwrap_or_default().to_owned();
        match tag.name.as_str() {
            "form" => {
                open = true;
                forms.push(Form { action: value("action"), fields: Vec::new(), buttons: Vec::new() });
            }
            "/form" => open = false,
            "input" if open && tag.get("type") != Some("checkbox") && tag.get("type") != Some("radio") => {
                forms.last_mut().unwrap().fields.push((value("name"), value("value")));
            }
            // The first line break belongs to the tag.
            "textarea" if open => {
                let text = tag.after.strip_prefix('\n').unwrap_or(&tag.after).to_owned();
                forms.last_mut().unwrap().fields.push((value("name"), text));
            }
            "button" if open => forms.last_mut().unwrap().buttons.push((value("name"), value("value"))),
            _ => {}
        }
    }
    forms.retain(|form| form.action == action);
    forms
}
