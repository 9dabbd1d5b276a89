//! The promises of `style/tokens.css`: text can be read on every ground, and states look different to everybody.

use std::collections::BTreeMap;

const TOKENS: &str = include_str!("../../../style/tokens.css");
const STATES: [&str; 5] = ["ok", "try", "late", "bad", "off"];
const TINTS: [&str; 5] = ["ok-t", "try-t", "late-t", "bad-t", "off-t"];

type Rgb = [f64; 3];

/// The colours of the light scheme, or of the dark one laid over it.
fn scheme(dark: bool) -> BTreeMap<&'static str, Rgb> {
    let (light, rest) = TOKENS.split_once("prefers-color-scheme: dark").expect("a dark scheme");
    let (only_dark, _) = rest.split_once("@media").expect("something after the dark scheme");
    let text = if dark { vec![light, only_dark] } else { vec![light] };
    let mut colours = BTreeMap::new();
    for declaration in text.iter().flat_map(|part| part.split(['{', ';', '}'])) {
        if let Some((name, value)) = declaration.trim().strip_prefix("--").and_then(|d| d.split_once(": #")) {
            let number = u32::from_str_radix(value, 16).expect("six hexadecimal digits");
            colours.insert(name, [16, 8, 0].map(|shift| f64::from(number >> shift & 255) / 255.0));
        }
    }
    colours
}

fn linear(colour: Rgb) -> Rgb {
    colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) })
}

/// WCAG 2.2, relative luminance and contrast ratio.
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let light = |c: Rgb| linear(c).iter().zip([0.2126, 0.7152, 0.0722]).map(|(c, weight)| c * weight).sum::<f64>();
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn multiply(matrix: [Rgb; 3], colour: Rgb) -> Rgb {
    matrix.map(|row| row.iter().zip(colour).map(|(m, c)| m * c).sum())
}

/// Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
const VISIONS: [(&str, [Rgb; 3]); 4] = [
    ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("protan", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ("deutan", [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    ("tritan", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];

/// CIE 1976 L*a*b*, D65.
fn lab(linear: Rgb) -> Rgb {
    let xyz = multiply(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
        linear.map(|c| c.clamp(0.0, 1.0)),
    );
    let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let [x, y, z] = [f(xyz[0] / 0.95047), f(xyz[1]), f(xyz[2] / 1.08883)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn words_can_be_read_on_every_ground() {
    for dark in [false, true] {
        let colours = scheme(dark);
        let grounds = ["bg", "surface", "surface-2"].iter().chain(&TINTS);
        for ground in grounds {
            for text in ["text", "text-2"] {
                let ratio = contrast(colours[text], colours[ground]);
                assert!(ratio >= 4.5, "{text} on {ground}, dark {dark}: {ratio:.2}");
            }
        }
        // Links stand on tints as well: "See why" in an outdated instruction.
        for ground in ["bg", "surface", "ok-t", "try-t", "late-t", "bad-t", "off-t"] {
            let ratio = contrast(colours["link"], colours[ground]);
            assert!(ratio >= 4.5, "link on {ground}, dark {dark}: {ratio:.2}");
        }
        assert!(contrast(colours["on-bad"], colours["bad"]) >= 4.5, "the word Broken, dark {dark}");
        assert!(contrast(colours["bg"], colours["link"]) >= 4.5, "a main button, dark {dark}");
    }
}

#[test]
fn state_colours_and_borders_can_be_seen_on_every_ground() {
    for dark in [false, true] {
        let colours = scheme(dark);
        for (state, tint) in STATES.iter().zip(TINTS) {
            for ground in ["bg", "surface", tint] {
                let ratio = contrast(colours[state], colours[ground]);
                assert!(ratio >= 3.0, "{state} on {ground}, dark {dark}: {ratio:.2}");
            }
        }
        for ground in ["bg", "surface", "surface-2"] {
            assert!(contrast(colours["control"], colours[ground]) >= 3.0, "control on {ground}, dark {dark}");
            assert!(contrast(colours["focus"], colours[ground]) >= 3.0, "focus on {ground}, dark {dark}");
        }
    }
}

#[test]
fn states_stay_apart_for_every_kind_of_colour_vision() {
    for dark in [false, true] {
        let colours = scheme(dark);
        for (vision, matrix) in VISIONS {
            for (i, a) in STATES.iter().enumerate() {
                for b in &STATES[i + 1..] {
                    let [p, q] = [a, b].map(|name| lab(multiply(matrix, linear(colours[name]))));
                    let apart = p.iter().zip(q).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                    assert!(apart >= 15.0, "{a} and {b}, {vision}, dark {dark}: {apart:.1}");
                }
            }
        }
    }
}
