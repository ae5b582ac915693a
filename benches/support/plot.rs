//! Plots with logarithmic axes, as SVG files. Never measures anything.

use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

/// Lines over two logarithmic axes.
pub(crate) struct Plot<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) write: fn(f64) -> String,
}

/// One line: its points by rising `x`, each above zero. Lines of one name look alike in all plots of a file.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    /// Drawn grey and thin.
    pub(crate) is_limit: bool,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

const PANEL: (u32, u32) = (500, 390);
/// Width of the names beside the plots, where no line can be.
const LEGEND: u32 = 190;

/// Told apart also by who sees few colours (after Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

const GREYS: [RGBColor; 2] = [RGBColor(120, 120, 120), RGBColor(180, 180, 180)];

/// Writes rows of plots to one file, in a folder that is made if it is not there. Says so on standard error.
pub(crate) fn save(rows: &[Vec<Plot<'_>>], path: &Path) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("the folder of a plot can be made");
    }
    draw(rows, path).expect("a plot can be written");
    eprintln!("plot: {}", path.display());
}

fn draw(rows: &[Vec<Plot<'_>>], path: &Path) -> Outcome {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let size = (PANEL.0 * columns as u32 + LEGEND, PANEL.1 * rows.len() as u32);
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let looks = Looks::of(rows.iter().flatten());
    let (plots, legend) = area.split_horizontally(size.0 - LEGEND);
    for (row, area) in rows.iter().zip(plots.split_evenly((rows.len(), 1))) {
        // One scale for all of a row, so that they can be compared.
        let (x, y) = (extent(row, |point| point.0), extent(row, |point| point.1));
        for (plot, area) in row.iter().zip(area.split_evenly((1, columns))) {
            plot.draw(&area, &looks, &x, &y)?;
        }
    }
    looks.explain(&legend)?;
    area.present()?;
    Ok(())
}

fn extent(row: &[Plot<'_>], coordinate: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
    let points = row.iter().flat_map(|plot| &plot.series).flat_map(|series| &series.points);
    points
        .map(coordinate)
        .fold(f64::INFINITY..0.0, |extent, value| extent.start.min(value)..extent.end.max(value))
}

impl Plot<'_> {
    fn draw(&self, area: &Area<'_>, looks: &Looks<'_>, x: &Range<f64>, y: &Range<f64>) -> Outcome {
        let measured = self.series.iter().flat_map(|series| &series.points).map(|point| point.0).collect();
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(Logarithmic::at(x, measured), Logarithmic::round(y))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .label_style(("sans-serif", 16))
            .axis_desc_style(("sans-serif", 17))
            .x_label_formatter(&|value| shortened(&(self.x.write)(*value)))
            .y_label_formatter(&|value| shortened(&(self.y.write)(*value)))
            .draw()?;
        for series in &self.series {
            let look = looks.look(&series.name);
            chart.draw_series(LineSeries::new(series.points.iter().copied(), look.style()))?;
            chart.draw_series(series.points.iter().map(|point| EmptyElement::at(*point) + look.mark()))?;
        }
        Ok(())
    }
}

/// A number without zeros at the end of its fraction, and its unit.
fn shortened(text: &str) -> String {
    let unit = text.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{unit}")
}

/// How each line is drawn, by its name, in the order in which they are first named.
struct Looks<'a>(Vec<(&'a str, Look)>);

#[derive(Clone, Copy)]
struct Look {
    colour: RGBColor,
    width: u32,
    mark: Mark,
}

/// Corners around a point, in pixels.
type Mark = &'static [(i32, i32)];

/// A disc, a triangle, a square, a diamond.
const MARKS: [Mark; 4] = [
    &[(-4, -2), (-2, -4), (2, -4), (4, -2), (4, 2), (2, 4), (-2, 4), (-4, 2)],
    &[(0, -6), (5, 4), (-5, 4)],
    &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
    &[(0, -6), (5, 0), (0, 6), (-5, 0)],
];

impl<'a> Looks<'a> {
    fn of(plots: impl Iterator<Item = &'a Plot<'a>>) -> Self {
        let mut looks: Vec<(&str, Look)> = Vec::new();
        let (mut lines, mut limits) = (0, 0);
        for series in plots.flat_map(|plot| &plot.series) {
            if looks.iter().any(|(name, _)| *name == series.name) {
                continue;
            }
            let (palette, count, width): (&[_], _, _) =
                if series.is_limit { (&GREYS, &mut limits, 1) } else { (&COLOURS, &mut lines, 2) };
            let (colour, mark) = (palette[*count % palette.len()], MARKS[*count % MARKS.len()]);
            looks.push((&series.name, Look { colour, width, mark }));
            *count += 1;
        }
        Self(looks)
    }

    fn look(&self, name: &str) -> Look {
        let look = self.0.iter().find(|(known, _)| *known == name);
        look.map(|(_, look)| *look).expect("every line was given a look")
    }

    fn explain(&self, area: &Area<'_>) -> Outcome {
        for (at, (name, look)) in self.0.iter().enumerate() {
            let (left, top) = (4, 60 + 24 * at as i32);
            area.draw(&PathElement::new([(left, top), (left + 24, top)], look.style()))?;
            area.draw(&(EmptyElement::at((left + 12, top)) + look.mark()))?;
            area.draw(&Text::new(name.replace('`', ""), (left + 32, top - 8), ("sans-serif", 16)))?;
        }
        Ok(())
    }
}

impl Look {
    fn style(self) -> ShapeStyle {
        self.colour.stroke_width(self.width)
    }

    fn mark(self) -> Polygon<(i32, i32)> {
        Polygon::new(self.mark, self.colour.filled())
    }
}

/// A logarithmic axis, and where it has lines.
struct Logarithmic {
    range: Range<f64>,
    marks: Vec<f64>,
}

impl Logarithmic {
    fn over(extent: &Range<f64>) -> Self {
        // A single value, or none, would have no extent.
        let range = match extent.is_empty() {
            true => 1.0..10.0,
            false => extent.start * 0.8..extent.end * 1.25,
        };
        Self { range, marks: Vec::new() }
    }

    /// With lines at these values.
    fn at(extent: &Range<f64>, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        values.dedup();
        Self { marks: values, ..Self::over(extent) }
    }

    /// With lines at 1, 2 and 5 of each power of ten, or at the powers alone.
    fn round(extent: &Range<f64>) -> Self {
        let axis = Self::over(extent);
        let powers = axis.range.start.log10().floor() as i32..=axis.range.end.log10().ceil() as i32;
        let factors: &[f64] = if powers.clone().count() > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let marks = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
        Self { marks: marks.filter(|mark| axis.range.contains(mark)).collect(), ..axis }
    }
}

impl Ranged for Logarithmic {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        let share = (value / self.range.start).ln() / (self.range.end / self.range.start).ln();
        pixels.0 + (share * f64::from(pixels.1 - pixels.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Logarithmic {
    fn format(value: &f64) -> String {
        value.to_string()
    }
}
