//! YAML into values, each with the line it was written on; one broken document does not spoil the others in its file.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::node::{Content, Node};

/// Lists and mappings in each other, at most: nobody writes more, and readers that call themselves run out of stack.
const DEEPEST: usize = 64;

/// Values in a document at most.
const MOST_VALUES: usize = 250_000;

/// What aliases may repeat at most, in bytes, so that a few lines cannot become gigabytes ("billion laughs").
const MOST_REPEATED: usize = 4 * 1024 * 1024;

/// Something that is not as YAML must be, or that we do not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// A sentence for the author.
    pub text: String,
}

/// Reads every document of a text. `first_line` is the number of its first line in the file.
///
/// What is wrong is told per document; the other documents are read all the same.
pub fn documents(text: &str, first_line: usize) -> (Vec<Node>, Vec<Wrong>) {
    let (mut nodes, mut wrong) = (Vec::new(), Vec::new());
    for (line, document) in split(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let mut reader = Reader { offset: first_line + line - 1, ..Reader::default() };
        if let Err(error) = reader.read(document) {
            reader.wrong.push(error);
        }
        wrong.append(&mut reader.wrong);
        nodes.extend(reader.done.into_iter().filter(|node| !node.is_nothing()));
    }
    (nodes, wrong)
}

/// Cuts a text before each `---`: at the start of a line that is always a new document (YAML 1.2.2, rule 206).
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut documents = vec![(0, 0)];
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marks =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        let directives_only = || {
            text[documents[documents.len() - 1].1..at].lines().all(|l| l.trim().is_empty() || l.starts_with(['%', '#']))
        };
        if marks && !(documents.len() == 1 && directives_only()) {
            documents.push((number, at));
        }
        at += line.len();
    }
    let ends: Vec<usize> = documents.iter().skip(1).map(|(_, at)| *at).chain([text.len()]).collect();
    documents.into_iter().zip(ends).map(|((line, start), end)| (line + 1, &text[start..end])).collect()
}

/// Builds nodes from what the parser tells; calls nothing by itself, however deep the text goes.
#[derive(Default)]
struct Reader {
    /// Added to the parser's line.
    offset: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    values: usize,
    repeated: usize,
    done: Vec<Node>,
    wrong: Vec<Wrong>,
}

/// A list or a mapping whose end has not come.
struct Open {
    line: usize,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<(String, Node)>, first: HashMap<String, usize>, key: Option<(String, usize)> },
}

impl Reader {
    fn read(&mut self, document: &str) -> Result<(), Wrong> {
        let mut parser = Parser::new_from_str(document);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.not_yaml(&error))?;
            let line = span.start.line() + self.offset - 1;
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let quoted = style != ScalarStyle::Plain || tag.is_some_and(|tag| is_text(&tag));
                    let content = Content::Scalar { text: text.into_owned(), quoted };
                    self.put(Node { line, content }, anchor)?;
                }
                Event::SequenceStart(anchor, _) => self.start(line, anchor, OpenContent::List(Vec::new()))?,
                Event::MappingStart(anchor, _) => {
                    let content = OpenContent::Map { entries: Vec::new(), first: HashMap::new(), key: None };
                    self.start(line, anchor, content)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(Open { line, anchor, content }) = self.open.pop() {
                        let content = match content {
                            OpenContent::List(items) => Content::List(items),
                            OpenContent::Map { entries, .. } => Content::Map(entries),
                        };
                        self.put(Node { line, content }, anchor)?;
                    }
                }
                Event::Alias(anchor) => self.repeat(line, anchor)?,
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn start(&mut self, line: usize, anchor: usize, content: OpenContent) -> Result<(), Wrong> {
        if self.open.len() >= DEEPEST {
            return Err(Wrong { line, text: format!("lists and mappings are nested more than {DEEPEST} deep") });
        }
        if let Some(Open { content: OpenContent::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(Wrong { line, text: "a key must be text, not a list or a mapping".to_owned() });
        }
        self.open.push(Open { line, anchor, content });
        Ok(())
    }

    fn repeat(&mut self, line: usize, anchor: usize) -> Result<(), Wrong> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Wrong { line, text: "an alias (*) cannot stand inside what it repeats".to_owned() });
        };
        let (node, size) = (node.clone(), *size);
        self.copied(line, size)?;
        self.put(node, 0)
    }

    /// Counts what was copied.
    fn copied(&mut self, line: usize, size: usize) -> Result<(), Wrong> {
        self.repeated += size;
        match self.repeated > MOST_REPEATED {
            true => Err(Wrong { line, text: "the aliases (*) of this document repeat too much".to_owned() }),
            false => Ok(()),
        }
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, mut node: Node, anchor: usize) -> Result<(), Wrong> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(Wrong {
                line: node.line,
                text: format!("there are more than {MOST_VALUES} values in this document"),
            });
        }
        if anchor > 0 {
            let size = node.size();
            self.copied(node.line, size)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.done.push(node);
            return Ok(());
        };
        match &mut open.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Map { entries, first, key } => match key.take() {
                None => {
                    let Content::Scalar { text, .. } = node.content else {
                        return Err(Wrong {
                            line: node.line,
                            text: "a key must be text, not a list or a mapping".to_owned(),
                        });
                    };
                    *key = Some((text, node.line));
                }
                Some((key, line)) => {
                    node.line = line;
                    match first.get(&key) {
                        Some(first) => {
                            let text = format!("\"{key}\" is there twice; first on line {first}");
                            self.wrong.push(Wrong { line, text });
                        }
                        None => {
                            first.insert(key.clone(), line);
                            entries.push((key, node));
                        }
                    }
                }
            },
        }
        Ok(())
    }

    fn not_yaml(&self, error: &ScanError) -> Wrong {
        Wrong { line: error.marker().line() + self.offset - 1, text: format!("this is not YAML: {}", error.info()) }
    }
}

fn is_text(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Vec<Value> {
        let (nodes, wrong) = documents(text, 1);
        assert_eq!(wrong, []);
        nodes.iter().map(Node::value).collect()
    }

    fn wrong(text: &str) -> Vec<(usize, String)> {
        documents(text, 1).1.into_iter().map(|w| (w.line, w.text)).collect()
    }

    #[test]
    fn words_that_look_like_answers_or_dates_stay_words() {
        assert_eq!(
            read(
                "a: yes\nb: 2026-03-02\nc: 1.10\nd: '6'\ne: 6\nf: ~\ng: true\nh: 5m\ni: .inf\nj: 1_0\nk: -3\nl: 503|timeout\nm: !!str 5"
            ),
            [
                json!({"a": "yes", "b": "2026-03-02", "c": 1.1, "d": "6", "e": 6, "f": null, "g": true, "h": "5m", "i": ".inf",
                "j": "1_0", "k": -3, "l": "503|timeout", "m": "5"})
            ]
        );
    }

    #[test]
    fn each_value_knows_the_line_of_its_key() {
        let (nodes, _) = documents(
            "\u{feff}# first\n---\na: 1\nsteps:\n  - id: x\n    why: |\n      long\n      text\n  - id: y\n",
            1,
        );
        let steps = nodes[0].get("steps").unwrap();
        let why = steps.items()[0].get("why").unwrap();
        assert_eq!([nodes[0].line, steps.line, why.line, steps.items()[1].line], [3, 4, 6, 9]);
    }

    #[test]
    fn a_broken_document_does_not_spoil_the_others_in_its_file() {
        let (nodes, wrong) = documents("a: 1\n---\nb: [1\n---\nc: \"x\n---\nd: 4\n", 1);
        assert_eq!(nodes.iter().map(Node::value).collect::<Vec<_>>(), [json!({"a": 1}), json!({"d": 4})]);
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].text.starts_with("this is not YAML: "));
        assert!((3..=4).contains(&wrong[0].line) && (5..=6).contains(&wrong[1].line), "{wrong:?}");
    }

    #[test]
    fn directives_comments_and_empty_documents_are_no_trouble() {
        assert_eq!(
            read("%YAML 1.2\n---\na: 1\n...\n---\n# nothing\n---\n\n--- {b: 2}\n"),
            [json!({"a": 1}), json!({"b": 2})]
        );
        assert!(read("").is_empty());
        assert_eq!(read("a: |\n  ---\n  text\r\n"), [json!({"a": "---\ntext\n"})]);
    }

    #[test]
    fn a_key_that_is_there_twice_names_both_lines_and_the_first_counts() {
        let (nodes, wrong) = documents("a: 1\nb: 2\na: 3\n", 1);
        assert_eq!(nodes[0].value(), json!({"a": 1, "b": 2}));
        assert_eq!(wrong, [Wrong { line: 3, text: "\"a\" is there twice; first on line 1".to_owned() }]);
    }

    #[test]
    fn aliases_repeat_what_was_written_but_not_without_end() {
        assert_eq!(read("a: &slow {max: 3}\nb: *slow\n"), [json!({"a": {"max": 3}, "b": {"max": 3}})]);
        let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for i in 1..20 {
            bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
        }
        assert!(wrong(&bomb)[0].1.contains("repeat too much"));
        assert!(wrong("a: &a [*a]\n")[0].1.contains("cannot stand inside"));
        assert!(wrong("a: *nobody\n")[0].1.contains("not YAML"));
    }

    #[test]
    fn what_is_nested_without_end_is_refused_and_breaks_nothing() {
        assert!(wrong(&"[".repeat(100))[0].1.contains("nested more than 64 deep"));
        assert!(!wrong(&"[".repeat(200_000)).is_empty());
        assert!(wrong(&"- ".repeat(200_000))[0].1.contains("nested more than 64 deep"));
        assert!(!wrong(&"{a: ".repeat(200_000)).is_empty());
        assert!(wrong(&format!("[{}]", "a,".repeat(300_000)))[0].1.contains("250000 values"));
        assert!(wrong("? [a]\n: 1\n")[0].1.contains("a key must be text"));
        assert!(wrong("a: 1\n\tb: 2\n").len() == 1);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(text in prop_oneof![
            any::<String>(),
            "[-:{}\\[\\],&*!|>'\"#%@` ab0\\n\\t?~]{0,80}",
            "(---|a: |- |&x |\\*x|\\n|  |\"|\\[|\\]|: |!!str |\\? |\\.\\.\\.\\n){0,30}",
        ]) {
            let (nodes, wrong) = documents(&text, 1);
            let lines = text.lines().count() + 2;
            prop_assert!(nodes.iter().map(|n| n.line).chain(wrong.iter().map(|w| w.line)).all(|line| (1..=lines).contains(&line)));
        }
    }
}
