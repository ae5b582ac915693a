//! Plots with logarithmic axes, as SVG files. Never measures anything.

use std::fs;
use std::ops::Range;
use std::path::Path;

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

/// One line: its points by rising `x`, each above zero.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    /// Drawn grey and thin.
    pub(crate) is_limit: bool,
}

const SIZE: (u32, u32) = (720, 420);

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

impl Plot<'_> {
    /// Writes the file, in a folder that is made if it is not there. Says so on standard error.
    pub(crate) fn save(&self, path: &Path) {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("the folder of a plot can be made");
        }
        self.draw(path).expect("a plot can be written");
        eprintln!("plot: {}", path.display());
    }

    fn draw(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (x, y) = (self.extent(|point| point.0), self.extent(|point| point.1));
        let measured = self.series.iter().flat_map(|series| &series.points).map(|point| point.0).collect();
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 22))
            .margin(12)
            .margin_right(190)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(Logarithmic::at(&x, measured), Logarithmic::round(&y))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .label_style(("sans-serif", 16))
            .axis_desc_style(("sans-serif", 17))
            .x_label_formatter(&|value| (self.x.write)(*value))
            .y_label_formatter(&|value| (self.y.write)(*value))
            .draw()?;
        let (mut colours, mut greys) = (COLOURS.iter().cycle(), GREYS.iter().cycle());
        for (at, series) in self.series.iter().enumerate() {
            let palette = if series.is_limit { &mut greys } else { &mut colours };
            let colour = *palette.next().ok_or("a palette without colours")?;
            let style = colour.stroke_width(if series.is_limit { 1 } else { 2 });
            chart.draw_series(LineSeries::new(series.points.iter().copied(), style).point_size(3))?;
            // Beside the plot, where no line can be.
            let (left, top) = (SIZE.0 as i32 - 180, 60 + 22 * at as i32);
            area.draw(&PathElement::new([(left, top), (left + 22, top)], style))?;
            area.draw(&Text::new(series.name.replace('`', ""), (left + 30, top - 8), ("sans-serif", 16)))?;
        }
        area.present()?;
        Ok(())
    }

    fn extent(&self, coordinate: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
        let values = self.series.iter().flat_map(|series| &series.points).map(coordinate);
        values.fold(f64::INFINITY..0.0, |extent, value| extent.start.min(value)..extent.end.max(value))
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
