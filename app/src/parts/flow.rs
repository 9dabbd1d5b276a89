//! The flow of a workflow, drawn as a diagram and, with the same facts and links, as a list of its steps.

use leptos::prelude::*;

use super::blocks::names;
use super::document::is_past as is_over;
use super::marks::{broken, icon, mark, state_icon, tag};
use super::rows::path_part;
use super::times::when;
use crate::layout::{Layout, PlacedEdge, PlacedNode, shorten};
use crate::model::book::Workaround;
use crate::model::coverage::write_at;
use crate::model::mention::absent;
use crate::model::reference::Reference;
use crate::model::status::State;
use crate::pages::workflow::{EdgeNow, StepNow};

/// From how many steps in a row on track the list folds them while something else is wrong.
const FOLD: usize = 3;

/// How many characters of a fact fit into a node.
const FACT: usize = 26;

/// The diagram: nodes are links to the steps in the list; what is not drawn is said and listed under it.
pub fn diagram(name: &str, steps: &[StepNow], edges: &[EdgeNow], layout: &Layout) -> AnyView {
    if layout.nodes.len() < 2 {
        return ().into_any();
    }
    let (w, h) = (layout.width, layout.height);
    let hurt = downstream(steps, layout);
    let drawn_edges = layout.edges.iter().map(|edge| draw_edge(edge, layout, edges, &hurt)).collect_view();
    let drawn_nodes = layout.nodes.iter().map(|node| draw_node(node, steps)).collect_view();
    view! {
        <figure class=if layout.down { "flow down" } else { "flow" }>
            <div class="scroll">
                <svg role="group" aria-labelledby="flow-title" aria-describedby="flow-desc"
                    width=w height=h viewBox=format!("0 0 {w} {h}")>
                    <title id="flow-title">{format!("{name}: the flow")}</title>
                    <desc id="flow-desc">{description(steps)}</desc>
                    {drawn_edges}
                    {drawn_nodes}
                </svg>
            </div>
            <figcaption>
                {edges.iter().any(|e| !e.declared || e.count == 0).then(|| legend(edges))}
                {left_out(steps, edges, layout)}
            </figcaption>
        </figure>
    }
    .into_any()
}

/// What the lines of the diagram mean, as far as they occur in it.
pub fn legend(edges: &[EdgeNow]) -> AnyView {
    let key = |class: &'static str, words: &'static str| {
        view! {
            <li><svg class="key" aria-hidden="true" viewBox="0 0 36 8"><path class=class d="M1 4H35"/></svg>{words}</li>
        }
    };
    let seen = edges.iter().any(|e| e.declared && e.count > 0).then(|| key("e", "in the book and seen"));
    let faint = edges.iter().any(|e| e.declared && e.count == 0).then(|| key("e never", "in the book, never seen"));
    let dashed =
        edges.iter().any(|e| !e.declared).then(|| key("e undeclared", "seen, not in the book, with how often"));
    view! { <ul class="legend">{seen}{faint}{dashed}</ul> }.into_any()
}

/// "7 steps. Push to ERP is Broken: 412 waiting. The same facts are in the list."
fn description(steps: &[StepNow]) -> String {
    let mut words = format!("{} steps. ", steps.len());
    for step in steps {
        if let Some(state) = step.state.filter(|s| *s != State::OnTrack) {
            words += &format!("{} is {}: {}. ", step.name, state.words(), step.fact);
        }
    }
    words + "The same facts are in the list of steps."
}

/// Which nodes lie behind a broken one, along the flow: the edges between them are drawn thick.
fn downstream(steps: &[StepNow], layout: &Layout) -> Vec<String> {
    let broken =
        |node: &&PlacedNode| steps.iter().any(|s| node.members.contains(&s.id) && s.state == Some(State::Broken));
    let mut reached: Vec<String> = layout.nodes.iter().filter(broken).map(|n| n.id.clone()).collect();
    let mut next = 0;
    while next < reached.len() {
        let from = reached[next].clone();
        for edge in layout.edges.iter().filter(|e| !e.back && e.from == from) {
            if !reached.contains(&edge.to) {
                reached.push(edge.to.clone());
            }
        }
        next += 1;
    }
    reached
}

fn draw_edge(edge: &PlacedEdge, layout: &Layout, edges: &[EdgeNow], hurt: &[String]) -> AnyView {
    let members = |id: &str| layout.nodes.iter().find(|n| n.id == id).map(|n| n.members.as_slice()).unwrap_or_default();
    let (from, to) = (members(&edge.from), members(&edge.to));
    let meant = || edges.iter().filter(|e| from.contains(&e.from) && to.contains(&e.to));
    let (declared, count) = (meant().any(|e| e.declared), meant().map(|e| e.count).sum::<i64>());
    let mut class = match (declared, count) {
        (true, 0) => "e never".to_owned(),
        (true, _) => "e".to_owned(),
        (false, _) => "e undeclared".to_owned(),
    };
    if declared && !edge.back && hurt.contains(&edge.from) {
        class += " hurt";
    }
    let label = edge.label.map(|(x, y)| view! { <text class="count" x=x y=y + 4.0>{short_count(count)}</text> });
    view! {
        <g class=class><path d=curve(&edge.points, layout.down)/><path class="head" d=head(edge, layout.down)/>{label}</g>
    }
    .into_any()
}

/// `920`, `1.2k`, `34k`.
fn short_count(count: i64) -> String {
    match count {
        ..1_000 => count.to_string(),
        1_000..10_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        _ => format!("{}k", count / 1_000),
    }
}

/// A line through the points that leaves and arrives along the flow; right angles are rounded.
fn curve(points: &[(f64, f64)], down: bool) -> String {
    let Some((start, rest)) = points.split_first() else { return String::new() };
    let mut path = format!("M{} {}", start.0, start.1);
    let (mut x, mut y) = *start;
    for (i, &(to_x, to_y)) in rest.iter().enumerate() {
        let straight = (x - to_x).abs() < 1.0 || (y - to_y).abs() < 1.0;
        let (mid_x, mid_y) = ((x + to_x) / 2.0, (y + to_y) / 2.0);
        path += &match rest.get(i + 1) {
            Some(next) if straight && is_corner((x, y), (to_x, to_y), *next) => {
                let (before, after) = (toward((to_x, to_y), (x, y)), toward((to_x, to_y), *next));
                format!("L{} {}Q{to_x} {to_y} {} {}", before.0, before.1, after.0, after.1)
            }
            _ if straight => format!("L{to_x} {to_y}"),
            _ if down => format!("C{x} {mid_y:.1} {to_x} {mid_y:.1} {to_x} {to_y}"),
            _ => format!("C{mid_x:.1} {y} {mid_x:.1} {to_y} {to_x} {to_y}"),
        };
        (x, y) = (to_x, to_y);
    }
    path
}

/// Whether the line turns by a right angle at the middle one of three points.
fn is_corner(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> bool {
    let level = |p: (f64, f64), q: (f64, f64)| (p.1 - q.1).abs() < 1.0 && (p.0 - q.0).abs() > 10.0;
    let upright = |p: (f64, f64), q: (f64, f64)| (p.0 - q.0).abs() < 1.0 && (p.1 - q.1).abs() > 10.0;
    (level(a, b) && upright(b, c)) || (upright(a, b) && level(b, c))
}

/// The point up to 8 px from `from` in the direction of `to`.
fn toward(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let step = |a: f64, b: f64| a + (b - a).clamp(-8.0, 8.0);
    (step(from.0, to.0), step(from.1, to.1))
}

/// The arrow's head, on the border of the node it enters.
fn head(edge: &PlacedEdge, down: bool) -> String {
    let Some((x, y)) = edge.points.last() else { return String::new() };
    match (down, edge.back) {
        (false, false) => format!("M{x} {y}l-7 -4v8z"),
        (false, true) => format!("M{x} {y}l7 -4v8z"),
        (true, false) => format!("M{x} {y}l-4 -7h8z"),
        (true, true) => format!("M{x} {y}l-4 7h8z"),
    }
}

fn draw_node(node: &PlacedNode, steps: &[StepNow]) -> AnyView {
    let members: Vec<&StepNow> = steps.iter().filter(|s| node.members.contains(&s.id)).collect();
    let state = members.iter().filter_map(|s| s.state).max();
    let folded = members.len() > 1;
    let fact = match members.as_slice() {
        [one] => one.fact.clone(),
        [first, .., last] => format!("{} to {}", first.name, last.name),
        [] => String::new(),
    };
    let mut class = format!("n s-{}", state.map_or("none", State::name));
    if folded {
        class += " many";
    }
    if members.iter().all(|s| !s.declared) {
        class += " undeclared";
    }
    let (x, y) = (node.x, node.y);
    let name_lines = node.lines.iter().enumerate().map(|(i, line)| {
        view! { <text class="name" x=x + 36.0 y=y + 24.0 + 17.0 * i as f64>{line.clone()}</text> }
    });
    let picture = format!("{}/icons.svg#{}", super::ink().pkg, state.map_or("dot", state_icon));
    let whole = match folded {
        true => format!("{}: {fact}", node.lines.join(" ")),
        false => format!(
            "{}, {}: {fact}",
            members.first().map_or("", |s| &s.name),
            state.map_or("not seen yet", State::words)
        ),
    };
    let short = fitting(&fact);
    let cut = (short != fact).then(|| view! { <title>{fact.clone()}</title> });
    view! {
        <a href=format!("#step-{}", node.id) class=class aria-label=whole>
            {cut}
            {folded.then(|| view! { <rect class="under" x=x + 5.0 y=y + 5.0 width=node.w height=node.h rx="7"/> })}
            <rect x=x y=y width=node.w height=node.h rx="7"/>
            <svg class="icon" x=x + 11.0 y=y + 10.0 width="18" height="18" aria-hidden="true"><use_ href=picture/></svg>
            {name_lines.collect_view()}
            <text class="fact" x=x + 12.0 y=y + node.h - 13.0>{short}</text>
        </a>
    }
    .into_any()
}

/// What of a fact fits into a node: its first parts, so that no time and no number is cut in two where that can be. The
/// whole is in the list, and where the pointer is.
fn fitting(fact: &str) -> String {
    let Some((end, _)) = fact.char_indices().nth(FACT - 1).filter(|_| fact.chars().count() > FACT) else {
        return fact.to_owned();
    };
    let between = |(at, c): &(usize, char)| *at <= end && matches!(*c, ',' | ';') && fact[at + 1..].starts_with(' ');
    match fact.char_indices().rfind(between) {
        Some((at, _)) => format!("{}…", &fact[..at]),
        None => shorten(fact, FACT),
    }
}

/// "15 rarely seen steps and 72 rarer edges are not drawn", with every one of them in a list.
fn left_out(steps: &[StepNow], edges: &[EdgeNow], layout: &Layout) -> AnyView {
    let (steps_out, edges_out) = (layout.steps_left_out.len(), layout.edges_left_out.len());
    if steps_out + edges_out == 0 {
        return ().into_any();
    }
    let many = |n: usize, one: &str, more: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {more}")),
    };
    let what: Vec<String> = [
        many(steps_out, "rarely seen step", "rarely seen steps"),
        many(edges_out, "rarer way between steps", "rarer ways between steps"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let name = |id: &str| steps.iter().find(|s| s.id == id).map_or(id.to_owned(), |s| s.name.clone());
    let step = |id: &String| {
        view! { <li><a href=format!("#step-{id}")>{name(id)}</a></li> }
    };
    let edge = |(from, to): &(String, String)| {
        let count = edges.iter().find(|e| e.from == *from && e.to == *to).map_or(0, |e| e.count);
        let words = match from == to {
            true => format!("{} again", name(from)),
            false => format!("{} to {}", name(from), name(to)),
        };
        view! { <li>{words}" "<span class="dim">{format!("{count}×")}</span></li> }
    };
    view! {
        <details class="left-out">
            <summary>{format!("{} not drawn", what.join(" and "))}</summary>
            <ul class="names">{layout.steps_left_out.iter().map(step).collect_view()}</ul>
            <ul class="columns">{layout.edges_left_out.iter().map(edge).collect_view()}</ul>
        </details>
    }
    .into_any()
}

/// Every step in order with what is there now; each opens to say how it works. While something is wrong, chains on
/// track fold into one line.
pub fn spine(workflow: &str, steps: &[StepNow]) -> AnyView {
    let quiet = |step: &StepNow| matches!(step.state, None | Some(State::OnTrack));
    let trouble = steps.iter().any(|s| !quiet(s));
    let (declared, seen): (Vec<&StepNow>, Vec<&StepNow>) = steps.iter().partition(|s| s.declared);
    let mut lists = Vec::new();
    for (list, title) in [(declared, None), (seen, Some("Seen, but not in the book"))] {
        if list.is_empty() {
            continue;
        }
        let rows = list.chunk_by(|a, b| quiet(a) == quiet(b)).map(|part| match part {
            [first, ..] if trouble && quiet(first) && part.len() >= FOLD => folded(workflow, part),
            part => part.iter().map(|step| one_step(workflow, step)).collect_view().into_any(),
        });
        let title = title.filter(|_| steps.iter().any(|s| s.declared)).map(|t| view! { <h3>{t}</h3> });
        lists.push(view! { {title}<ol class="spine">{rows.collect_view()}</ol> });
    }
    lists.into_iter().collect_view().into_any()
}

fn folded(workflow: &str, steps: &[&StepNow]) -> AnyView {
    let rows = steps.iter().map(|step| one_step(workflow, step)).collect_view();
    let ends = match steps {
        [first, .., last] => format!("{} to {}", first.name, last.name),
        _ => String::new(),
    };
    // What was never seen is not on track.
    let unseen = steps.iter().filter(|step| step.state.is_none()).count();
    let (class, mark, words) = match (steps.len() - unseen, unseen) {
        (seen, 0) => ("fold s-on_track", state_icon(State::OnTrack), format!("{seen} steps on track")),
        (0, unseen) => ("fold s-none", "dot", format!("{unseen} steps not seen yet")),
        (seen, unseen) => ("fold s-none", "dot", format!("{seen} on track, {unseen} not seen yet")),
    };
    view! {
        <li class=class>
            <details>
                <summary>
                    {icon(mark)}
                    <span class="name">{words}</span>
                    <span class="fact">{ends}</span>
                </summary>
                <ol class="spine">{rows}</ol>
            </details>
        </li>
    }
    .into_any()
}

fn one_step(workflow: &str, step: &StepNow) -> AnyView {
    let class = format!("s-{}", step.state.map_or("none", State::name));
    let overdue = step.workarounds.iter().any(|w| w.review_by.as_deref().is_some_and(is_over));
    let state = match step.state {
        None => view! { <span class="dim">"Not seen yet"</span> }.into_any(),
        Some(State::OnTrack) => ().into_any(),
        Some(state) => mark(state),
    };
    view! {
        <li id=format!("step-{}", step.id) class=class>
            <details>
                <summary>
                    {icon(step.state.map_or("dot", state_icon))}
                    <span class="name">
                        {step.name.clone()}
                        {(!step.declared).then(|| tag("not in the book"))}
                        {overdue.then(|| tag("workaround past its date"))}
                    </span>
                    <span class="fact">{step.fact.clone()}</span>
                    {step.component.as_ref().map(|(_, name)| view! { <span class="by">"by "{name.clone()}</span> })}
                    <span class="side">{state}</span>
                </summary>
                {mechanics(workflow, step)}
            </details>
        </li>
    }
    .into_any()
}

/// How a step works: who does it, by when, how it tries again, how it fails.
fn mechanics(workflow: &str, step: &StepNow) -> AnyView {
    let row = |label: &'static str, value: Option<AnyView>| {
        value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
    };
    let text = |value: &Option<String>| value.clone().map(IntoAny::into_any);
    let own = Reference::Step(workflow.to_owned(), step.id.clone());
    let link = |reference: &Reference, name: &str| match step.missing.iter().position(|gone| gone == reference) {
        // A picture that was recorded before the sentences were has none.
        Some(at) => broken(name, &step.why_missing.get(at).cloned().unwrap_or_else(|| absent(reference))),
        None => view! { <a href=super::to(reference.path())>{name.to_owned()}</a> }.into_any(),
    };
    let part =
        |part: &Option<(String, String)>| part.as_ref().map(|(id, name)| link(&Reference::Component(id.clone()), name));
    let now = [(step.open, "on track"), (step.retrying, "retrying"), (step.late, "late"), (step.broken, "failed")];
    let now: Vec<(String, String)> = now
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| {
            let filter = match *words {
                "on track" => "open",
                words => words,
            };
            (
                format!("{n} {words}"),
                format!("/workflows/{}/runs?state={filter}&step={}", path_part(workflow), path_part(&step.id)),
            )
        })
        .collect();
    let now = (!now.is_empty()).then(|| names(&now));
    let seen = step.last_seen.map(|at| {
        let times = match step.visits {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        view! { {times}", last "{when(at)} }.into_any()
    });
    let usual = match &step.usual {
        Some(usual) => usual.words.clone().into_any(),
        None => "no usual yet".into_any(),
    };
    let failures = step.failure_points.iter().map(|point| {
        let action = point.action.as_ref().map(|action| link(action, "What to do"));
        let code = [&point.when.code, &point.when.message].into_iter().flatten().map(|w| {
            view! { <code>{w.clone()}</code>" " }
        });
        view! {
            <li>
                <p>{point.effect.clone().unwrap_or_else(|| point.id.clone())}" "{action}</p>
                {point.automatic.clone().map(|a| view! { <p class="dim">"By itself: "{a}</p> })}
                <p class="dim">{code.collect_view()}</p>
            </li>
        }
    });
    let failures = (!step.failure_points.is_empty())
        .then(|| view! { <ul class="failures">{failures.collect_view()}</ul> }.into_any());
    let for_now = (!step.workarounds.is_empty()).then(|| {
        let one = |w: &Workaround| {
            let over = w.review_by.as_deref().filter(|day| is_over(day));
            let over = over.map(|day| view! { " "<strong class="past">{format!("Past its date: {day}.")}</strong> });
            view! { <li><a href=super::to(format!("/workarounds/{}", w.id))>{w.what.clone()}</a>{over}</li> }
        };
        view! { <ul class="failures">{step.workarounds.iter().map(one).collect_view()}</ul> }.into_any()
    });
    let skipped = match (&step.if_skipped, step.declared) {
        (None, true) => Some(super::gap("Not written yet.", Some(write_at(&own, "if_skipped")))),
        (words, _) => text(words),
    };
    view! {
        <dl class="mechanics">
            {row("Here now", now)}
            {row("Means", text(&step.meaning))}
            {row("Done by", part(&step.component))}
            {row("Waits in", part(&step.via))}
            {row("Usual", Some(usual))}
            {row("Ends within", text(&step.finish_within))}
            {row("Tries again", text(&step.retry))}
            {row("Safe to retry", text(&step.safe_to_retry))}
            {row("If skipped", skipped)}
            {row("Fails like this", failures)}
            {row("Just for now", for_now)}
            {row("Seen", seen)}
        </dl>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_does_not_fit_ends_where_a_part_of_it_ends() {
        assert_eq!(fitting("4 of 6 tries, next 02:19"), "4 of 6 tries, next 02:19");
        assert_eq!(fitting("4 of 6 tries, next 02:19; 1,412 waiting"), "4 of 6 tries, next 02:19…");
        assert_eq!(fitting("412 failed, oldest 3 h 20 min"), "412 failed…");
        assert_eq!(fitting("Take the order to Push to ERP"), "Take the order to Push to…");
    }
}
