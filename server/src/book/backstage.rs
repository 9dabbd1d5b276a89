//! Backstage `catalog-info.yaml` (descriptor format `backstage.io/v1alpha1`) as components and what they need.

use std::collections::{BTreeMap, BTreeSet};

use app::model::book::{Component, ComponentType, Dependency, DependencyMode, Limits};
use app::model::check::Lines;
use app::model::reference::is_id;

use super::node::Node;
use super::yaml::Wrong;

/// Everything that the catalog files of a book declare, before names are resolved.
#[derive(Default)]
pub(super) struct Catalog(Vec<Entity>);

/// One Component, Resource or API.
struct Entity {
    file: String,
    kind: &'static str,
    /// `metadata.name` in lower case: Backstage compares names so.
    name: String,
    node: Node,
}

/// A component that a catalog declares, and where.
pub(super) struct Declared {
    pub file: String,
    pub component: Component,
    pub lines: Lines,
}

/// Whether a document is meant for Backstage.
pub(super) fn is_entity(node: &Node) -> bool {
    node.get("apiVersion").and_then(Node::text).is_some_and(|version| version.starts_with("backstage.io/"))
}

impl Catalog {
    /// Takes a document; other kinds than Component, Resource and API say nothing about what we show.
    pub fn take(&mut self, file: &str, node: Node) -> Result<(), Wrong> {
        let kind = match node.get("kind").and_then(Node::text).map(str::to_lowercase).as_deref() {
            Some("component") => "component",
            Some("resource") => "resource",
            Some("api") => "api",
            _ => return Ok(()),
        };
        let Some(name) = node.get("metadata").and_then(|m| m.get("name")).and_then(Node::text) else {
            return Err(Wrong { line: node.line, text: "\"metadata.name\" is missing".to_owned() });
        };
        let name = name.to_lowercase();
        if !is_id(&id(&name)) {
            return Err(Wrong {
                line: node.line,
                text: format!("the name \"{name}\" cannot be made an id of a-z, 0-9 and -"),
            });
        }
        self.0.push(Entity { file: file.to_owned(), kind, name, node });
        Ok(())
    }

    /// The components, with the names of what they need resolved.
    pub fn components(self) -> Vec<Declared> {
        let ids = self.ids();
        let mut declared: Vec<Declared> = self.0.iter().map(|entity| entity.declared(&ids)).collect();
        for (index, entity) in self.0.iter().enumerate() {
            // What an entity offers, or is needed by, is a dependency of the other one.
            for (field, default, why) in
                [("providesApis", "api", Some("It provides this API.")), ("dependencyOf", "component", None)]
            {
                for target in entity.spec(field) {
                    let other = resolve(target, default, &ids);
                    let own = declared[index].component.id.clone();
                    if let Some(other) = declared.iter_mut().find(|d| d.component.id == other) {
                        other.needs(own, why, other.lines.line(""));
                    }
                }
            }
        }
        declared
    }

    /// The id of each entity by kind and name. Backstage lets a component and its API share a name; here that would be one.
    fn ids(&self) -> BTreeMap<(&'static str, String), String> {
        let mut ids = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for kind in ["component", "resource", "api"] {
            for entity in self.0.iter().filter(|e| e.kind == kind) {
                let key = (kind, entity.name.clone());
                if ids.contains_key(&key) {
                    // The same entity twice keeps its id, so that both places are named.
                    continue;
                }
                let plain = id(&entity.name);
                let id = if taken.contains(&plain) { format!("{plain}-{kind}") } else { plain };
                taken.insert(id.clone());
                ids.insert(key, id);
            }
        }
        ids
    }
}

impl Entity {
    fn metadata(&self, key: &str) -> Option<String> {
        Some(self.node.get("metadata")?.get(key)?.text()?.to_owned())
    }

    fn spec(&self, key: &str) -> &[Node] {
        self.node.get("spec").and_then(|s| s.get(key)).map_or(&[], Node::items)
    }

    fn declared(&self, ids: &BTreeMap<(&'static str, String), String>) -> Declared {
        let text = |key| self.node.get("spec").and_then(|s| s.get(key)).and_then(Node::text);
        let id = ids.get(&(self.kind, self.name.clone())).cloned().unwrap_or_default();
        let component = Component {
            id,
            kind: kind(self.kind, text("type").unwrap_or_default()),
            name: self.metadata("title").or_else(|| self.metadata("name")).unwrap_or_default(),
            owner: text("owner").map(|owner| owner.rsplit([':', '/']).next().unwrap_or(owner).to_owned()),
            meaning: self.metadata("description").map(|d| d.trim().to_owned()),
            if_unavailable: None,
            depends_on: Vec::new(),
            limits: Limits::default(),
            reports: None,
            fields: Vec::new(),
        };
        let mut declared = Declared { file: self.file.clone(), component, lines: Lines::new(self.node.line) };
        let needs = self.spec("dependsOn").iter().map(|n| (n, "component"));
        for (target, default) in needs.chain(self.spec("consumesApis").iter().map(|n| (n, "api"))) {
            declared.needs(resolve(target, default, ids), None, target.line);
        }
        declared
    }
}

impl Declared {
    fn needs(&mut self, id: String, why: Option<&str>, line: usize) {
        let needs = &mut self.component.depends_on;
        if needs.iter().any(|d| d.id == id) || id == self.component.id {
            return;
        }
        let number = needs.len().to_string();
        let mode = DependencyMode::default();
        needs.push(Dependency { id, mode, timeout: None, retry: None, fallback: None, why: why.map(str::to_owned) });
        let mut all = self.lines.at("/depends_on").clone();
        all.insert(number, Lines::new(line));
        self.lines.insert("depends_on", all);
    }
}

/// The id that an entity reference `[kind:][namespace/]name` means; one that is nowhere keeps its name, to be reported.
fn resolve(target: &Node, default: &str, ids: &BTreeMap<(&'static str, String), String>) -> String {
    let text = target.text().unwrap_or_default().to_lowercase();
    let (kind, name) = text.split_once(':').unwrap_or((default, &text));
    let name = name.rsplit('/').next().unwrap_or(name);
    let found = ids.iter().find(|((k, n), _)| *k == kind && n == name).map(|(_, id)| id.clone());
    found.unwrap_or_else(|| id(name))
}

/// A name of Backstage (`[a-zA-Z0-9_.-]`) as an id.
fn id(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// What sort of thing an entity is. Its `type` is free text, so this goes by the words that people use.
fn kind(kind: &str, written: &str) -> ComponentType {
    if kind == "api" {
        return ComponentType::Api;
    }
    let written = written.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| written.contains(w));
    match () {
        () if says(&["queue", "topic", "broker", "stream", "pubsub"]) => ComponentType::Queue,
        () if says(&["database", "db", "postgres", "mysql", "cache", "redis", "warehouse"]) => ComponentType::Database,
        () if says(&["bucket", "storage", "file", "sftp"]) => ComponentType::File,
        () if says(&["spreadsheet", "sheet"]) => ComponentType::Spreadsheet,
        () if says(&["mailbox", "email"]) => ComponentType::Mailbox,
        () if says(&["model", "llm"]) => ComponentType::Model,
        () if says(&["saas", "external", "third-party", "vendor"]) => ComponentType::External,
        () => ComponentType::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::documents;
    use super::*;

    const CATALOG: &str = "\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Payments
  title: Payment service
  description: Charges cards.
  annotations: { anything: goes }
spec:
  type: service
  lifecycle: production
  owner: group:default/shop-team
  providesApis: [payments]
  consumesApis:
    - bank_api
  dependsOn:
    - resource:default/payments-db
    - component:nobody
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: { name: payments }
spec: { type: openapi, owner: shop-team, definition: '...' }
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: { name: bank_api }
spec: { type: openapi, owner: user:bank, definition: '...' }
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: { name: payments-db }
spec: { type: postgres-database, owner: shop-team }
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: { name: all }
";

    #[test]
    fn a_catalog_becomes_components_that_need_each_other() {
        let mut catalog = Catalog::default();
        for node in documents(CATALOG, 1).0 {
            assert!(is_entity(&node));
            catalog.take("catalog-info.yaml", node).unwrap();
        }
        let declared = catalog.components();
        let short: Vec<_> = declared
            .iter()
            .map(|d| {
                let needs: Vec<_> = d.component.depends_on.iter().map(|n| n.id.as_str()).collect();
                (d.component.id.as_str(), d.component.kind, d.component.owner.as_deref().unwrap(), needs)
            })
            .collect();
        use ComponentType::{Api, Database, Service};
        assert_eq!(
            short,
            [
                ("payments", Service, "shop-team", vec!["payments-db", "nobody", "bank-api"]),
                ("payments-api", Api, "shop-team", vec!["payments"]),
                ("bank-api", Api, "bank", vec![]),
                ("payments-db", Database, "shop-team", vec![]),
            ]
        );
        assert_eq!(declared[0].component.name, "Payment service");
        assert_eq!(declared[0].component.meaning.as_deref(), Some("Charges cards."));
        assert_eq!(declared[0].lines.line("/depends_on/1/id"), 17);
    }

    #[test]
    fn an_entity_without_a_name_is_told() {
        let (nodes, _) = documents("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {}\n", 1);
        let wrong = Catalog::default().take("x.yaml", nodes[0].clone()).unwrap_err();
        assert_eq!((wrong.line, wrong.text.as_str()), (1, "\"metadata.name\" is missing"));
    }
}
