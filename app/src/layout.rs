//! A flow to coordinates: what is drawn of it, and where. Pure, and bounded whatever the graph.
//!
//! [`plan`] decides what is drawn and is cheap; [`place`] finds the positions and may be cached by the plan, which is
//! the topology and nothing else. Up to [`MOST`] steps everything is drawn, so a state never moves a node.
//! Beyond that, rarely seen undeclared steps stay in the list below, and chains on track fold into one node.
//! What is not drawn is named in the result, so that the page can say it.

use std::collections::{BTreeMap, BTreeSet};

use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, NodeLabel, RankDir, WorkControl, WorkError};

/// How many nodes are drawn, if possible.
pub const MOST: usize = 12;
/// How many ranks are drawn from left to right; longer flows go on in a next row, like text, or from top to bottom.
const MOST_ACROSS: usize = 6;
/// How many ranks a row has when there is more than one: the sides are needed for the ways between rows.
const MOST_IN_ROW: usize = 5;
/// How many edges may lead from one row to the next; more would be a tangle.
const MOST_BETWEEN_ROWS: usize = 3;
/// The width a page has for a diagram on a desktop.
const PAGE: f64 = 1232.0;
/// The width of a node; its name has two lines of [`LINE`] characters, its fact one.
const NODE: f64 = 184.0;
/// Characters in a line of a name.
const LINE: usize = 20;
/// Work that a layout may take: many times what 40 nodes and 120 edges need (about 10 ms).
const WORK: usize = 4_000_000;

/// A step, as far as drawing it goes.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether the book declares it.
    pub declared: bool,
    /// Whether it may be folded: nothing is wrong there.
    pub quiet: bool,
    /// How often runs came here.
    pub visits: i64,
}

/// An edge, as far as drawing it goes.
#[derive(Debug, Clone, Copy)]
pub struct Edge<'a> {
    /// From this step.
    pub from: &'a str,
    /// To that one.
    pub to: &'a str,
    /// Whether the book declares it.
    pub declared: bool,
    /// How often it was seen.
    pub count: i64,
}

/// What is drawn: the topology, without states and counts, so that it can be the key of a cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    nodes: Vec<PlannedNode>,
    edges: Vec<PlannedEdge>,
    steps_left_out: Vec<String>,
    edges_left_out: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PlannedNode {
    members: Vec<String>,
    lines: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PlannedEdge {
    from: usize,
    to: usize,
    /// Against the flow: rework. Without these edges the graph has no cycle.
    back: bool,
    /// Whether a count stands on it.
    counted: bool,
}

/// Where everything stands, in pixels from the top left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// The nodes, in the order of the steps.
    pub nodes: Vec<PlacedNode>,
    /// The edges.
    pub edges: Vec<PlacedEdge>,
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// Whether the flow goes from top to bottom instead of from left to right.
    pub down: bool,
    /// Ids of the steps that are only in the list, rarely seen ones.
    pub steps_left_out: Vec<String>,
    /// The edges that are only in the list: `(from, to)`; loops of a step to itself are among them.
    pub edges_left_out: Vec<(String, String)>,
}

/// A node and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedNode {
    /// The id of its step; of the first one when it is a folded chain.
    pub id: String,
    /// Every step in it: one, or those of the folded chain.
    pub members: Vec<String>,
    /// Its name in lines.
    pub lines: Vec<String>,
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// An edge and its way.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedEdge {
    /// The id of the node it leaves.
    pub from: String,
    /// The id of the node it enters.
    pub to: String,
    /// Against the flow.
    pub back: bool,
    /// From border to border.
    pub points: Vec<(f64, f64)>,
    /// Where its count stands, when it has one.
    pub label: Option<(f64, f64)>,
}

/// Positions for a flow; what is not drawn is named. See [`plan`] and [`place`] to cache it.
pub fn layout(steps: &[Step], edges: &[Edge]) -> Layout {
    place(&plan(steps, edges))
}

/// Decides what is drawn.
pub fn plan(steps: &[Step], edges: &[Edge]) -> Plan {
    let (kept, steps_left_out) = choose_steps(steps);
    let index: BTreeMap<&str, usize> = kept.iter().enumerate().map(|(i, s)| (s.id, i)).collect();
    let drawn = choose_edges(&kept, &index, edges);
    let chosen: BTreeSet<(&str, &str)> = drawn.iter().map(|e| (kept[e.from].id, kept[e.to].id)).collect();
    let edges_left_out = edges
        .iter()
        .filter(|e| !chosen.contains(&(e.from, e.to)))
        .map(|e| (e.from.to_owned(), e.to.to_owned()))
        .collect();
    let (nodes, edges) = fold(&kept, drawn);
    Plan { nodes, edges, steps_left_out, edges_left_out }
}

/// Seen less than once for this many times of the most frequent is rare.
const RARE: i64 = 50;

/// Keeps every declared step and every step where something is wrong, and of the others the most visited.
fn choose_steps<'a>(steps: &[Step<'a>]) -> (Vec<Step<'a>>, Vec<String>) {
    let mut rare: Vec<usize> = (0..steps.len()).filter(|&i| steps[i].quiet && !steps[i].declared).collect();
    rare.sort_by_key(|&i| steps[i].visits);
    let most_visits = steps.iter().map(|s| s.visits).max().unwrap_or_default();
    let very_rare = rare.iter().take_while(|&&i| steps[i].visits * RARE < most_visits).count();
    let too_many = steps.len().saturating_sub(MOST);
    rare.truncate(if too_many == 0 { 0 } else { too_many.max(very_rare) });
    let rare: BTreeSet<usize> = rare.into_iter().collect();
    let kept = steps.iter().enumerate().filter(|(i, _)| !rare.contains(i)).map(|(_, s)| *s).collect();
    (kept, rare.iter().map(|&i| steps[i].id.to_owned()).collect())
}

/// Draws what is declared, for each step its most frequent way in and out, then the most frequent others while the
/// picture stays readable. Edges that would close a cycle with more frequent ones go against the flow.
fn choose_edges(kept: &[Step], index: &BTreeMap<&str, usize>, edges: &[Edge]) -> Vec<PlannedEdge> {
    let mut known: Vec<(usize, usize, bool, i64)> = edges
        .iter()
        .filter_map(|e| Some((*index.get(e.from)?, *index.get(e.to)?, e.declared, e.count)))
        .filter(|(from, to, ..)| from != to)
        .collect();
    // The book's order breaks ties, so the same flow is always drawn the same way.
    known.sort_by_key(|&(from, to, declared, count)| (!declared, -count, from, to));
    known.dedup_by_key(|e| (e.0, e.1));
    let budget = kept.len() + kept.len() / 2;
    let (mut ins, mut outs) = (vec![0; kept.len()], vec![0; kept.len()]);
    let mut wanted = vec![false; known.len()];
    for (edge, &(from, to, declared, count)) in wanted.iter_mut().zip(&known) {
        let is_way = |others: i32, step: &Step| others == 0 && !step.declared && count * RARE >= step.visits;
        let first_way = is_way(outs[from], &kept[from]) || is_way(ins[to], &kept[to]);
        if declared || first_way {
            *edge = true;
            outs[from] += 1;
            ins[to] += 1;
        }
    }
    let most = known.iter().map(|e| e.3).max().unwrap_or_default();
    let mut drawn = wanted.iter().filter(|w| **w).count();
    let crowded = known.len() > budget;
    for (edge, known) in wanted.iter_mut().zip(&known).filter(|(w, _)| !**w) {
        let rare = known.3 * RARE < most;
        if drawn < budget && !(crowded && rare) {
            *edge = true;
            drawn += 1;
        }
    }
    let mut forward: Vec<Vec<usize>> = vec![Vec::new(); kept.len()];
    known
        .iter()
        .zip(wanted)
        .filter(|(_, wanted)| *wanted)
        .map(|(&(from, to, declared, _), _)| {
            let back = reaches(&forward, to, from);
            if !back {
                forward[from].push(to);
            }
            PlannedEdge { from, to, back, counted: !declared }
        })
        .collect()
}

fn reaches(next: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (vec![false; next.len()], vec![from]);
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if !std::mem::replace(&mut seen[node], true) {
            open.extend(&next[node]);
        }
    }
    false
}

/// Folds chains on track, longest first, only as far as the picture needs it.
fn fold(kept: &[Step], edges: Vec<PlannedEdge>) -> (Vec<PlannedNode>, Vec<PlannedEdge>) {
    let mut group: Vec<usize> = (0..kept.len()).collect();
    let mut too_many = kept.len().saturating_sub(MOST);
    if too_many > 0 {
        let mut chains = chains(kept, &edges);
        chains.sort_by_key(|c| std::cmp::Reverse(c.len()));
        for chain in chains {
            let part = &chain[..chain.len().min(too_many + 1)];
            if too_many == 0 || part.len() < 2 {
                break;
            }
            part.iter().for_each(|&i| group[i] = part[0]);
            too_many -= part.len() - 1;
        }
    }
    let mut nodes: Vec<(usize, PlannedNode)> = Vec::new();
    for first in 0..kept.len() {
        let members: Vec<usize> = (0..kept.len()).filter(|&i| group[i] == first).collect();
        let lines = match members.as_slice() {
            [] => continue,
            [one] => wrap(kept[*one].name),
            many => vec![format!("{} steps on track", many.len())],
        };
        nodes.push((first, PlannedNode { members: members.iter().map(|&i| kept[i].id.to_owned()).collect(), lines }));
    }
    let at = |step: usize| nodes.iter().position(|(first, _)| *first == group[step]).unwrap_or_default();
    let edges = edges
        .into_iter()
        .map(|e| PlannedEdge { from: at(e.from), to: at(e.to), ..e })
        .filter(|e| e.from != e.to)
        .collect();
    (nodes.into_iter().map(|(_, node)| node).collect(), edges)
}

/// Runs of steps on track with one way in and one way out.
fn chains(kept: &[Step], edges: &[PlannedEdge]) -> Vec<Vec<usize>> {
    let inner = |i: usize| {
        let touching = || edges.iter().filter(move |e| e.from == i || e.to == i);
        kept[i].quiet
            && touching().count() == 2
            && !touching().any(|e| e.back)
            && touching().any(|e| e.from == i)
            && touching().any(|e| e.to == i)
    };
    let inner: Vec<bool> = (0..kept.len()).map(inner).collect();
    let next = |i: usize| edges.iter().find(|e| e.from == i && inner[e.to]).map(|e| e.to);
    let is_start = |i: usize| inner[i] && !edges.iter().any(|e| e.to == i && inner[e.from]);
    (0..kept.len())
        .filter(|&i| is_start(i))
        .map(|start| std::iter::successors(Some(start), |&i| next(i)).collect())
        .collect()
}

/// A name in at most two lines.
fn wrap(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in name.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= LINE {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    if lines.len() > 2 {
        let rest = lines.split_off(1).join(" ");
        lines.push(rest);
    }
    lines.iter().map(|line| shorten(line, LINE)).collect()
}

/// At most `most` characters, the last one `…` when there were more.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Finds the positions: from left to right when that fits a page, else in rows, else from top to bottom.
pub fn place(plan: &Plan) -> Layout {
    if plan.nodes.is_empty() {
        return Layout { steps_left_out: plan.steps_left_out.clone(), ..Layout::default() };
    }
    let across = place_by_dagre(plan, false);
    let chosen = match across {
        Some(across) if across.width <= PAGE && ranks(&across).len() <= MOST_ACROSS => Some(across),
        Some(across) => match (in_rows(plan, &across), ranks(&across).len() <= MOST_ACROSS) {
            (Some(rows), _) => Some(rows),
            (None, few) => match place_by_dagre(plan, true) {
                Some(down) if few && down.width > PAGE && across.width <= down.width => Some(across),
                down => down.or(Some(across)),
            },
        },
        None => place_by_dagre(plan, true),
    };
    let mut layout = chosen.unwrap_or_else(|| place_in_grid(plan));
    layout.steps_left_out = plan.steps_left_out.clone();
    layout.edges_left_out = plan.edges_left_out.clone();
    layout
}

/// The work a layout may still take; a layout that wants more is refused instead of waited for.
struct Budget(usize);

impl WorkControl for Budget {
    fn charge(&mut self, units: usize) -> Result<(), WorkError> {
        self.0 = self.0.checked_sub(units).ok_or(WorkError::Interrupted)?;
        Ok(())
    }
}

/// Dagre's layered layout (Gansner et al. 1993, Brandes and Köpf 2001); nothing when it fails or takes too long.
fn place_by_dagre(plan: &Plan, down: bool) -> Option<Layout> {
    let h = height(plan);
    let mut graph: Graph<NodeLabel, EdgeLabel, GraphLabel> =
        Graph::new(GraphOptions { multigraph: true, ..GraphOptions::default() });
    graph.set_graph(GraphLabel {
        rankdir: if down { RankDir::TB } else { RankDir::LR },
        nodesep: if down { 28.0 } else { 16.0 },
        ranksep: match down {
            true => 36.0,
            // A count between two neighbours needs room; one on a way back has it beside the nodes.
            false if plan.edges.iter().any(|e| e.counted && !e.back) => 46.0,
            false => 24.0,
        },
        edgesep: 14.0,
        marginx: 2.0,
        marginy: margin(plan),
        ..GraphLabel::default()
    });
    for i in 0..plan.nodes.len() {
        graph.set_node(i.to_string(), NodeLabel { width: NODE, height: h, ..NodeLabel::default() });
    }
    for (i, edge) in plan.edges.iter().enumerate() {
        let (from, to) = if edge.back { (edge.to, edge.from) } else { (edge.from, edge.to) };
        let (width, height) = match (edge.counted, down) {
            (false, _) => (0.0, 0.0),
            (true, false) => (0.1, 18.0),
            (true, true) => (30.0, 0.1),
        };
        let weight = if edge.counted { 1.0 } else { 4.0 };
        let label = EdgeLabel { width, height, weight, ..EdgeLabel::default() };
        graph.set_edge_named(from.to_string(), to.to_string(), Some(i.to_string()), Some(label));
    }
    dugong::layout_controlled(&mut graph, &mut Budget(WORK)).ok()?;
    let nodes = plan.nodes.iter().enumerate().map(|(i, node)| {
        let at = graph.node(&i.to_string())?;
        Some(node.at(round(at.x? - NODE / 2.0), round(at.y? - h / 2.0), h))
    });
    let nodes: Vec<PlacedNode> = nodes.collect::<Option<_>>()?;
    let edges = plan.edges.iter().enumerate().map(|(i, edge)| {
        let (from, to) = if edge.back { (edge.to, edge.from) } else { (edge.from, edge.to) };
        let label = graph.edge(&from.to_string(), &to.to_string(), Some(&i.to_string()))?;
        let (start, end) = (&nodes[from], &nodes[to]);
        let mut points = vec![start.leave(down)];
        let inner = label.points.get(1..label.points.len().saturating_sub(1)).unwrap_or_default();
        points.extend(inner.iter().map(|p| (round(p.x), round(p.y))));
        points.push(end.enter(down));
        if edge.back {
            points.reverse();
        }
        let count = edge.counted.then(|| Some((round(label.x?), round(label.y?)))).flatten();
        Some(plan.edge(edge, points, count))
    });
    let edges: Vec<PlacedEdge> = edges.collect::<Option<_>>()?;
    let (width, height) = (graph.graph().width, graph.graph().height);
    Some(Layout { nodes, edges, width: width.ceil(), height: height.ceil(), down, ..Layout::default() })
}

/// The left edges of the ranks, in order.
fn ranks(across: &Layout) -> Vec<f64> {
    let mut ranks: Vec<f64> = across.nodes.iter().map(|n| n.x).collect();
    ranks.sort_by(f64::total_cmp);
    ranks.dedup_by(|a, b| (*a - *b).abs() < 1.0);
    ranks
}

/// Breaks a long flow into rows that read like text; nothing when too many edges would lead from row to row.
fn in_rows(plan: &Plan, across: &Layout) -> Option<Layout> {
    const LANE: f64 = 8.0;
    let ranks = ranks(across);
    let rank = |node: &PlacedNode| ranks.iter().rposition(|x| *x <= node.x + 1.0).unwrap_or_default();
    let spans: Vec<(usize, usize)> =
        plan.edges.iter().map(|e| (rank(&across.nodes[e.from]), rank(&across.nodes[e.to]))).collect();
    let cuts = best_cuts(ranks.len(), &spans)?;
    let row = |rank: usize| cuts.iter().filter(|cut| **cut <= rank).count();
    let lanes = spans.iter().filter(|(a, b)| row(*a) != row(*b)).count() as f64;
    // A count needs the height of a line beside the next one.
    let lane_height = if plan.edges.iter().any(|e| e.counted) { 18.0 } else { LANE };
    let (side, between_rows) = (22.0 + LANE * lanes, 26.0 + lane_height * lanes);
    let first = |r: usize| if r == 0 { ranks[0] } else { ranks[cuts[r - 1]] };
    let row_at = |x: f64| cuts.iter().filter(|cut| ranks[**cut] <= x + 1.0).count();
    // Each row is moved left by its first rank, and down below the rows before it.
    let margin = margin(plan);
    let (mut moves, mut tops, mut bottom) = (Vec::new(), Vec::new(), margin);
    for r in 0..=cuts.len() {
        let nodes = across.nodes.iter().filter(|n| row(rank(n)) == r).flat_map(|n| [n.y, n.y + n.h]);
        let ways = across.edges.iter().flat_map(|e| &e.points).filter(|p| row_at(p.0) == r).map(|p| p.1);
        let all: Vec<f64> = nodes.chain(ways).collect();
        let (top, end) = (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
        moves.push((side - first(r), bottom - top));
        tops.push(bottom);
        bottom += end - top + between_rows;
    }
    let at = |(x, y): (f64, f64), r: usize| (round(x + moves[r].0), round(y + moves[r].1));
    let mut nodes = across.nodes.clone();
    for node in &mut nodes {
        (node.x, node.y) = at((node.x, node.y), row(rank(node)));
    }
    let right = nodes.iter().map(|n| n.x + n.w).fold(0.0, f64::max);
    let mut lane = 0.0;
    let mut edges = across.edges.clone();
    for (edge, (from, to)) in edges.iter_mut().zip(&spans) {
        let (upper, lower) = (row(*from), row(*to));
        if upper == lower {
            edge.points.iter_mut().for_each(|p| *p = at(*p, upper));
            edge.label = edge.label.map(|p| at(p, upper));
            continue;
        }
        let cut = ranks[cuts[upper]];
        let mut way: Vec<_> = edge.points.iter().filter(|p| p.0 < cut - 1.0).map(|p| at(*p, upper)).collect();
        let rest: Vec<_> = edge.points.iter().filter(|p| p.0 >= cut - 1.0).map(|p| at(*p, lower)).collect();
        let (leave, enter) = (*way.last()?, *rest.first()?);
        let (out, back) = (right + 10.0 + LANE * lane, side - 14.0 - LANE * lane);
        let between = tops[lower] - 16.0 - lane_height * lane;
        way.extend([(out, leave.1), (out, between), (back, between), (back, enter.1)]);
        way.extend(rest);
        edge.label = edge.label.map(|_| ((out + back) / 2.0, between));
        edge.points = way;
        lane += 1.0;
    }
    let width = right + side;
    (width <= PAGE).then(|| Layout { nodes, edges, width, height: bottom - between_rows + margin, ..Layout::default() })
}

/// Where to break: as few rows as possible, then as few edges between them, then rows of the same length. An edge may
/// lead only along the flow into the next row.
fn best_cuts(ranks: usize, spans: &[(usize, usize)]) -> Option<Vec<usize>> {
    let rows = ranks.div_ceil(MOST_IN_ROW);
    let mut open: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 1..rows {
        open = open
            .into_iter()
            .flat_map(|cuts| {
                let last = cuts.last().copied().unwrap_or_default();
                (last + 1..=last + MOST_IN_ROW).map(move |cut| [cuts.as_slice(), &[cut]].concat())
            })
            .collect();
    }
    open.into_iter()
        .filter(|cuts| cuts.last().is_some_and(|last| *last < ranks && ranks - last <= MOST_IN_ROW))
        .filter_map(|cuts| {
            let row = |rank: usize| cuts.iter().filter(|cut| **cut <= rank).count();
            let steps = || spans.iter().map(|(a, b)| (row(*a), row(*b)));
            let crossing = steps().filter(|(a, b)| a != b).count();
            let bounds: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([ranks]).collect();
            let longest = bounds.windows(2).map(|w| w[1] - w[0]).max();
            (crossing <= MOST_BETWEEN_ROWS && steps().all(|(a, b)| a == b || a + 1 == b)).then_some((
                crossing,
                longest,
                std::cmp::Reverse(cuts),
            ))
        })
        .min()
        .map(|(_, _, cuts)| cuts.0)
}

/// Rows of six, as read: what is left when no layout was found.
fn place_in_grid(plan: &Plan) -> Layout {
    let h = height(plan);
    let at = |i: usize| ((i % MOST_ACROSS) as f64 * (NODE + 24.0) + 2.0, (i / MOST_ACROSS) as f64 * (h + 36.0) + 2.0);
    let nodes: Vec<PlacedNode> = plan.nodes.iter().enumerate().map(|(i, node)| node.at(at(i).0, at(i).1, h)).collect();
    let edges = plan.edges.iter().map(|edge| {
        let points = vec![nodes[edge.from].leave(false), nodes[edge.to].enter(false)];
        let middle = ((points[0].0 + points[1].0) / 2.0, (points[0].1 + points[1].1) / 2.0);
        plan.edge(edge, points, edge.counted.then_some(middle))
    });
    let edges = edges.collect();
    let width = nodes.iter().map(|n| n.x + n.w).fold(0.0, f64::max) + 2.0;
    let height = nodes.iter().map(|n| n.y + n.h).fold(0.0, f64::max) + 2.0;
    Layout { nodes, edges, width, height, ..Layout::default() }
}

/// The height of every node: room for the longest name, and one fact.
fn height(plan: &Plan) -> f64 {
    if plan.nodes.iter().any(|n| n.lines.len() > 1) { 74.0 } else { 58.0 }
}

/// Room above and below: half a line where counts may stand on the outermost way.
fn margin(plan: &Plan) -> f64 {
    if plan.edges.iter().any(|e| e.counted) { 11.0 } else { 2.0 }
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

impl Plan {
    fn edge(&self, edge: &PlannedEdge, points: Vec<(f64, f64)>, label: Option<(f64, f64)>) -> PlacedEdge {
        let id = |i: usize| self.nodes[i].members[0].clone();
        PlacedEdge { from: id(edge.from), to: id(edge.to), back: edge.back, points, label }
    }
}

impl PlannedNode {
    fn at(&self, x: f64, y: f64, h: f64) -> PlacedNode {
        let (members, lines) = (self.members.clone(), self.lines.clone());
        PlacedNode { id: self.members[0].clone(), members, lines, x, y, w: NODE, h }
    }
}

impl PlacedNode {
    /// Where edges along the flow leave.
    fn leave(&self, down: bool) -> (f64, f64) {
        if down { (self.x + self.w / 2.0, self.y + self.h) } else { (self.x + self.w, self.y + self.h / 2.0) }
    }

    /// Where edges along the flow enter.
    fn enter(&self, down: bool) -> (f64, f64) {
        if down { (self.x + self.w / 2.0, self.y) } else { (self.x, self.y + self.h / 2.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(id: &str, declared: bool, quiet: bool, visits: i64) -> Step<'_> {
        Step { id, name: id, declared, quiet, visits }
    }

    fn line(names: &[String], quiet: impl Fn(usize) -> bool) -> Layout {
        let steps: Vec<_> = names.iter().enumerate().map(|(i, n)| step(n, true, quiet(i), 1)).collect();
        let edges: Vec<_> =
            names.windows(2).map(|w| Edge { from: &w[0], to: &w[1], declared: true, count: 1 }).collect();
        layout(&steps, &edges)
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("step-{i}")).collect()
    }

    #[test]
    fn six_steps_in_a_row_fit_a_page_from_left_to_right() {
        let layout = line(&names(6), |_| true);
        assert!(!layout.down && layout.width <= PAGE, "{} wide", layout.width);
    }

    #[test]
    fn seven_steps_in_a_row_are_two_rows_that_read_like_text() {
        let layout = line(&names(7), |_| true);
        assert!(!layout.down && layout.width <= PAGE, "{} wide", layout.width);
        let rows: Vec<usize> = layout.nodes.chunk_by(|a, b| a.y == b.y).map(<[_]>::len).collect();
        assert_eq!(rows, [4, 3]);
    }

    #[test]
    fn a_long_flow_with_many_ways_around_goes_down() {
        let names = names(9);
        let steps: Vec<_> = names.iter().map(|n| step(n, true, true, 1)).collect();
        let mut edges: Vec<_> =
            names.windows(2).map(|w| Edge { from: &w[0], to: &w[1], declared: true, count: 1 }).collect();
        edges.push(Edge { from: &names[8], to: &names[0], declared: true, count: 1 });
        assert!(layout(&steps, &edges).down);
    }

    #[test]
    fn a_state_moves_no_node_of_a_flow_of_twelve() {
        assert_eq!(line(&names(12), |_| true), line(&names(12), |i| i != 5));
    }

    #[test]
    fn a_long_chain_on_track_folds_and_trouble_stays_in_sight() {
        let layout = line(&names(20), |i| i != 15);
        assert_eq!(layout.nodes.len(), MOST);
        assert!(layout.nodes.iter().any(|n| n.members == ["step-15"]));
        assert!(layout.nodes.iter().any(|n| n.lines[0] == "9 steps on track"));
        assert_eq!(layout.nodes.iter().map(|n| n.members.len()).sum::<usize>(), 20);
    }

    #[test]
    fn a_dense_observed_flow_draws_the_frequent_edges_and_names_the_rest() {
        let names = names(27);
        let steps: Vec<_> =
            names.iter().enumerate().map(|(i, n)| step(n, false, true, 1000 / (i as i64 + 1))).collect();
        let pairs = (0..27).flat_map(|a| (0..27).map(move |b| (a, b))).filter(|(a, b)| (a * 7 + b * 3) % 7 == 1);
        let edges: Vec<_> = pairs
            .map(|(a, b)| Edge {
                from: &names[a],
                to: &names[b],
                declared: false,
                count: 900 / (1 + a as i64 * b as i64),
            })
            .collect();
        let layout = layout(&steps, &edges);
        assert_eq!(layout.nodes.len(), MOST);
        assert_eq!(layout.steps_left_out.len(), 27 - MOST);
        assert_eq!(layout.edges.len() + layout.edges_left_out.len(), edges.len());
        assert!(layout.edges.len() <= 2 * MOST);
    }

    #[test]
    fn names_wrap_to_two_lines() {
        assert_eq!(
            wrap("Match payment with open invoices of the month"),
            ["Match payment with", "open invoices of th…"]
        );
        assert_eq!(wrap(""), [""]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn any_graph_is_placed_with_every_step_named_and_no_two_nodes_overlapping(
            marks in proptest::collection::vec((any::<bool>(), any::<bool>(), 0i64..100), 1..30),
            pairs in proptest::collection::vec((0usize..30, 0usize..30, any::<bool>(), 0i64..1000), 0..100),
        ) {
            let names = names(marks.len());
            let steps: Vec<_> =
                names.iter().zip(&marks).map(|(n, (declared, quiet, visits))| step(n, *declared, *quiet, *visits)).collect();
            let edges: Vec<_> = pairs
                .iter()
                .filter(|(a, b, ..)| *a < names.len() && *b < names.len())
                .map(|&(a, b, declared, count)| Edge { from: &names[a], to: &names[b], declared, count })
                .collect();
            let layout = layout(&steps, &edges);
            let mut placed: Vec<&str> = layout.nodes.iter().flat_map(|n| &n.members).map(String::as_str).collect();
            placed.extend(layout.steps_left_out.iter().map(String::as_str));
            placed.sort_unstable();
            let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
            wanted.sort_unstable();
            prop_assert_eq!(placed, wanted);
            for (i, a) in layout.nodes.iter().enumerate() {
                prop_assert!(a.x >= 0.0 && a.y >= 0.0 && a.x + a.w <= layout.width + 0.5 && a.y + a.h <= layout.height + 0.5);
                for b in &layout.nodes[i + 1..] {
                    let apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
                    prop_assert!(apart, "{} and {} overlap", a.id, b.id);
                }
            }
        }
    }
}
