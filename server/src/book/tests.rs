//! What a person is told about a book, mistake by mistake.

use std::fs;
use std::path::Path;

use app::markdown::LONGEST;

use super::*;

/// Reads a book of these files and says what is wrong, each as `file:line: text` with files relative to the folder.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let (dir, reading) = book(files);
    let prefix = format!("{}/", dir.path().display());
    reading.findings.iter().map(|f| f.to_string().replace(&prefix, "")).collect()
}

fn book(files: &[(&str, &str)]) -> (tempfile::TempDir, Reading) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let reading = read(dir.path()).unwrap();
    (dir, reading)
}

/// What is wrong with a workflow that continues so.
fn workflow(rest: &str) -> Vec<String> {
    findings(&[("w.yaml", &format!("kind: workflow\nid: w\nname: W\n{rest}"))])
}

const COMPONENTS: &str = "\
kind: component
id: erp-sync-worker
type: service
name: ERP sync worker
---
kind: component
id: erp
type: database
name: ERP
";

#[test]
fn a_typing_error_in_a_key_names_the_file_the_line_and_the_key_that_was_meant() {
    let text = "expect:\n  finish_wihtin: 30m\nsteps:\n  - id: a\n    name: A\n    retry: { max_atempts: 3, max_attempts: 3 }\n";
    assert_eq!(
        workflow(text),
        [
            "w.yaml:5: unknown key \"finish_wihtin\"; did you mean \"finish_within\"?",
            "w.yaml:9: unknown key \"max_atempts\"; did you mean \"max_attempts\"?",
        ]
    );
    assert_eq!(workflow("colour: red\n"), ["w.yaml:4: unknown key \"colour\""]);
}

#[test]
fn a_check_in_is_only_for_what_people_do() {
    let step = |more: &str| format!("steps:\n- id: a\n  name: A\n  check_in: anyone\n{more}");
    let text = format!("kind: workflow\nid: w\nname: W\n{}", step("  component: erp\n"));
    assert_eq!(
        findings(&[("w.yaml", &text), ("c.yaml", COMPONENTS)]),
        [
            "w.yaml:7: check_in is for what people do; \"erp\" is of type database, not an approval, a spreadsheet, a mailbox or a person"
        ]
    );
    assert_eq!(
        workflow(&step("")),
        [
            "w.yaml:7: check_in is for what people do; name a component that is an approval, a spreadsheet, a mailbox or a person"
        ]
    );
    assert_eq!(
        workflow("steps:\n- id: a\n  name: A\n  check_in: somebody\n"),
        ["w.yaml:7: \"somebody\" is not possible here; write one of anyone, account"]
    );
}

#[test]
fn a_wrong_value_says_what_is_needed_there() {
    let text = "criticality: hihg\nexpect: { finish_within: 30 }\nsteps:\n- id: a\n  name: A\n  after: b\n  retry: { max_attempts: six }\n  safe_to_retry: maybe\n";
    assert_eq!(
        workflow(text),
        [
            "w.yaml:4: \"hihg\" is not possible here; did you mean \"high\"?",
            "w.yaml:5: \"30\" is not a duration; write 30s, 5m, 2h or 3d",
            "w.yaml:9: a list is needed here; write [b]",
            "w.yaml:10: a whole number is needed here, not \"six\"",
            "w.yaml:11: \"maybe\" is not possible here; write one of yes, keyed, ask, never",
        ]
    );
    assert_eq!(
        workflow("steps:\n- id: a\n  name: A\n  retry: { max_attempts: -1 }\n"),
        ["w.yaml:7: a number from 0 up is needed here, not \"-1\""]
    );
    assert_eq!(
        workflow("purpose: { a: b }\n"),
        ["w.yaml:4: text is needed here, not a list or a mapping; put it in quotes if it holds : or #"]
    );
}

#[test]
fn systems_that_are_to_agree_are_at_least_two_on_a_thing_with_a_tolerance_that_can_be_read() {
    assert_eq!(
        workflow("agree:\n- systems: [shop]\n  fields: []\n  tolerence: 1%\n  tolerance: a bit\n"),
        [
            "w.yaml:4: systems can agree only on a thing; say with subject: what a run is about, like order",
            "w.yaml:5: two systems at least are needed to agree",
            "w.yaml:6: there is nothing to agree on; name a field",
            "w.yaml:7: unknown key \"tolerence\"; did you mean \"tolerance\"?",
            "w.yaml:8: \"a bit\" is not a tolerance; write a number from 0 up, like 0.01, or a share, like 1%",
        ]
    );
    assert_eq!(
        workflow(
            "subject: order\nagree:\n- { systems: [shop, erp, shop], fields: [status, status] }\n- { systems: [erp, shop], fields: [status], tolerance: -1 }\n"
        ),
        [
            "w.yaml:6: \"shop\" is there twice",
            "w.yaml:6: \"status\" is there twice",
            "w.yaml:7: \"-1\" is not a tolerance; write a number from 0 up, like 0.01, or a share, like 1%",
            "w.yaml:7: status of erp and shop is compared already further up",
        ]
    );
    let good = "subject: order\nagree:\n- { systems: [shop, erp], fields: [total], tolerance: 0.01, within: 5m }\n- { systems: [shop, erp], fields: [status], tolerance: 1% }\n";
    assert_eq!(workflow(good), Vec::<String>::new());
}

#[test]
fn a_number_where_text_is_meant_is_the_text() {
    let (_dir, reading) = book(&[(
        "w.yaml",
        "kind: workflow\nid: w\nname: 2026\nsteps: [{id: a, name: 1.10, failure_points: [{id: f, when: {code: 503}}]}]\n",
    )]);
    assert_eq!(reading.findings, []);
    let workflow = &reading.book.workflows["w"];
    assert_eq!((workflow.name.as_str(), workflow.steps[0].name.as_str()), ("2026", "1.10"));
    assert_eq!(workflow.steps[0].failure_points[0].when.code.as_deref(), Some("503"));
}

#[test]
fn what_must_be_there_and_is_not_is_told_and_the_entry_is_not_called_missing_as_well() {
    let files = [
        ("a.yaml", "kind: component\nid: erp\nname: ERP\n"),
        ("w.yaml", "kind: workflow\nid: w\nname: W\nsteps: [{id: a, name: A, component: erp}]\n"),
    ];
    assert_eq!(findings(&files), ["a.yaml:1: \"type\" is missing"]);
    let (_dir, reading) = book(&files);
    assert!(reading.has_errors());
    assert!(reading.book.workflows.contains_key("w"));
}

#[test]
fn a_document_without_a_kind_or_with_another_says_which_there_are() {
    let found = findings(&[("a.yaml", "id: x\n---\nkind: wokflow\nid: x\n---\n\nkind: team\n---\njust words\n")]);
    assert_eq!(
        found,
        [
            "a.yaml:1: \"kind\" is missing; write kind: workflow, kind: component, kind: decision, kind: workaround",
            "a.yaml:3: \"wokflow\" is not a kind; did you mean \"workflow\"?",
            "a.yaml:7: \"team\" is not a kind; write kind: workflow, kind: component, kind: decision, kind: workaround",
            "a.yaml:9: \"kind\" is missing; write kind: workflow, kind: component, kind: decision, kind: workaround",
        ]
    );
}

#[test]
fn a_syntax_error_names_its_line_and_the_rest_of_the_file_is_read() {
    let (_dir, reading) = book(&[("a.yaml", &format!("kind: component\nid: [broken\n---\n{COMPONENTS}"))]);
    assert_eq!(reading.findings.len(), 1, "{:?}", reading.findings);
    assert!(reading.findings[0].text.starts_with("this is not YAML"));
    assert!((2..=3).contains(&reading.findings[0].line));
    assert_eq!(reading.book.components.len(), 2);
}

#[test]
fn an_id_that_is_there_twice_names_both_places() {
    let (dir, reading) =
        book(&[("a.yaml", COMPONENTS), ("b/b.yaml", "# again\nkind: component\nid: erp\ntype: api\nname: Other\n")]);
    let first = dir.path().join("a.yaml");
    assert_eq!(reading.findings[0].text, format!("component \"erp\" is there twice; first in {}:6", first.display()));
    assert_eq!((reading.findings[0].line, reading.book.components["erp"].name.as_str()), (3, "ERP"));
}

#[test]
fn an_id_that_is_none_is_told_and_left_out() {
    let (_dir, reading) = book(&[("a.yaml", "kind: decision\nid: Not An Id\ndate: 2026-03-02\ndecided: x\n")]);
    assert!(
        reading.findings[0]
            .to_string()
            .ends_with("a.yaml:2: \"Not An Id\" is not an id; ids are 1 to 63 of a-z, 0-9 and -")
    );
    assert!(reading.book.decisions.is_empty() && reading.has_errors());
}

#[test]
fn a_name_that_leads_nowhere_is_told_wherever_it_stands_with_the_nearest_that_exists() {
    let text = "\
kind: workflow
id: order-to-erp
name: Order to ERP
steps:
  - id: reserve
    name: Reserve
    component: erp-sync-workr
  - id: push
    name: Push
    component: erp-sync-worker
    via: queue
    after: [resrve]
    failure_points:
      - id: refuses
        action: runbook:erp-refuses#do-it
      - id: other
        action: runbook:erp-refuse
---
kind: component
id: shop
type: service
name: Shop
depends_on:
  - { id: epr }
fields:
  - { name: status, used_by: [psh] }
---
kind: decision
id: d
date: 2026-03-02
decided: x
about: [step:order-to-erp/psh, workflow:order-to-epr]
supersedes: [e]
---
kind: workaround
id: w
what: x
about:
  - failure:order-to-erp/push/refusess
";
    let runbook = "# Do this now\n";
    assert_eq!(
        findings(&[("c.yaml", COMPONENTS), ("w.yaml", text), ("erp-refuses.md", runbook)]),
        [
            "w.yaml:7: component \"erp-sync-workr\" does not exist; did you mean \"erp-sync-worker\"?",
            "w.yaml:11: component \"queue\" does not exist",
            "w.yaml:12: step \"resrve\" does not exist in this workflow; did you mean \"reserve\"?",
            "w.yaml:15: runbook \"erp-refuses\" has no section \"do-it\"",
            "w.yaml:17: runbook \"erp-refuse\" does not exist; did you mean \"erp-refuses\"?",
            "w.yaml:24: component \"epr\" does not exist; did you mean \"erp\"?",
            "w.yaml:26: no workflow has a step \"psh\"; did you mean \"push\"?",
            "w.yaml:32: workflow \"order-to-epr\" does not exist; did you mean \"order-to-erp\"?",
            "w.yaml:32: workflow \"order-to-erp\" has no step \"psh\"; did you mean \"push\"?",
            "w.yaml:33: decision \"e\" does not exist",
            "w.yaml:39: step \"push\" of workflow \"order-to-erp\" has no failure point \"refusess\"; did you mean \"refuses\"?",
        ]
    );
}

#[test]
fn steps_that_go_in_a_circle_are_named_in_their_order() {
    let text = "steps:\n- { id: a, name: A, after: [] }\n- { id: b, name: B, after: [a, d] }\n- { id: c, name: C }\n- { id: d, name: D }\n- { id: e, name: E, after: [e] }\n";
    assert_eq!(
        workflow(text),
        [
            "w.yaml:6: the steps go in a circle: b, then c, then d, then b again",
            "w.yaml:9: step \"e\" cannot come after itself",
        ]
    );
}

#[test]
fn a_step_that_is_there_twice_names_the_first() {
    assert_eq!(
        workflow("steps:\n- { id: a, name: A }\n- { id: a, name: B }\n")[0],
        "w.yaml:6: step \"a\" is there twice; first on line 5"
    );
}

#[test]
fn schedules_zones_hours_dates_and_patterns_must_be_possible() {
    let text = "\
expect:
  start_at: 0 3 * *
  timezone: Europe/Berln
  active: weekdays
steps:
  - id: a
    name: A
    retry: { max_attempts: 0, factor: 0.5 }
    failure_points:
      - id: f
        when: { code: '50(3', message: '(a{1000}){1000}{1000}' }
---
kind: decision
id: d
date: 2026-02-30
decided: x
---
kind: workaround
id: w
what: x
since: spring
review_by: 2026-1-1
";
    let found = workflow(text);
    let starts = [
        "w.yaml:5: \"0 3 * *\" is not a cron line; write five fields",
        "w.yaml:6: \"Europe/Berln\" is not a time zone; write one like Europe/Berlin; did you mean \"Europe/Berlin\"?",
        "w.yaml:7: \"weekdays\" are not active hours",
        "w.yaml:11: a factor below 1",
        "w.yaml:11: max_attempts counts the first try too",
        "w.yaml:14: \"50(3\" is not a regular expression: unclosed group",
        "w.yaml:14: the pattern \"(a{1000}){1000}{1000}\" is too large",
        "w.yaml:18: \"2026-02-30\" is not a date; write YYYY-MM-DD",
        "w.yaml:24: \"spring\" is not a date",
        "w.yaml:25: \"2026-1-1\" is not a date",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    assert!(workflow("expect: { start_at: '0 3 * * *', start_every: 5m }\n")[0].contains("not both"));
    assert!(workflow("expect: { start_every: 5m, min_interval: 10m }\n")[0].contains("at least 10m apart"));
}

#[test]
fn a_runbook_is_checked_line_by_line() {
    let runbook = "\
---
title: ERP
for:
  - component:epr
---

# Do this now

See [the ERP](component:epr), [here](#do-ths-now) and [there](other.md#x).
It holds [12 tables](fact:component:erp?limits.depth=12), [never](fact:component:erp?limits.dpth=1),
[ours](fact:component:erp?owner=us) and [nobody's](fact:component:nobody?owner=us).

![Queue](live:queue/epr)
![State](live:state/nowhere)
![Graph](live:graph/erp)
[wrong](step:erp) [fine](component:erp) [fine](#do-this-now) [fine](https://example.com)
";
    let component = "kind: component\nid: erp\ntype: database\nname: ERP\nlimits: { depth: 500 }\n";
    assert_eq!(
        findings(&[("c.yaml", component), ("g/erp.md", runbook)]),
        [
            "g/erp.md:4: component \"epr\" does not exist; did you mean \"erp\"?",
            "g/erp.md:9: component \"epr\" does not exist; did you mean \"erp\"?",
            "g/erp.md:9: runbook \"erp\" has no section \"do-ths-now\"; did you mean \"do-this-now\"?",
            "g/erp.md:9: runbook \"other\" does not exist",
            "g/erp.md:10: \"dpth\" in \"limits.dpth\" is not a field of component:erp; did you mean \"depth\"?",
            "g/erp.md:10: the text says \"12 tables\" (limits.depth is 12), but limits.depth of component:erp is 500",
            "g/erp.md:11: component \"nobody\" does not exist",
            "g/erp.md:11: the text says \"ours\", but component:erp has no owner",
            "g/erp.md:13: component \"epr\" does not exist; did you mean \"erp\"?",
            "g/erp.md:14: workflow \"nowhere\" does not exist",
            "g/erp.md:15: \"graph\" is not a kind of live panel; the kinds are state, queue, retries, stuck, dependents and runs",
            "g/erp.md:16: \"step:erp\": write step:WORKFLOW/STEP",
        ]
    );
}

#[test]
fn runbooks_are_known_by_the_name_of_their_file() {
    let found = findings(&[("a/erp.md", "x"), ("b/erp.md", "y"), ("Bad Name.md", "z"), ("README.md", "not a runbook")]);
    assert_eq!(
        found[0],
        "Bad Name.md:1: \"Bad Name\" is not an id; name the file with 1 to 63 of a-z, 0-9 and -".replace(":1:", ":")
    );
    assert!(found[1].starts_with("b/erp.md: runbook \"erp\" is there twice; first in "));
    assert!(found[1].ends_with("a/erp.md:1"));
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_told_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), COMPONENTS).unwrap();
    fs::write(dir.path().join("b.yaml"), [0xff, 0xfe]).unwrap();
    fs::write(dir.path().join("c.md"), "x".repeat(LONGEST + 1)).unwrap();
    let reading = read(dir.path()).unwrap();
    assert_eq!(reading.findings[0].text, "the file is not UTF-8 text");
    assert_eq!(reading.findings[1].text, "the file has 6 MB; at most 5 MB can be read");
    assert_eq!(reading.book.components.len(), 2);
}

#[test]
fn a_folder_that_is_not_there_is_one_clear_line() {
    let error = read(Path::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(error.to_string(), "there is no folder /nowhere/at/all; name the folder of the book with --book");
}

#[test]
fn a_backstage_catalog_is_part_of_the_book() {
    let catalog = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: shop }\nspec:\n  type: website\n  owner: shop-team\n  dependsOn:\n  - component:erp\n  - component:gone\n---\napiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: { name: shop-team }\n";
    let (_dir, reading) = book(&[("catalog-info.yaml", catalog), ("c.yaml", COMPONENTS)]);
    assert_eq!(reading.book.components["shop"].depends_on[0].id, "erp");
    assert_eq!(reading.findings.len(), 1);
    assert!(reading.findings[0].to_string().ends_with("catalog-info.yaml:9: component \"gone\" does not exist"));
}

#[test]
fn a_draft_is_checked_against_the_book_in_use() {
    let (_dir, reading) = book(&[("c.yaml", COMPONENTS)]);
    let found =
        check_draft("draft", "---\ntitel: X\n---\n[x](component:erq) [y](#a)\n\n# A\n", &reading.book, &Anchors::new());
    let found: Vec<_> = found.iter().map(Finding::to_string).collect();
    assert_eq!(
        found,
        [
            "draft:2: unknown key \"titel\"; did you mean \"title\"?",
            "draft:4: component \"erq\" does not exist; did you mean \"erp\"?",
        ]
    );
    assert_eq!(runbook_text("draft", "# The title\n").front.title, "The title");
}

#[test]
fn the_example_book_has_nothing_wrong() {
    let reading = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks")).unwrap();
    let findings: Vec<_> = reading.findings.iter().map(Finding::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
    assert!(reading.book.workflows.len() >= 5 && reading.runbooks.len() >= 8);
}

#[test]
fn a_kept_book_says_what_it_said() {
    let book = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks")).unwrap().book;
    assert!(book.components.len() > 10 && !book.decisions.is_empty() && !book.workarounds.is_empty());
    let kept = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&kept).unwrap(), book);
}
