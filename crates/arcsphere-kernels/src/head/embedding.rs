//! The gradient for X, from the lanes' sums over the classes and the rows' own prototypes.

use super::lane::Lane;
use super::layout::Layout;
use super::rows::Rows;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;
use crate::vecmath::dot;

/// How the mean loss moves with each row's angle to its own prototype, and with its norm.
#[derive(Debug, Default)]
pub(super) struct Pull {
    /// ∂(mean loss)/∂θ_iy.
    dtheta: Vec<f64>,
    /// The same as the passes take it.
    pub(super) dtheta_f32: Vec<f32>,
    /// ∂(mean loss)/∂‖x_i‖, by scale, ψ and penalty.
    dnorm: Vec<f64>,
}

impl Pull {
    /// Adds a row.
    pub(super) fn push(&mut self, dtheta: f64, dnorm: f64) {
        self.dtheta.push(dtheta);
        self.dtheta_f32.push(dtheta as f32);
        self.dnorm.push(dnorm);
    }
}

/// d(mean loss)/dX.
pub(super) fn gradient(isa: Isa, layout: &Layout, rows: &Rows, pull: &Pull, lanes: &[Lane<'_>], dx: &mut [f32]) {
    let ranges = parallel::split(layout.rows, lanes.len());
    let parts = parallel::cut(dx, &ranges, layout.dim);
    parallel::map(ranges.into_iter().zip(parts).collect(), |(range, dx)| {
        isa.run(Part { pull, layout, rows, lanes, first: range.start, dx });
    });
}

struct Part<'a, 'b> {
    pull: &'a Pull,
    layout: &'a Layout,
    rows: &'a Rows,
    lanes: &'a [Lane<'b>],
    /// The rows of `dx` start here.
    first: usize,
    dx: &'a mut [f32],
}

impl Kernel for Part<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { pull, layout, rows, lanes, first, dx } = self;
        let d = layout.dim;
        dx.fill(0.0);
        for (i, dx) in (first..).zip(dx.chunks_exact_mut(d)) {
            for lane in lanes {
                for (q, dx) in dx.chunks_mut(layout.wide).enumerate() {
                    for (to, from) in dx.iter_mut().zip(&lane.dx()[layout.place(q, i)..]) {
                        *to += from;
                    }
                }
            }
            if !rows.form.is_angular() {
                continue;
            }
            let (unit, toward) = (&rows.left[i * d..][..d], &rows.toward_prototype[i * d..][..d]);
            let along = dot(simd, dx, unit);
            let (inverse, dtheta, dnorm) = (1.0 / rows.norms[i], pull.dtheta[i], pull.dnorm[i]);
            for ((dx, &unit), &toward) in dx.iter_mut().zip(unit).zip(toward) {
                let tangent = f64::from(*dx - along * unit) - dtheta * f64::from(toward);
                *dx = (tangent * inverse + dnorm * f64::from(unit)) as f32;
            }
        }
    }
}
