//! Names from outside in every place of every figure: nothing is drawn outside of the picture, and a PNG has no
//! character that its font lacks.

use std::convert::Infallible;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
};

use super::canvas::{Align, Canvas, Font, LABEL};
use super::*;

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;

/// A text as a backend is handed it, in backend units.
struct Seen {
    text: String,
    at: BackendCoord,
    anchor: HPos,
    turned: bool,
    font: Font,
}

/// Keeps the texts and draws nothing.
struct Texts {
    size: (u32, u32),
    units: f64,
    seen: Vec<Seen>,
}

impl DrawingBackend for Texts {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, _: BackendCoord, _: BackendCoord, _: &S, _: bool) -> Drawn {
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, _: I, _: &S) -> Drawn {
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, _: BackendCoord, _: u32, _: &S, _: bool) -> Drawn {
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, _: I, _: &S) -> Drawn {
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let bold = matches!(style.style(), plotters_backend::FontStyle::Bold);
        let font = Font { size: style.size() / text::LINE / self.units, bold, ink: Ink::Text };
        let turned = matches!(style.transform(), FontTransform::Rotate270);
        self.seen.push(Seen { text: text.to_owned(), at, anchor: style.anchor().h_pos, turned, font });
        Ok(())
    }
}

/// Names as people's folders have them, and some that nobody should have.
fn names() -> Vec<String> {
    let long = "Strauß-".repeat(23);
    let spaced = "grüne Meerkatze ".repeat(10);
    [
        "猫",
        "长尾猴与金丝猴的幼崽们",
        "قطة 12",
        "кошка",
        "👨\u{200d}👩\u{200d}👧🐱",
        "cafe\u{301}",
        "a\u{1b}[31m\n<b>&",
        "\u{202e}gpj.exe",
        "",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([long, spaced, "猫".repeat(160), "קטה ".repeat(40), "W".repeat(160)])
    .collect()
}

/// Looks at the texts of a figure, as a PNG and as an SVG have them.
fn check(figure: &impl Figure) {
    text::register().unwrap();
    let (w, h) = figure.size();
    for (units, is_final) in [(4.0, true), (svg::UNITS, false)] {
        let mut texts = Texts { size: (w * units as u32, h * units as u32), units, seen: Vec::new() };
        let canvas = Canvas::new(&mut texts, units, Theme::Light);
        let mut canvas = if is_final { canvas.with_final_text() } else { canvas };
        figure.draw(&mut canvas).unwrap();
        let seen = std::mem::take(&mut texts.seen);
        let canvas = Canvas::new(&mut texts, units, Theme::Light);
        for Seen { text, at, anchor, turned, font } in &seen {
            assert!(!is_final || text::covers(text), "a box in {text:?}");
            let width = canvas.width(*font, text).unwrap();
            let (x, y) = (f64::from(at.0) / units, f64::from(at.1) / units);
            let before = match anchor {
                HPos::Left => 0.0,
                HPos::Center => 0.5,
                HPos::Right => 1.0,
            } * width;
            let (from, to, end) = match turned {
                true => (y - width + before, y + before, h),
                false => (x - before, x - before + width, w),
            };
            assert!(from >= -0.5 && to <= f64::from(end) + 0.5, "{text:?} from {from} to {to} of {end}");
        }
        assert!(seen.iter().all(|s| !s.text.chars().any(char::is_control)));
    }
    let svg = to_svg(figure, Theme::Light).unwrap();
    assert_well_formed(&svg);
    assert_well_formed(&to_adaptive_svg(figure).unwrap());
}

/// What XML 1.0 asks of characters and of the two signs of markup; figures nest nothing but groups.
fn assert_well_formed(svg: &str) {
    let is_allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(svg.chars().all(is_allowed), "{svg}");
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    for (i, _) in svg.match_indices('&') {
        let entity = &svg[i + 1..][..svg[i + 1..].find(';').unwrap()];
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&entity), "&{entity};");
    }
    for tag in ["svg", "g", "text", "title"] {
        let opened = svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
        assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let turned = svg.matches(['\u{2068}']).count();
    assert_eq!(turned, svg.matches(['\u{2069}']).count());
}

#[test]
fn class_names_of_any_script_and_length_stay_in_the_picture() {
    let names = names();
    let many: Vec<String> = (0..20).map(|i| format!("{} {i}", names[i % names.len()])).collect();
    let angle = |i: usize, n: usize| (i as f32 / n as f32 * std::f32::consts::TAU).sin_cos();
    for names in [&names[..1], &names, &many] {
        let x: Vec<f32> = (0..names.len()).flat_map(|i| <[f32; 2]>::from(angle(i, names.len()))).collect();
        let labels: Vec<u32> = (0..names.len() as u32).collect();
        let figure = Features {
            title: &names[0],
            subtitle: &names[0],
            embeddings: &x,
            dim: 2,
            labels: &labels,
            prototypes: &x,
            class_names: names,
            max_points: 0,
        };
        check(&figure);
    }
}

#[test]
fn titles_and_labels_of_any_script_and_length_stay_in_the_picture() {
    let counts = vec![1; arcsphere_eval::angles::BINS];
    for name in names() {
        let name = name.as_str();
        let curve = Curve { label: name, training_loss: &[2.0, 1.0], validation_accuracy: &[0.8, 0.9] };
        check(&Curves { title: name, subtitle: name, curves: &[curve, Curve { label: "b", ..curve }] });
        let target = TargetCurve { label: name, target: &f64::cos };
        check(&TargetCurves { title: name, subtitle: name, curves: &[target; 14] });
        let bar = BenchBar { label: name.into(), ratio: 2.0, range: Some((1.9, 2.1)) };
        let groups = [BenchGroup { name: name.into(), target: Some(1.5), bars: vec![bar; 3] }];
        check(&BenchBars { title: name, subtitle: name, axis: name, groups: &groups });
        let row = DifferenceRow { label: name.into(), value: 0.1, interval: None, n: 1, verdict: Verdict::Open };
        check(&Differences { title: name, subtitle: name, axis: name, rows: &[row] });
        let angles = AngleHistogram {
            title: name,
            subtitle: name,
            target: &[0.1, 0.3],
            nearest_nontarget: &[1.0, 1.2],
            nontarget_counts: &counts,
        };
        check(&angles);
        let (predicted, actual) = (&[20.0, 31.0][..], &[21.0, 30.0][..]);
        check(&Scatter { title: name, subtitle: name, quantity: name, unit: name, predicted, actual, k: Some(5.0) });
        let panel = BoundaryPanel { title: name, subtitle: name, target: &f64::cos };
        check(&Boundaries { title: name, subtitle: name, panels: &[panel; 2], max_angle: 3.0 });
    }
}

#[test]
fn a_png_numbers_the_classes_whose_names_it_cannot_write_and_the_svg_names_them() {
    let names = ["dog".to_owned(), "猫".to_owned(), "قطة".to_owned()];
    let figure = Features {
        title: "t",
        subtitle: "",
        embeddings: &[1.0, 0.0, 0.0, 1.0, -1.0, 0.0],
        dim: 2,
        labels: &[0, 1, 2],
        prototypes: &[],
        class_names: &names,
        max_points: 0,
    };
    let svg = to_svg(&figure, Theme::Light).unwrap();
    assert!(svg.contains(">猫<") && svg.contains(">\u{2068}قطة\u{2069}<") && !svg.contains("class 1"), "{svg}");
    text::register().unwrap();
    let mut texts = Texts { size: (3120, 2720), units: 4.0, seen: Vec::new() };
    figure.draw(&mut Canvas::new(&mut texts, 4.0, Theme::Light).with_final_text()).unwrap();
    let all: Vec<&str> = texts.seen.iter().map(|s| s.text.as_str()).collect();
    for text in ["dog", "class 1", "class 2"] {
        assert!(all.contains(&text), "{all:?}");
    }
    assert!(all.iter().any(|t| t.ends_with("classes with a number only are named in the SVG")), "{all:?}");
}

#[test]
fn a_name_that_fits_is_left_alone() {
    text::register().unwrap();
    let mut texts = Texts { size: (400, 400), units: 4.0, seen: Vec::new() };
    let mut canvas = Canvas::new(&mut texts, 4.0, Theme::Light);
    let width = canvas.width(LABEL, "abc").unwrap();
    for (x, align) in [(100.0 - width, Align::Left), (width, Align::Right), (50.0, Align::Center)] {
        canvas.text((x, 50.0), align, LABEL, "abc").unwrap();
    }
    canvas.text((100.0 - width + 1.0, 50.0), Align::Left, LABEL, "abc").unwrap();
    let all: Vec<&str> = texts.seen.iter().map(|s| s.text.as_str()).collect();
    assert!(all[..3] == ["abc"; 3] && all[3].contains('…'), "{all:?}");
}
