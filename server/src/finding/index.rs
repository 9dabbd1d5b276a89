//! The index: words to the things that have them. All that is peculiar to tantivy is here.

use std::sync::Arc;

use app::model::find::letters::{Cut, Words, folded};
use app::model::find::{Asked, BEGINS_TYPING, Closeness, Wanted};
use tantivy::collector::TopDocs;
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{DocAddress, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use super::entries::{Entry, Target};

/// The name of our way to cut texts into words.
const LETTERS: &str = "letters";

/// How much memory the filling of the index may take: for few changes, and for many.
const ROOM: (usize, usize) = (15_000_000, 60_000_000);

/// What is this good or better is named so, and what is this good begins so; no sum of words comes near.
const NAMED: f32 = 10_000.0;
const BEGINS: f32 = 1_000.0;

/// A word that so many things have is frequent.
const FREQUENT: u64 = 500;

/// No name that is looked for by its beginning is longer.
const LONGEST_NAME: usize = 64;

/// The index.
pub struct Index {
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
}

/// What is kept of a thing.
#[derive(Debug, Clone, Copy)]
struct Fields {
    /// What changes together: a runbook, or one part of the book.
    group: Field,
    /// Which thing it is.
    target: Field,
    /// Its ids and names, each as a whole.
    whole: Field,
    /// The words of its ids and names.
    name: Field,
    /// The words of the name of what it is in.
    context: Field,
    /// The words of its text.
    text: Field,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("things", &self.reader.searcher().num_docs()).finish()
    }
}

impl Index {
    /// An empty one.
    ///
    /// # Errors
    /// What tantivy says; here and below nothing that somebody could put right.
    pub fn empty() -> tantivy::Result<Self> {
        let as_it_is =
            |record| TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false).set_index_option(record);
        let as_it_is = TextOptions::default().set_indexing_options(as_it_is(IndexRecordOption::Basic));
        let letters =
            TextFieldIndexing::default().set_tokenizer(LETTERS).set_index_option(IndexRecordOption::WithFreqs);
        let words = TextOptions::default().set_indexing_options(letters);
        let mut schema = Schema::builder();
        let fields = Fields {
            group: schema.add_text_field("group", as_it_is.clone()),
            target: schema.add_text_field("target", STORED),
            whole: schema.add_text_field("whole", as_it_is),
            name: schema.add_text_field("name", words.clone()),
            context: schema.add_text_field("context", words.clone()),
            text: schema.add_text_field("text", words),
        };
        let tokenizers = TokenizerManager::default();
        tokenizers.register(LETTERS, Letters);
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let builder = tantivy::Index::builder().schema(schema.build()).settings(settings).tokenizers(tokenizers);
        let index = builder.create_in_ram()?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, reader, fields })
    }

    /// Begins to change it. What is changed can be found after [`Changing::show`].
    ///
    /// # Errors
    /// What tantivy says.
    pub fn change(self: &Arc<Self>, many: bool) -> tantivy::Result<Changing> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(if many { ROOM.1 } else { ROOM.0 })
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        Ok(Changing { writer: self.index.writer_with_options(options)?, index: self.clone() })
    }

    /// The best things, best first, with how good they are.
    ///
    /// # Errors
    /// What tantivy says.
    pub fn find(&self, asked: &Asked, closeness: Closeness, most: usize) -> tantivy::Result<Vec<(Target, f32)>> {
        let searcher = self.reader.searcher();
        let found =
            searcher.search(&self.query(&searcher, asked, closeness), &TopDocs::with_limit(most).order_by_score())?;
        let targets =
            found.into_iter().map(|(score, at)| Ok(self.target(&searcher, at)?.map(|target| (target, score))));
        targets.filter_map(Result::transpose).collect()
    }

    fn target(&self, searcher: &Searcher, at: DocAddress) -> tantivy::Result<Option<Target>> {
        let kept: TantivyDocument = searcher.doc(at)?;
        Ok(kept.get_first(self.fields.target).and_then(|value| value.as_str()).and_then(Target::parse))
    }

    /// All the words, in any place; or its whole name. Where the name of what it is in has all of them and its own has
    /// not, it says nothing that the other does not.
    fn query(&self, searcher: &Searcher, asked: &Asked, closeness: Closeness) -> BooleanQuery {
        let Fields { name, context, text, .. } = self.fields;
        let all = |fields: &[(Field, f32)]| -> Vec<Box<dyn Query>> {
            asked.words().iter().map(|wanted| self.word(searcher, wanted, closeness, fields)).collect()
        };
        let anywhere = all(&[(name, 6.0), (context, 2.0), (text, 1.0)]);
        let words = BooleanQuery::union_with_minimum_required_clauses(anywhere, asked.needed(closeness));
        let elsewhere = BooleanQuery::new(vec![
            (Occur::Must, Box::new(BooleanQuery::intersection(all(&[(context, 1.0)])))),
            (Occur::MustNot, Box::new(BooleanQuery::intersection(all(&[(name, 1.0)])))),
        ]);
        let words = BooleanQuery::new(vec![(Occur::Must, Box::new(words)), (Occur::MustNot, Box::new(elsewhere))]);
        let mut any: Vec<Box<dyn Query>> = vec![Box::new(words)];
        if asked.whole().len() <= LONGEST_NAME {
            let whole = Term::from_field_text(self.fields.whole, asked.whole());
            let begins = FuzzyTermQuery::new_prefix(whole.clone(), 0, true);
            let named = TermQuery::new(whole, IndexRecordOption::Basic);
            any.push(Box::new(ConstScoreQuery::new(Box::new(named), NAMED)));
            any.push(Box::new(ConstScoreQuery::new(Box::new(begins), BEGINS)));
        }
        BooleanQuery::union(any)
    }

    /// One word, or one that it is the beginning of, or one that is close to it, in any of these fields.
    fn word(
        &self,
        searcher: &Searcher,
        wanted: &Wanted,
        closeness: Closeness,
        fields: &[(Field, f32)],
    ) -> Box<dyn Query> {
        let mut any: Vec<Box<dyn Query>> = Vec::new();
        let mut add = |query: Box<dyn Query>, boost| any.push(Box::new(BoostQuery::new(query, boost)));
        for (field, boost) in fields {
            let term = Term::from_field_text(*field, &wanted.text);
            let typing = if *field == self.fields.text { BEGINS_TYPING } else { 1 };
            // A frequent word that is followed by others has been typed, and finds enough as it is.
            let typed = || !wanted.last && searcher.doc_freq(&term).is_ok_and(|many| many >= FREQUENT);
            if wanted.begins(typing) && !typed() {
                add(Box::new(FuzzyTermQuery::new_prefix(term.clone(), 0, true)), boost * 0.5);
            }
            if closeness == Closeness::Close && wanted.forgiven > 0 {
                let close = match wanted.last {
                    true => FuzzyTermQuery::new_prefix(term.clone(), wanted.forgiven, true),
                    false => FuzzyTermQuery::new(term.clone(), wanted.forgiven, true),
                };
                add(Box::new(close), boost * 0.1);
            }
            add(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)), *boost);
        }
        Box::new(BooleanQuery::union(any))
    }
}

/// An index that is being changed, by one at a time.
pub struct Changing {
    writer: IndexWriter,
    index: Arc<Index>,
}

impl Changing {
    /// Takes out all things of a group.
    pub fn remove(&self, group: &str) {
        self.writer.delete_term(Term::from_field_text(self.index.fields.group, group));
    }

    /// Puts a thing in.
    ///
    /// # Errors
    /// What tantivy says.
    pub fn add(&self, group: &str, entry: &Entry) -> tantivy::Result<()> {
        let Fields { group: in_group, target, whole, name, context, text } = self.index.fields;
        let mut thing = TantivyDocument::default();
        thing.add_text(in_group, group);
        thing.add_text(target, entry.target.to_string());
        for own in entry.ids.iter().chain(&entry.names) {
            thing.add_text(name, own);
            let own = folded(own);
            thing.add_text(whole, &own[..own.floor_char_boundary(4 * LONGEST_NAME)]);
        }
        thing.add_text(context, &entry.context);
        thing.add_text(text, &entry.text);
        self.writer.add_document(thing).map(drop)
    }

    /// From now on what was changed so far is found.
    ///
    /// # Errors
    /// What tantivy says.
    pub fn show(&mut self) -> tantivy::Result<()> {
        self.writer.commit()?;
        self.index.reader.reload()
    }

    /// Ends the changing: waits until small pieces are put together, and lets what is no longer needed go.
    ///
    /// # Errors
    /// What tantivy says.
    pub fn end(self) -> tantivy::Result<()> {
        self.writer.wait_merging_threads()?;
        self.index.reader.reload()
    }
}

/// Cuts texts into words as the model does, so that the index and the marks in a text agree.
#[derive(Debug, Clone, Copy)]
struct Letters;

impl Tokenizer for Letters {
    type TokenStream<'a> = LetterStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LetterStream<'a> {
        LetterStream { words: Words::new(text, Cut::ToFind), token: Token::default() }
    }
}

struct LetterStream<'a> {
    words: Words<'a>,
    token: Token,
}

impl TokenStream for LetterStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.text = word.text;
        self.token.offset_from = word.range.start;
        self.token.offset_to = word.range.end;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
